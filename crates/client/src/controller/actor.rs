//! The actor's state, its loop, and what it does with each kind of input.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use jasmin_call::{Line, Timing};
use jasmin_media::audio::OutOfBandId;
use jasmin_protocol::{CallId, UserId, UserKeys};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant as TokioInstant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    Config, VaultKey,
    call::Ongoing,
    check::Check,
    chores::Chores,
    devices::{Lists, Own, open_system_settings},
    disclosures::DisclosureState,
    ledger::LedgerState,
    partners::PartnerState,
    policies::PolicyState,
    prompts::{Prompts, Wanted},
};
use crate::{
    AccountView, Command, Failure, FailureCode, LinkView, Processing, VaultView, View,
    account::{Account, SignUpForm},
    api::{Api, ServerUrl},
    call_log::CallLog,
    clock::{ServerClock, local_ms},
    driver::Update,
    gate::Gate,
    keys::Pins,
    ledger::Ledger,
    people::People,
    platform::Profile,
    policies::Policies,
    redact::Secret,
    screen::Screens,
    sealing::Sealer,
    socket::{Socket, SocketEvent},
    studio::{Happening, Studio},
    vault::{DeviceChoices, Vault},
};

/// Answer to a command.
pub(super) type Reply = oneshot::Sender<Result<(), Failure>>;

/// Everything the actor can hear.
pub(super) enum Input {
    /// A person wants something.
    Command(Command, Reply),
    /// The connection to the server, of the sign-in with this number.
    Socket(u64, SocketEvent),
    /// A call's session.
    Session(CallId, Update),
    /// A device.
    Device(Happening),
    /// Something that ran beside the actor is done.
    Done(Box<dyn FnOnce(&mut Actor) + Send>),
    /// The program ends.
    Quit,
}

/// Who is signed in, and all that belongs to it.
pub(super) struct SignedIn {
    pub(super) account: Account,
    pub(super) email: String,
    pub(super) sealer: Sealer,
    pub(super) socket: Socket,
    /// Tells this sign-in's inputs from those of the one before.
    pub(super) number: u64,
    pub(super) link: LinkView,
    pub(super) keys: BTreeMap<UserId, UserKeys>,
    pub(super) mailbox_seq: i64,
    /// Stored, not yet acknowledged.
    pub(super) ack: Option<i64>,
    pub(super) cancel: CancellationToken,
}

pub(super) struct Actor {
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) views: watch::Sender<Arc<View>>,
    pub(super) screens: Arc<Screens>,
    pub(super) _profile: Profile,
    pub(super) vault: Vault,
    pub(super) vault_key: VaultKey,
    pub(super) configured_server: Option<String>,
    pub(super) downloads: Option<PathBuf>,

    pub(super) server: Option<ServerUrl>,
    pub(super) clock: ServerClock,
    pub(super) outbox_url: Option<String>,
    pub(super) account: AccountView,
    pub(super) signed_in: Option<SignedIn>,
    pub(super) sign_ins: u64,
    /// Kept between sign-up and its code, in memory only.
    pub(super) sign_up_password: Option<Secret>,

    pub(super) people: People,
    pub(super) log: CallLog,
    pub(super) pins: Pins,
    pub(super) chores: Chores,
    /// Something in the vault is out of date.
    pub(super) dirty: bool,

    pub(super) gate: Gate,
    /// Whose decisions the gate has.
    pub(super) consents_of: Option<UserId>,
    pub(super) ledger: Ledger,
    pub(super) ledger_state: LedgerState,
    pub(super) disclosures: DisclosureState,
    pub(super) partners: PartnerState,
    /// Cases that the person has looked at.
    pub(super) seen_disclosures: BTreeSet<String>,
    pub(super) policies: Policies,
    pub(super) policy_state: PolicyState,
    pub(super) prompts: Prompts,
    pub(super) wanted: Option<Wanted>,

    pub(super) line: Line,
    pub(super) calls: BTreeMap<CallId, Ongoing>,
    /// Calls that were over before their ring was opened.
    pub(super) over: VecDeque<CallId>,

    pub(super) studio: Studio,
    pub(super) own: Own,
    pub(super) check: Option<Check>,
    pub(super) lists: Lists,
    pub(super) choices: DeviceChoices,
    pub(super) processing: Processing,
    pub(super) ring: Option<OutOfBandId>,

    pub(super) quitting: bool,
    /// This machine's Unix time at a monotonic moment.
    pub(super) started: (Instant, i64),
}

const PROCESSING: Processing = Processing {
    echo_cancellation: true,
    noise_suppression: true,
    automatic_gain: true,
};

impl Actor {
    pub(super) fn new(
        config: Config,
        profile: Profile,
        vault: Vault,
        inputs: mpsc::Sender<Input>,
        screens: Arc<Screens>,
    ) -> (Self, watch::Receiver<Arc<View>>) {
        let tell = inputs.clone();
        let studio = Studio::new(
            config.devices,
            PROCESSING,
            None,
            Arc::new(move |happening| {
                if tell.try_send(Input::Device(happening)).is_err() {
                    tracing::warn!("a device's word was lost");
                }
            }),
        );
        screens.show_own(studio.preview());
        let (views, receiver) = watch::channel(Arc::new(super::snapshot::empty()));
        let actor = Self {
            inputs,
            views,
            screens,
            _profile: profile,
            vault,
            vault_key: config.vault,
            configured_server: config.server,
            downloads: config.downloads,
            server: None,
            clock: ServerClock::new(),
            outbox_url: None,
            account: AccountView::SignedOut,
            signed_in: None,
            sign_ins: 0,
            sign_up_password: None,
            people: People::default(),
            log: CallLog::default(),
            pins: Pins::default(),
            chores: Chores::default(),
            dirty: false,
            gate: Gate::default(),
            consents_of: None,
            ledger: Ledger::default(),
            ledger_state: LedgerState::default(),
            disclosures: DisclosureState::default(),
            partners: PartnerState::default(),
            seen_disclosures: BTreeSet::new(),
            policies: Policies::default(),
            policy_state: PolicyState::default(),
            prompts: Prompts::default(),
            wanted: None,
            line: Line::new(Timing::default()),
            calls: BTreeMap::new(),
            over: VecDeque::new(),
            studio,
            own: Own::default(),
            check: None,
            lists: Lists::default(),
            choices: DeviceChoices::default(),
            processing: PROCESSING,
            ring: None,
            quitting: false,
            started: (Instant::now(), local_ms()),
        };
        (actor, receiver)
    }

    pub(super) async fn run(mut self, mut inputs: mpsc::Receiver<Input>) {
        self.open_vault();
        self.refresh_devices();
        loop {
            self.settle().await;
            if self.quitting && self.is_quiet() {
                break;
            }
            let wake = self.next_timeout();
            tokio::select! {
                input = inputs.recv() => match input {
                    Some(input) => self.hear(input),
                    None => break,
                },
                () = sleep_until(TokioInstant::from_std(wake.unwrap_or_else(Instant::now))),
                    if wake.is_some() => self.pass_time(),
            }
        }
        self.studio.close();
        if let Some(signed_in) = self.signed_in.take() {
            signed_in.socket.close().await;
        }
    }

    fn hear(&mut self, input: Input) {
        match input {
            Input::Command(command, reply) => self.obey(command, reply),
            Input::Socket(number, event) => self.socket_says(number, event),
            Input::Session(call_id, update) => self.session_says(call_id, update),
            Input::Device(happening) => self.device_says(happening),
            Input::Done(then) => then(self),
            Input::Quit => self.quit(),
        }
    }

    fn obey(&mut self, command: Command, reply: Reply) {
        tracing::debug!(?command, "a person wants");
        // Whoever does something does not wait for the next try.
        if let Some(signed_in) = &self.signed_in
            && matches!(signed_in.link, LinkView::Offline { .. })
        {
            signed_in.socket.wake();
        }
        let result = match command {
            Command::SetServer { url } => return self.set_server(&url, reply),
            Command::SignUp {
                name,
                email,
                password,
                birthday,
                policy,
            } => {
                let form = SignUpForm {
                    name: name.into(),
                    email: email.into(),
                    password: password.into(),
                    birthday: birthday.into(),
                };
                return self.sign_up(form, policy, reply);
            }
            Command::VerifyEmail { code } => return self.verify_email(code, reply),
            Command::ResendCode => return self.resend_code(reply),
            Command::AbandonSignUp => return self.abandon_sign_up(reply),
            Command::SignIn { email, password } => return self.sign_in(email, password, reply),
            Command::SignOut => return self.sign_out(reply),
            Command::UsePassphrase { passphrase } => {
                return self.vault_command(reply, move |vault| async move {
                    vault.use_passphrase(passphrase.into()).await
                });
            }
            Command::UseSessionOnly => {
                return self
                    .vault_command(reply, |vault| async move { vault.use_session_only().await });
            }
            Command::Unlock { passphrase } => {
                return self.vault_command(reply, move |vault| async move {
                    vault.unlock(passphrase.into()).await
                });
            }
            Command::ResetVault => {
                return self.vault_command(reply, |vault| async move { vault.reset().await });
            }
            Command::AddPerson { email } => return self.add_person(email, reply),
            Command::AcceptPerson { user_id } => return self.accept_person(user_id, reply),
            Command::RemovePerson { user_id } => return self.remove_person(user_id, reply),
            Command::AcceptNewKey { user_id } => self.accept_new_key(user_id),
            Command::Call { user_id, kind } => return self.place_call(user_id, kind, reply),
            Command::CallNow => self.call_now(),
            Command::Accept { kind } => self.accept(kind),
            Command::AcceptWaiting { kind } => self.accept_waiting(kind),
            Command::Decline => self.decline(),
            Command::DeclineWaiting => self.decline_waiting(),
            Command::SilenceRing => self.silence_ring(),
            Command::HangUp => self.hang_up(),
            Command::SetMicrophone { on } => self.set_microphone(on),
            Command::SetCamera { on } => self.set_camera(on),
            Command::SafetyWords { matched } => self.safety_words(matched),
            Command::DismissEnded => self.dismiss_ended(),
            Command::AnswerPrompt {
                prompt,
                answer,
                gesture,
            } => self.answer_prompt(prompt, answer, gesture),
            Command::WithdrawConsent { purpose, gesture } => {
                self.withdraw_consent(purpose, gesture)
            }
            Command::AskConsent { purpose } => self.ask_consent(purpose),
            Command::DecideForAccount {
                purpose,
                answer,
                gesture,
            } => self.decide_for_account(&purpose, answer, gesture),
            Command::StopSharing { partner, gesture } => self.stop_sharing(&partner, gesture),
            Command::OpenSystemSettings { purpose } => open_system_settings(purpose),
            Command::WithdrawAll { gesture } => self.withdraw_all(gesture),
            Command::ShowLedger { shown } => {
                self.ledger_state.shown = shown;
                if shown {
                    self.disclosures_were_seen();
                    self.look_at_disclosures();
                    self.look_at_partners();
                }
                Ok(())
            }
            Command::ShowPolicy { version } => self.show_policy(version),
            Command::ExportLedger => self.export_ledger(),
            Command::StartCheck => self.start_check(),
            Command::StopCheck => self.stop_check(),
            Command::PlayTone => self.play_tone(),
            Command::RecordClip => self.record_clip(),
            Command::ChooseDevice { kind, id } => self.choose_device(kind, id),
            Command::SetProcessing { processing } => self.set_processing(processing),
            Command::RefreshDevices => {
                self.refresh_devices();
                Ok(())
            }
            Command::Quit => {
                self.quit();
                Ok(())
            }
        };
        answer(reply, result);
    }

    /// Runs something beside the actor and comes back with what it gave.
    pub(super) fn background<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        then: impl FnOnce(&mut Actor, T) + Send + 'static,
    ) {
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            let result = work.await;
            let done = Input::Done(Box::new(move |actor: &mut Actor| then(actor, result)));
            if inputs.send(done).await.is_err() {
                tracing::debug!("something was done after the end");
            }
        });
    }

    /// After each input: carry out what the line wants, write down what must not be lost, and show
    /// the result.
    async fn settle(&mut self) {
        self.carry_out();
        if self.dirty {
            self.record_decisions();
            self.dirty = false;
            self.write_down().await;
        }
        if let Some(signed_in) = &mut self.signed_in
            && let Some(seq) = signed_in.ack.take()
        {
            signed_in.socket.ack(seq);
        }
        self.show();
    }

    async fn write_down(&mut self) {
        if !self.vault.is_open() {
            return;
        }
        let (people, log, pins) = (self.people.clone(), self.log.clone(), self.pins.clone());
        let (choices, processing) = (self.choices.clone(), self.processing);
        let decisions = self.gate.decisions().to_vec();
        let consents_of = self.consents_of;
        let chores = self.chores.clone();
        let ledger = self.ledger.clone();
        let policies = self.policies.clone();
        let seen_disclosures = self.seen_disclosures.clone();
        let server = self.server.as_ref().map(ToString::to_string);
        let mailbox_seq = self
            .signed_in
            .as_ref()
            .map(|signed_in| signed_in.mailbox_seq);
        let saved = self.vault.save(move |data| {
            data.consents = decisions;
            data.consents_of = consents_of;
            data.devices = choices;
            data.processing = Some(processing);
            data.policies = policies;
            if data.account.is_none() {
                data.server = server;
            }
            if let (Some(account), Some(mailbox_seq)) = (&mut data.account, mailbox_seq) {
                account.people = people;
                account.log = log;
                account.pins = pins;
                account.chores = chores;
                account.seen_disclosures = seen_disclosures;
                account.ledger = ledger;
                account.mailbox_seq = mailbox_seq;
            }
        });
        if let Err(error) = saved.await {
            // What is not stored is not acknowledged: the server will tell it again.
            tracing::error!(%error, "the vault cannot be written");
            if let Some(signed_in) = &mut self.signed_in {
                signed_in.ack = None;
            }
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        [
            self.line.next_timeout(),
            self.own.next_timeout(),
            self.check_timeout(),
            self.chores.due(),
            self.ledger_state.due(),
            self.policy_state.due(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn pass_time(&mut self) {
        let now = Instant::now();
        self.line.handle_timeout(now);
        self.own.handle_timeout(now);
        self.check_passes_time(now);
        self.do_chores(now);
        self.ledger_passes_time(now);
        self.policies_pass_time(now);
    }

    fn quit(&mut self) {
        self.quitting = true;
        self.stop_everything();
    }

    /// This machine's Unix time of a monotonic moment.
    pub(super) fn unix_ms(&self, at: Instant) -> f64 {
        let (started, started_ms) = self.started;
        let ms = if at >= started {
            (at - started).as_secs_f64() * 1_000.0
        } else {
            -(started - at).as_secs_f64() * 1_000.0
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds since 1970 fit into 53 bits"
        )]
        let started_ms = started_ms as f64;
        (started_ms + ms).round()
    }

    pub(super) fn api(&self) -> Result<Api, Failure> {
        let server = self
            .server
            .clone()
            .ok_or_else(|| failure(FailureCode::NotAServer, "no server is set"))?;
        Ok(Api::new(server, self.clock.clone())?)
    }

    pub(super) fn me(&self) -> Option<UserId> {
        self.signed_in
            .as_ref()
            .map(|signed_in| signed_in.account.me().user_id)
    }

    fn open_vault(&mut self) {
        let vault = self.vault.clone();
        let key = self.vault_key;
        self.background(
            async move {
                match key {
                    VaultKey::Keyring => vault.open().await,
                    VaultKey::Session => vault.open_for_session().await,
                }
            },
            |actor, view| actor.vault_opened(&view),
        );
    }

    fn vault_command<F, E>(&mut self, reply: Reply, work: impl FnOnce(Vault) -> F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Failure> + Send + 'static,
    {
        let work = work(self.vault.clone());
        self.background(work, |actor, result| {
            let view = actor.vault.view();
            actor.vault_opened(&view);
            answer(reply, result.map_err(Into::into));
        });
    }

    fn vault_opened(&mut self, view: &VaultView) {
        if matches!(view, VaultView::Open { .. }) && self.server.is_none() {
            self.load();
        }
    }
}

pub(super) fn answer(reply: Reply, result: Result<(), Failure>) {
    if let Err(failure) = &result {
        tracing::info!(code = ?failure.code, "a command was refused");
    }
    if reply.send(result).is_err() {
        tracing::debug!("nobody waited for an answer");
    }
}

pub(super) fn failure(code: FailureCode, detail: &str) -> Failure {
    Failure {
        code,
        detail: detail.to_owned(),
        field: None,
        retry_after_ms: None,
    }
}

//! Two people who know each other, each at a desk with a camera, a microphone and the app.

use std::{collections::BTreeMap, thread, time::Duration};

use anyhow::{Context, Result, ensure};
use jasmin_vcam::{Activity, barcode::Stamp, spec::Camera};

use crate::{
    Desk, Person, RATE, Sight, Speech, Window, World,
    lens::{Lens, lens},
    monotonic_ns, unix_ms_as_monotonic_ns, until, until_within,
};

/// Setting up a call on a busy machine: devices, sealing, ICE, DTLS, the first picture.
pub const CONNECT: Duration = Duration::from_secs(40);

/// After so many looks without a picture, its place is looked for again.
const LOOK_ANEW: u32 = 20;

/// One person at one desk.
#[derive(Debug)]
pub struct Side {
    /// The app.
    pub window: Window,
    /// Where it runs.
    pub desk: Desk,
    /// Who uses it.
    pub person: Person,
    /// The number of the camera: it is part of the barcode in its pictures.
    pub camera: u32,
}

/// How old the pictures of one camera were when they were seen first, by the time in them.
struct Ages {
    camera: u32,
    fresh: Duration,
    seen: BTreeMap<u32, u32>,
}

impl Ages {
    fn of(side: &Side, fresh: Duration) -> Self {
        let (camera, seen) = (side.camera, BTreeMap::new());
        Self {
            camera,
            fresh,
            seen,
        }
    }

    fn add(&mut self, stamp: Stamp, at_ns: u64) -> Result<()> {
        ensure!(
            u32::from(stamp.camera) == self.camera,
            "it is of camera {}",
            stamp.camera
        );
        let age = stamp.age_at((at_ns / 1_000_000) as u32);
        self.seen.entry(stamp.millis).or_insert(age);
        Ok(())
    }

    /// So many of them were fresh.
    fn enough(&self, pictures: usize) -> Result<Option<()>> {
        let is_fresh = |age: &&u32| u128::from(**age) < self.fresh.as_millis();
        let fresh = self.seen.values().filter(is_fresh).count();
        ensure!(
            fresh >= pictures,
            "{} were seen, {fresh} of them fresh",
            self.seen.len()
        );
        Ok(Some(()))
    }

    /// In milliseconds.
    fn median(self) -> u32 {
        let mut ages: Vec<u32> = self.seen.into_values().collect();
        ages.sort_unstable();
        ages[ages.len() / 2]
    }
}

/// Both.
#[derive(Debug)]
pub struct Pair {
    /// Who calls.
    pub ana: Side,
    /// Who is called.
    pub ben: Side,
}

impl Pair {
    /// Two accounts, two windows, contacts of each other.
    pub fn meet(world: &World) -> Result<Self> {
        Self::meet_with(world, &Camera::default())
    }

    /// As [`Pair::meet`], with cameras of a kind.
    pub fn meet_with(world: &World, kind: &Camera) -> Result<Self> {
        let (ana, ben) = thread::scope(|scope| {
            let ana = scope.spawn(|| Side::arrive(world, "Ana", 0, kind));
            let ben = scope.spawn(|| Side::arrive(world, "Ben", 1, kind));
            (ana.join(), ben.join())
        });
        let arrived = |side: thread::Result<Result<Side>>| {
            side.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        let pair = Self {
            ana: arrived(ana)?,
            ben: arrived(ben)?,
        };
        world.befriend(
            (&pair.ana.window, &pair.ana.person),
            (&pair.ben.window, &pair.ben.person),
        )?;
        Ok(pair)
    }

    /// Ana calls Ben, both allow everything, and they talk.
    pub fn talk(&self) -> Result<()> {
        self.ana.call(&self.ben, "video")?;
        self.ana.answer(2, |_| "allow", &["calling", "ringing"])?;
        self.ben.pick_up("video")?;
        self.ben.answer(2, |_| "allow", &["active"])?;
        self.ana.wait_for_state(CONNECT, &["active"]).map(drop)
    }

    /// Each sees the other's camera.
    pub fn see_each_other(&self) -> Result<()> {
        self.ana.watch(&self.ben, 3)?;
        self.ben.watch(&self.ana, 3).map(drop)
    }
}

/// A question about a device, as the page marks it.
#[derive(Debug)]
struct Asked {
    question: String,
    purpose: String,
    /// It was seen for long enough to take a press.
    ready: bool,
}

impl Side {
    /// Somebody with an account and an open window, at a desk with one camera.
    pub fn arrive(world: &World, name: &str, camera: u32, kind: &Camera) -> Result<Self> {
        let desk = world.desk(&name.to_lowercase())?;
        let kind = Camera {
            name: format!("{name}'s camera"),
            scene: camera + 1,
            ..kind.clone()
        };
        desk.cameras().plug(camera, &kind)?;
        let window = desk.open()?;
        let person = Person::named(name);
        world.sign_up(&window, &person)?;
        Ok(Self {
            window,
            desk,
            person,
            camera,
        })
    }

    /// Opens the other's page and presses the button; questions and the undo window follow.
    pub fn call(&self, other: &Side, kind: &str) -> Result<()> {
        self.window
            .click(&format!("person-{}", other.person.email))?;
        self.window.click(&format!("call-{kind}"))
    }

    /// Waits for the ring and answers it.
    pub fn pick_up(&self, kind: &str) -> Result<()> {
        self.wait_for_state(CONNECT, &["incoming"])?;
        self.window.click(&format!("accept-{kind}"))
    }

    /// Answers so many questions about devices. `answer` gets what is asked for: `camera` or
    /// `microphone`.
    pub fn answer_questions(
        &self,
        questions: usize,
        answer: impl Fn(&str) -> &'static str,
    ) -> Result<()> {
        for _ in 0..questions {
            let asked = until("a question that takes an answer", || {
                Ok(self.asked()?.filter(|asked| asked.ready))
            })?;
            let button = format!("consent-{}", answer(&asked.purpose));
            until("the question to be answered", || match self.asked()? {
                Some(now) if now.question == asked.question => {
                    // A press that counted leaves the question deaf. One that brought the window
                    // to the front did not count.
                    if now.ready {
                        self.window.try_click(&button)?;
                    }
                    Ok(None)
                }
                Some(_) | None => Ok(Some(())),
            })?;
        }
        Ok(())
    }

    /// [Answers so many questions](Self::answer_questions), then waits until the call stands at one
    /// of some states; does not wait for the undo window to end.
    pub fn answer(
        &self,
        questions: usize,
        answer: impl Fn(&str) -> &'static str,
        states: &[&str],
    ) -> Result<()> {
        self.answer_questions(questions, answer)?;
        until_within(
            CONNECT,
            &format!("the call to be `{}`", states.join("` or `")),
            || {
                if !states.contains(&"preparing") && self.window.try_click("call-now")? {
                    return Ok(None);
                }
                let state = self
                    .window
                    .attribute("call-state", "data-state")?
                    .unwrap_or_default();
                ensure!(
                    state != "ended",
                    "the call ended: {}",
                    self.window.text("ended-reason")?
                );
                Ok(states.contains(&state.as_str()).then_some(()))
            },
        )
    }

    /// The question on the screen.
    fn asked(&self) -> Result<Option<Asked>> {
        let read = "const { dataset } = document.querySelector('[data-testid=consent-prompt]') ?? {};\
                    return dataset ? { question: dataset.question, purpose: dataset.purpose,\
                    ready: dataset.ready === 'true' } : null;";
        let asked = self.window.session().script(read, &[])?;
        let word = |name: &str| asked[name].as_str().map(str::to_owned);
        let question = word("question").zip(word("purpose"));
        Ok(question.map(|(question, purpose)| Asked {
            question,
            purpose,
            ready: asked["ready"] == true,
        }))
    }

    /// Waits until the call stands at one of some states.
    pub fn wait_for_state(&self, time: Duration, states: &[&str]) -> Result<String> {
        let state = self
            .window
            .wait_for_one_of(time, "call-state", "data-state", states);
        state.with_context(|| self.person.name.clone())
    }

    /// Waits for the end and its reason, and puts the end screen away.
    pub fn ended(&self, reason: &str) -> Result<()> {
        let name = &self.person.name;
        self.wait_for_state(CONNECT, &["ended"])?;
        let found = self.window.attribute("ended-reason", "data-reason")?;
        ensure!(
            found.as_deref() == Some(reason),
            "{name}: it ended as {found:?}, not `{reason}`"
        );
        self.window.click("dismiss")?;
        self.window.wait_until_gone("ended-reason")
    }

    /// Waits until the other side is seen with microphone and camera so.
    pub fn sees_devices(&self, microphone: bool, camera: bool) -> Result<()> {
        let of = |name, on: bool| {
            self.window
                .wait_for_attribute("remote-state", name, if on { "true" } else { "false" })
        };
        of("data-microphone", microphone)?;
        of("data-camera", camera)
    }

    /// Waits until so many different pictures of the other's camera were seen, each fresh; gives the
    /// median age in milliseconds.
    pub fn watch(&self, other: &Side, pictures: usize) -> Result<u32> {
        let mut ages = Ages::of(other, Duration::from_secs(2));
        let what = format!("{}'s picture at {}", other.person.name, self.person.name);
        until_within(CONNECT, &what, || {
            let seen = self
                .window
                .watch("remote-video", pictures, Duration::from_secs(5))?;
            for Sight { stamp, at_ms } in seen {
                ages.add(stamp, unix_ms_as_monotonic_ns(at_ms)?)?;
            }
            ages.enough(pictures)
        })?;
        Ok(ages.median())
    }

    /// Waits until so many different pictures of the other's camera were on the screen itself, where
    /// a person sees them, each fresh; gives the median age in milliseconds.
    pub fn see_on_screen(&self, other: &Side, pictures: usize) -> Result<u32> {
        let mut ages = Ages::of(other, Duration::from_millis(500));
        let what = format!(
            "{}'s picture on the screen of {}",
            other.person.name, self.person.name
        );
        let mut lens = self.lens()?;
        let mut misses = 0;
        until_within(CONNECT, &what, || {
            let read = lens.read()?;
            misses = if read.is_some() { 0 } else { misses + 1 };
            // The layout may have changed only just now.
            if misses == LOOK_ANEW {
                misses = 0;
                lens = self.lens()?;
            }
            if let Some(stamp) = read {
                ages.add(stamp, monotonic_ns()?)?;
            }
            ages.enough(pictures)
        })?;
        Ok(ages.median())
    }

    /// A look at the place of the other's picture on the screen, once it is laid out.
    pub fn lens(&self) -> Result<Lens> {
        until("the place of the other's picture", || {
            lens(&self.desk, &self.window, "[data-testid=remote-video]").map(Some)
        })
    }

    /// Speaks into this side's microphone, and gives how much of it came out of the other's speaker.
    pub fn speak_to(&self, other: &Side, speech: &Speech) -> Result<f64> {
        let recording = other.desk.sound().listen()?;
        self.desk.sound().say(speech.samples())?;
        let heard = recording.end(RATE)?;
        let found = speech.find_in(&heard);
        ensure!(!found.pieces.is_empty(), "nothing was said");
        Ok(found.correlation)
    }

    /// Waits until the camera and the microphone are let go.
    pub fn has_devices_closed(&self) -> Result<()> {
        until(
            &format!("{}'s devices to be closed", self.person.name),
            || {
                let camera = self.desk.cameras().open_handles(self.camera)?;
                let microphone = self.desk.sound().microphone_users()?;
                ensure!(
                    camera == 0 && microphone == 0,
                    "{camera} and {microphone} handles are open"
                );
                Ok(Some(()))
            },
        )
    }

    /// When the camera was last closed, by the clock of the camera.
    pub fn camera_closed_ns(&self) -> Result<Option<u64>> {
        let log = self.desk.cameras().log()?;
        let own = log.iter().filter(|line| line.camera == self.camera);
        Ok(own
            .filter(|line| line.activity == Activity::Close)
            .map(|line| line.at)
            .next_back())
    }

    /// The results in the call log, newest first, as the list of calls with the other shows them.
    pub fn log(&self, other: &Side) -> Result<Vec<String>> {
        self.window
            .click(&format!("person-{}", other.person.email))?;
        let read = "return [...document.querySelectorAll('[data-testid=log-row]')]\
                    .map((row) => row.dataset.result);";
        let rows = self.window.session().script(read, &[])?;
        let rows = rows.as_array().context("rows are a list")?;
        Ok(rows
            .iter()
            .filter_map(|row| row.as_str().map(str::to_owned))
            .collect())
    }

    /// Waits until the call log is exactly this.
    pub fn wait_for_log(&self, other: &Side, wanted: &[&str]) -> Result<()> {
        until_within(CONNECT, &format!("{}'s call log", self.person.name), || {
            let log = self.log(other)?;
            ensure!(log == wanted, "it is {log:?}, not {wanted:?}");
            Ok(Some(()))
        })
    }
}

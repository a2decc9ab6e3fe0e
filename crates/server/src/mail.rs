//! Mail: written down in the same transaction as its reason, sent afterwards. The only transport so
//! far is the outbox folder: one `.eml` file per mail.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use jasmin_protocol::{OutboxMail, PolicySet, UserId};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use uuid::Uuid;

use crate::{
    allowed::{self, Yes},
    app::{App, Shared},
    keys::{Keys, digest},
    platform,
    problem::Failure,
    rules::Email,
    store::{NewOutboxRow, OutboxRow, Tx},
};

/// Why somebody gets mail. What does not belong to having an account carries the yes that it is sent by.
#[derive(Clone, Debug)]
pub(crate) enum Mail {
    /// The code that confirms an address.
    Code { code: String },
    /// Somebody signed up with an address that has an account.
    AlreadyHere,
    /// The policies change.
    PolicyNews { yes: Yes, set: Box<PolicySet> },
}

#[derive(Serialize, Deserialize)]
struct Written {
    to: String,
    subject: String,
    text: String,
    code: Option<String>,
}

const LEASE_MS: i64 = 60_000;

impl Mail {
    fn template(&self) -> &'static str {
        match self {
            Self::Code { .. } => "code",
            Self::AlreadyHere => "already-here",
            Self::PolicyNews { .. } => "policy-news",
        }
    }

    /// The yes that it is sent by; `None`: it belongs to the account.
    fn basis(&self) -> Option<(UserId, String)> {
        match self {
            Self::Code { .. } | Self::AlreadyHere => None,
            Self::PolicyNews { yes, .. } => Some((yes.user(), yes.code().to_owned())),
        }
    }

    fn written(&self, to: &str) -> Written {
        let (subject, text, code) = match self {
            Self::PolicyNews { set, .. } => {
                ("The policies of Jasmin Chat change", policy_news(set), None)
            }
            Self::Code { code } => (
                "Your Jasmin Chat code",
                format!(
                    "Welcome to Jasmin Chat.\n\nYour code is:\n\n    {}-{}\n\n\
                     It is good for 15 minutes, in the app where you signed up.\n\
                     If you did not sign up, there is nothing to do: without the code, no account\n\
                     is made.\n",
                    &code[..4],
                    &code[4..]
                ),
                Some(code.clone()),
            ),
            Self::AlreadyHere => (
                "You already have a Jasmin Chat account",
                "Somebody just tried to sign up to Jasmin Chat with this address.\n\n\
                 If it was you: you have an account already. Sign in with it instead.\n\
                 If it was not you, there is nothing to do: your account is as it was.\n"
                    .to_owned(),
                None,
            ),
        };
        Written {
            to: to.to_owned(),
            subject: subject.to_owned(),
            text,
            code,
        }
    }
}

fn policy_news(set: &PolicySet) -> String {
    // The day; at which moment of it is in the set.
    let day: String = set.effective.chars().take(10).collect();
    let mut text = format!(
        "Version {} of our policies counts from {day} on.\n\nWhat changes:\n\n",
        set.version
    );
    for change in &set.changes {
        text.push_str(&format!("- {}\n", change.summary));
    }
    text.push_str(
        "\nThe app shows the whole text, and each change word by word. Where a change does more than you\n\
         have allowed, you are asked again; until then it is not done.\n\n\
         You get this mail because you allowed it, in Settings, Privacy and consent. There you can take it\n\
         back.\n",
    );
    text
}

/// Writes a mail down; one per reason and kind. It goes out once the transaction is committed.
pub(crate) async fn write(
    tx: &mut Tx,
    keys: &Keys,
    now_ms: i64,
    reason: &[&[u8]],
    to: &str,
    mail: &Mail,
) -> Result<(), Failure> {
    let id = Uuid::new_v4();
    let written = serde_json::to_vec(&mail.written(to))
        .map_err(|error| Failure::internal(error.to_string()))?;
    let row = NewOutboxRow {
        id,
        reason: digest(reason),
        template: mail.template(),
        mail_box: keys.data.seal(&context(id), &written)?,
        basis: mail.basis(),
    };
    tx.put_outbox(row, now_ms).await?;
    Ok(())
}

impl App {
    /// [Writes](write) a mail down. Call `self.mails.notify_one()` after the commit.
    pub(crate) async fn write_mail(
        &self,
        tx: &mut Tx,
        reason: &[&[u8]],
        to: &str,
        mail: &Mail,
    ) -> Result<(), Failure> {
        write(tx, &self.keys, self.now_ms(), reason, to, mail).await
    }

    /// Whether a mail may still be sent: the yes that it is sent by is looked at again.
    async fn may_be_sent(&self, row: &OutboxRow) -> Result<bool, Failure> {
        let Some((user, code)) = &row.basis else {
            return Ok(true);
        };
        let mut conn = self.store.read().await?;
        let policies = allowed::policies(&mut conn).await?;
        let ledger = allowed::ledger(&mut conn, &self.keys, *user).await?;
        Ok(allowed::yes(*user, &ledger, &policies, code, self.now_ms()).is_some())
    }

    /// Returns the newest mails, newest first.
    pub(crate) async fn outbox(&self) -> Result<Vec<OutboxMail>, Failure> {
        let rows = self.store.read().await?.newest_mails().await?;
        rows.iter()
            .map(|row| {
                let Written {
                    to,
                    subject,
                    text,
                    code,
                } = self.written_mail(row)?;
                Ok(OutboxMail {
                    to,
                    subject,
                    text,
                    code,
                    at_ms: row.created_ms,
                })
            })
            .collect()
    }

    fn written_mail(&self, row: &OutboxRow) -> Result<Written, Failure> {
        let written = self.keys.data.open(&context(row.id), &row.mail_box)?;
        serde_json::from_slice(&written).map_err(|_| Failure::internal("a mail cannot be read"))
    }

    /// Sends what is due and returns how many went out.
    pub(crate) async fn send_mails(&self) -> Result<u64, Failure> {
        let mut sent = 0;
        loop {
            let now_ms = self.now_ms();
            let mut tx = self.store.begin().await?;
            let leased = tx.lease_mail(now_ms, now_ms + LEASE_MS).await?;
            tx.commit().await?;
            let Some(row) = leased else {
                return Ok(sent);
            };
            if !self.may_be_sent(&row).await? {
                let mut tx = self.store.begin().await?;
                tx.cancel_mail(row.id).await?;
                tx.commit().await?;
                continue;
            }
            let written = self.written_mail(&row)?;
            let result = deliver(&outbox(&self.config.data_dir), &row, &written);
            let mut tx = self.store.begin().await?;
            match result {
                Ok(()) => {
                    tx.mail_sent(row.id).await?;
                    sent += 1;
                    self.count(|metrics| &metrics.mails);
                }
                Err(error) => {
                    let wait_ms = (1000 << row.tries.clamp(0, 12)).min(3_600_000);
                    tx.retry_mail(row.id, now_ms + wait_ms).await?;
                    self.count(|metrics| &metrics.mail_failures);
                    tracing::warn!(mail = %row.id, tries = row.tries, %error, "a mail was not sent");
                }
            }
            tx.commit().await?;
        }
    }
}

/// Sends mail until the server drains.
pub(crate) async fn work(app: Shared) {
    loop {
        if let Err(failure) = app.send_mails().await {
            tracing::warn!(cause = failure.cause, "the outbox cannot be worked on");
        }
        tokio::select! {
            () = app.draining.cancelled() => return,
            () = app.mails.notified() => {}
            () = tokio::time::sleep(std::time::Duration::from_secs(30)) => {}
        }
    }
}

fn context(id: Uuid) -> String {
    format!("mail:{id}")
}

/// Writes one `.eml` file (RFC 5322), whole or not at all. Sending a mail twice replaces it.
fn deliver(folder: &Path, row: &OutboxRow, mail: &Written) -> std::io::Result<()> {
    platform::create_private_dir(folder)?;
    let date = OffsetDateTime::from_unix_timestamp(row.created_ms / 1000)
        .ok()
        .and_then(|date| date.format(&Rfc2822).ok())
        .unwrap_or_default();
    let to = Email::routed(&mail.to).unwrap_or_else(|| mail.to.clone());
    let text = format!(
        "From: Jasmin Chat <no-reply@jasmin.chat>\r\nTo: <{to}>\r\nSubject: {subject}\r\n\
         Date: {date}\r\nMessage-ID: <{id}@jasmin.chat>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\
         Auto-Submitted: auto-generated\r\n\r\n{body}",
        subject = mail.subject,
        id = row.id,
        body = mail.text.replace('\n', "\r\n"),
    );
    let target = folder.join(format!("{}-{}.eml", row.created_ms, row.id));
    let partial = target.with_extension("part");
    let _ = std::fs::remove_file(&partial);
    let mut file = platform::create_private_file(&partial)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(partial, target)
}

/// Deletes the files of mails that were written before a moment: nobody keeps them longer than was said.
pub(crate) fn sweep_folder(data_dir: &Path, before_ms: i64) {
    let files = std::fs::read_dir(outbox(data_dir)).into_iter().flatten();
    for path in files.flatten().map(|file| file.path()) {
        let name = path.file_name().and_then(|name| name.to_str());
        let written = name.and_then(|name| name.split_once('-')?.0.parse::<i64>().ok());
        if written.is_some_and(|written_ms| written_ms <= before_ms)
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::warn!(kind = ?error.kind(), "an old mail stays in the outbox folder");
        }
    }
}

fn outbox(data_dir: &Path) -> PathBuf {
    data_dir.join("outbox")
}

#[cfg(test)]
mod tests {
    use jasmin_consent::chain::Link;
    use jasmin_protocol::LedgerDecision;

    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn a_mail_becomes_one_file_for_its_reason() {
        let world = World::new().await;
        for _ in 0..2 {
            let mut tx = world.app.store.begin().await.unwrap();
            let code = Mail::Code {
                code: "ABCDEFGH".into(),
            };
            world
                .app
                .write_mail(&mut tx, &[b"why"], "jo@bücher.example", &code)
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(
            world.app.send_mails().await.unwrap(),
            1,
            "the same reason writes no second mail"
        );
        assert_eq!(world.app.send_mails().await.unwrap(), 0, "it is sent once");

        let folder = world.app.config.data_dir.join("outbox");
        let files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        assert_eq!(files.len(), 1);
        let text = std::fs::read_to_string(&files[0]).unwrap();
        assert!(text.contains("To: <jo@xn--bcher-kva.example>\r\n"));
        assert!(text.contains("\r\n\r\nWelcome to Jasmin Chat.\r\n"));
        assert!(text.contains("    ABCD-EFGH\r\n"));
    }

    #[tokio::test]
    async fn the_file_of_a_mail_is_gone_a_day_later() {
        let world = World::new().await;
        world.join("Ada", "ada@example.org").await;
        world.app.send_mails().await.unwrap();
        let files = || {
            std::fs::read_dir(outbox(&world.app.config.data_dir))
                .unwrap()
                .count()
        };
        assert_eq!(files(), 1);
        world.app.forget().await.unwrap();
        assert_eq!(files(), 1, "not yet");
        world.clock.advance(86_400_000);
        world.app.forget().await.unwrap();
        assert_eq!(files(), 0);
    }

    #[tokio::test]
    async fn a_mail_that_cannot_be_written_is_tried_again() {
        let world = World::new().await;
        let folder = world.app.config.data_dir.join("outbox");
        std::fs::write(&folder, "a file where the folder should be").unwrap();
        let mut tx = world.app.store.begin().await.unwrap();
        world
            .app
            .write_mail(&mut tx, &[b"why"], "a@b.example", &Mail::AlreadyHere)
            .await
            .unwrap();
        tx.commit().await.unwrap();

        assert_eq!(world.app.send_mails().await.unwrap(), 0);
        std::fs::remove_file(&folder).unwrap();
        assert_eq!(world.app.send_mails().await.unwrap(), 0, "not at once");
        world.clock.advance(2_000);
        assert_eq!(world.app.send_mails().await.unwrap(), 1);
        assert_eq!(world.app.outbox().await.unwrap().len(), 1);
    }

    /// Ada, who has said yes to mail about policies, and a mail that waits.
    async fn waiting() -> (World, crate::testing::SignedInPerson, Link) {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let bob = world.join("Bob", "bob@example.org").await;
        crate::testing::publish(&world, "1.0.0", "2026-11-01", "little").await;
        let mut link = Link::default();
        world
            .decide(&ada, &mut link, CODE, LedgerDecision::Granted)
            .await;
        world
            .decide(&bob, &mut Link::default(), CODE, LedgerDecision::Denied)
            .await;
        world.app.send_mails().await.unwrap();
        crate::testing::publish(&world, "1.1.0", "2027-02-01", "more").await;
        (world, ada, link)
    }

    const CODE: &str = "email.policy_news";

    #[tokio::test]
    async fn who_allowed_it_gets_one_mail_about_new_policies() {
        let (world, _, _) = waiting().await;
        assert_eq!(world.app.send_mails().await.unwrap(), 1);
        let mail = world.app.outbox().await.unwrap().remove(0);
        assert_eq!(mail.to, "ada@example.org");
        let first = "Version 1.1.0 of our policies counts from 2027-02-01 on.";
        assert!(mail.text.contains(first), "{}", mail.text);
        assert!(mail.text.contains("- We use more."), "{}", mail.text);
    }

    #[tokio::test]
    async fn a_mail_that_waits_is_cancelled_with_the_yes_to_it() {
        let (world, ada, mut link) = waiting().await;
        let has_news = async || {
            let all = world.app.outbox().await.unwrap();
            all.iter().any(|mail| mail.text.contains("1.1.0"))
        };
        assert!(has_news().await, "it waits");
        world
            .decide(&ada, &mut link, CODE, LedgerDecision::Withdrawn)
            .await;
        assert!(!has_news().await, "at once");
        assert_eq!(world.app.send_mails().await.unwrap(), 0);
    }

    /// Also where it was missed: by a yes that ended in another way.
    #[tokio::test]
    async fn the_yes_is_looked_at_again_before_a_mail_goes_out() {
        let (world, ada, _) = waiting().await;
        let set = {
            let mut conn = world.app.store.read().await.unwrap();
            Box::new(conn.policy_sets().await.unwrap().pop().unwrap().set)
        };
        // A yes that is none any more: the ledger of somebody else.
        let user = ada.session.user_id;
        let ledger = {
            let mut conn = world.app.store.read().await.unwrap();
            allowed::ledger(&mut conn, &world.app.keys, user)
                .await
                .unwrap()
        };
        let other = UserId(Uuid::nil());
        let yes = allowed::yes(other, &ledger, &[], CODE, world.app.now_ms()).unwrap();
        let mut tx = world.app.store.begin().await.unwrap();
        let mail = Mail::PolicyNews { yes, set };
        world
            .app
            .write_mail(&mut tx, &[b"other"], "x@example.org", &mail)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(world.app.send_mails().await.unwrap(), 1, "hers alone");
        assert_eq!(
            world
                .app
                .outbox()
                .await
                .unwrap()
                .iter()
                .filter(|mail| mail.to == "x@example.org")
                .count(),
            0
        );
    }
}

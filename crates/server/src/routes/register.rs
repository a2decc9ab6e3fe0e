use axum::{Json, extract::State, http::StatusCode};
use ed25519_dalek::VerifyingKey;
use jasmin_protocol::{
    Base64, ErrorCode, Identity, RegisterChallenge, RegisterFinish, RegisterStart,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::{App, Shared},
    extract::{Body, Throttled},
    keys::{PasswordDesk, random},
    mail::Mail,
    problem::Failure,
    rules::{Birthday, BirthdayError, Email, person_name},
    store::SignUpRow,
};

/// How long a person may take from the address to the end of the form.
const FORM_MS: i64 = 3_600_000;
/// How long a code can be asked for and typed.
const CONFIRM_MS: i64 = 24 * 3_600_000;
pub(crate) const CODE_MS: i64 = 15 * 60_000;
const SEED_BYTES: usize = 4096;

/// What travels through the client as `attempt`, sealed: the server keeps nothing before the finish.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) id: Uuid,
    email: String,
    birthday: String,
    started_ms: i64,
}

/// Who waits for a code.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) birthday: String,
}

/// Starts a sign-up. The birthday is looked at before anything else.
#[utoipa::path(post, path = "/v1/auth/register/start", operation_id = "register_start", request_body = RegisterStart,
    responses((status = 200, body = RegisterChallenge), Failure))]
pub(crate) async fn start(
    _: Throttled,
    State(app): State<Shared>,
    Body(body): Body<RegisterStart>,
) -> Result<Json<RegisterChallenge>, Failure> {
    let now_ms = app.now_ms();
    let birthday = Birthday::parse(&body.birthday, now_ms).map_err(|error| match error {
        BirthdayError::Format => Failure::field("#/birthday", "format"),
        BirthdayError::Impossible => Failure::field("#/birthday", "wrong"),
    })?;
    if birthday.age(now_ms) < u16::from(app.config.minimum_age) {
        return Err(Failure::new(ErrorCode::AgeRestricted, "Nothing was kept."));
    }
    let email = Email::parse(&body.email).map_err(|wrong| Failure::wrong("#/email", wrong))?;
    let tag = app.keys.address_tag(email.canonical());
    let opaque = app.keys.passwords.register(&body.opaque.0, &tag)?;
    let attempt = Attempt {
        id: Uuid::from_bytes(random()),
        email: email.shown().to_owned(),
        birthday: birthday.to_string(),
        started_ms: now_ms,
    };
    Ok(Json(RegisterChallenge {
        attempt: app.seal_attempt(&attempt)?,
        opaque: Base64(opaque),
    }))
}

/// Finishes a sign-up: a code goes to the address. The same answer for an address with an account;
/// its owner is told by mail.
#[utoipa::path(post, path = "/v1/auth/register/finish", operation_id = "register_finish", request_body = RegisterFinish,
    responses((status = 202), Failure))]
pub(crate) async fn finish(
    _: Throttled,
    State(app): State<Shared>,
    Body(body): Body<RegisterFinish>,
) -> Result<StatusCode, Failure> {
    let attempt = app.open_attempt(&body.attempt, FORM_MS)?;
    let name = person_name(&body.name).map_err(|wrong| Failure::wrong("#/name", wrong))?;
    let record = PasswordDesk::record(&body.opaque.0)?;
    check_identity(&body.identity)?;
    let policy_version = app.accepted_policy(body.policy_set.as_ref()).await?;
    let email =
        Email::parse(&attempt.email).map_err(|_| Failure::internal("a sealed address is wrong"))?;
    let tag = app.keys.address_tag(email.canonical());
    let now_ms = app.now_ms();
    app.limiter
        .take(
            "sign-up",
            &tag,
            app.config.limits.sign_up_per_address,
            now_ms,
        )
        .map_err(Failure::rate_limited)?;

    let code = new_code();
    let person = Person {
        name,
        email: attempt.email,
        birthday: attempt.birthday,
    };
    let row = SignUpRow {
        user: None,
        email_tag: tag,
        person_box: app.seal_person(attempt.id, &person)?,
        password_record: record,
        identity_key: body.identity.key.0,
        wrapped_seed: body.identity.wrapped_seed.0,
        code_tag: app.keys.code_tag(attempt.id.as_bytes(), &code),
        code_expires_ms: now_ms + CODE_MS,
        tries: 0,
        policy_version,
    };

    let mut tx = app.store.begin().await?;
    let reason: [&[u8]; 3] = [b"sign-up", attempt.id.as_bytes(), b"1"];
    if tx.account_by_tag(&tag).await?.is_some() {
        app.write_mail(&mut tx, &reason, &person.email, &Mail::AlreadyHere)
            .await?;
    } else if tx.put_sign_up(attempt.id, row, now_ms).await? {
        app.write_mail(&mut tx, &reason, &person.email, &Mail::Code { code })
            .await?;
    }
    tx.commit().await?;
    app.mails.notify_one();
    Ok(StatusCode::ACCEPTED)
}

impl App {
    fn seal_attempt(&self, attempt: &Attempt) -> Result<Base64, Failure> {
        let bytes =
            serde_json::to_vec(attempt).map_err(|error| Failure::internal(error.to_string()))?;
        Ok(Base64(self.keys.data.seal("sign-up attempt", &bytes)?))
    }

    fn open_attempt(&self, sealed: &Base64, within_ms: i64) -> Result<Attempt, Failure> {
        let wrong = |_| Failure::field("#/attempt", "wrong");
        let bytes = self
            .keys
            .data
            .open("sign-up attempt", &sealed.0)
            .map_err(wrong)?;
        let attempt: Attempt = serde_json::from_slice(&bytes)
            .map_err(|_| Failure::internal("a sealed attempt cannot be read"))?;
        if self.now_ms() - attempt.started_ms > within_ms {
            return Err(Failure::new(
                ErrorCode::Gone,
                "This sign-up took too long. Start again.",
            ));
        }
        Ok(attempt)
    }

    /// For the code's endpoints.
    pub(crate) fn confirmable(&self, sealed: &Base64) -> Result<Attempt, Failure> {
        self.open_attempt(sealed, CONFIRM_MS)
    }

    fn seal_person(&self, attempt: Uuid, person: &Person) -> Result<Vec<u8>, Failure> {
        let bytes =
            serde_json::to_vec(person).map_err(|error| Failure::internal(error.to_string()))?;
        Ok(self.keys.data.seal(&format!("sign-up:{attempt}"), &bytes)?)
    }

    pub(crate) fn open_person(&self, attempt: Uuid, sealed: &[u8]) -> Result<Person, Failure> {
        let bytes = self.keys.data.open(&format!("sign-up:{attempt}"), sealed)?;
        serde_json::from_slice(&bytes)
            .map_err(|_| Failure::internal("a sealed person cannot be read"))
    }
}

fn check_identity(identity: &Identity) -> Result<(), Failure> {
    let key =
        ed25519_key(&identity.key).ok_or_else(|| Failure::field("#/identity/key", "format"))?;
    if key.is_weak() {
        return Err(Failure::field("#/identity/key", "wrong"));
    }
    match identity.wrapped_seed.0.len() {
        0 => Err(Failure::field("#/identity/wrapped_seed", "too-short")),
        1..=SEED_BYTES => Ok(()),
        _ => Err(Failure::field("#/identity/wrapped_seed", "too-long")),
    }
}

/// Reads an Ed25519 public key.
pub(crate) fn ed25519_key(bytes: &Base64) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(bytes.0.as_slice().try_into().ok()?).ok()
}

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Eight characters, 40 bits.
pub(crate) fn new_code() -> String {
    random::<8>()
        .iter()
        .map(|byte| char::from(CROCKFORD[usize::from(byte & 31)]))
        .collect()
}

/// Reads a code as a person types it.
pub(crate) fn normal_code(text: &str) -> Option<String> {
    let code: String = text
        .chars()
        .filter(|c| !matches!(c, '-' | ' '))
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .take(9)
        .collect();
    (code.len() == 8 && code.bytes().all(|b| CROCKFORD.contains(&b))).then_some(code)
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::ErrorCode;
    use serde_json::json;

    use super::*;
    use crate::testing::{Applicant, World};

    #[tokio::test]
    async fn a_child_is_turned_away_and_nothing_is_kept() {
        let world = World::new().await;
        let applicant = Applicant::new("Kid", "kid@example.org").born("2012-11-23");
        let answer = world
            .post("/v1/auth/register/start", &applicant.start())
            .await;
        assert_eq!(answer.status(), 451);
        let problem = answer.problem_body();
        assert_eq!(problem.code, ErrorCode::AgeRestricted);
        assert!(!problem.detail.contains("16"), "no hint of the limit");
        assert_eq!(world.rows("sign_up").await + world.rows("account").await, 0);
        assert_eq!(world.rows("mail_outbox").await, 0);
    }

    #[tokio::test]
    async fn the_birthday_is_looked_at_first() {
        let world = World::new().await;
        let body = json!({"birthday": "2020-01-01", "email": "no address", "opaque": "AAAA"});
        assert_eq!(
            world.post("/v1/auth/register/start", &body).await.problem(),
            ErrorCode::AgeRestricted
        );
        let body = json!({"birthday": "2023-02-29", "email": "no address", "opaque": "AAAA"});
        assert_eq!(
            world.post("/v1/auth/register/start", &body).await.pointer(),
            "#/birthday"
        );
    }

    #[tokio::test]
    async fn the_sixteenth_birthday_is_old_enough() {
        let world = World::new().await;
        let today = Applicant::new("Teen", "teen@example.org").born("2010-11-22");
        assert_eq!(
            world
                .post("/v1/auth/register/start", &today.start())
                .await
                .status(),
            200
        );
        let tomorrow = Applicant::new("Teen", "teen@example.org").born("2010-11-23");
        assert_eq!(
            world
                .post("/v1/auth/register/start", &tomorrow.start())
                .await
                .status(),
            451
        );
    }

    #[tokio::test]
    async fn says_which_part_is_wrong() {
        let world = World::new().await;
        let applicant = Applicant::new("Ada", "ada@example.org");
        let mut start = serde_json::to_value(applicant.start()).unwrap();
        start["email"] = json!("ada@localhost");
        assert_eq!(
            world
                .post("/v1/auth/register/start", &start)
                .await
                .pointer(),
            "#/email"
        );
        start["email"] = json!("ada@example.org");
        start["opaque"] = json!("AAAA");
        assert_eq!(
            world
                .post("/v1/auth/register/start", &start)
                .await
                .pointer(),
            "#/opaque"
        );

        let challenge = world
            .post("/v1/auth/register/start", &applicant.start())
            .await
            .ok();
        let finish = serde_json::to_value(applicant.finish(&challenge)).unwrap();
        for (pointer, value) in [
            ("/attempt", json!("AAAA")),
            ("/name", json!(" \u{200b} ")),
            ("/name", json!("Ada\u{202e}")),
            ("/opaque", json!("AAAA")),
            ("/identity/key", json!("AAAA")),
            ("/identity/wrapped_seed", json!("")),
            ("/identity/wrapped_seed", json!("A".repeat(5600))),
        ] {
            let mut body = finish.clone();
            *body.pointer_mut(pointer).unwrap() = value;
            let answer = world.post("/v1/auth/register/finish", &body).await;
            assert_eq!(answer.pointer(), format!("#{pointer}"));
        }
        assert_eq!(world.rows("sign_up").await, 0);
    }

    #[tokio::test]
    async fn a_known_address_gets_the_same_answers_and_its_owner_a_mail() {
        let world = World::new().await;
        world.join("Ada", "ada@example.org").await;
        world.clock.advance(1);
        let stranger = Applicant::new("Eve", "ADA@example.org");
        let challenge: RegisterChallenge = world
            .post("/v1/auth/register/start", &stranger.start())
            .await
            .ok();
        let answer = world
            .post("/v1/auth/register/finish", &stranger.finish(&challenge))
            .await;
        assert_eq!(answer.status(), 202);
        assert_eq!(world.rows("sign_up").await, 1, "only Ada's own");
        let mail = world.app.outbox().await.unwrap().remove(0);
        assert_eq!(mail.subject, "You already have a Jasmin Chat account");
        assert_eq!(mail.code, None);
    }

    #[tokio::test]
    async fn a_finish_that_is_sent_twice_sends_one_mail() {
        let world = World::new().await;
        let applicant = Applicant::new("Ada", "ada@example.org");
        let challenge = world
            .post("/v1/auth/register/start", &applicant.start())
            .await
            .ok();
        let finish = applicant.finish(&challenge);
        for _ in 0..2 {
            assert_eq!(
                world
                    .post("/v1/auth/register/finish", &finish)
                    .await
                    .status(),
                202
            );
        }
        assert_eq!(world.rows("mail_outbox").await, 1);
    }

    #[tokio::test]
    async fn a_form_is_good_for_an_hour() {
        let world = World::new().await;
        let applicant = Applicant::new("Ada", "ada@example.org");
        let challenge = world
            .post("/v1/auth/register/start", &applicant.start())
            .await
            .ok();
        world.clock.advance(FORM_MS + 1);
        let answer = world
            .post("/v1/auth/register/finish", &applicant.finish(&challenge))
            .await;
        assert_eq!(answer.problem(), ErrorCode::Gone);
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        assert_eq!(normal_code("abcd-efgh").as_deref(), Some("ABCDEFGH"));
        assert_eq!(normal_code(" oil1 0000 ").as_deref(), Some("01110000"));
        for text in ["", "ABCD-EFG", "ABCD-EFGHJ", "ABCD-EFGU", "ÄBCDEFGH"] {
            assert_eq!(normal_code(text), None, "{text}");
        }
        assert_eq!(normal_code(&new_code()).unwrap().len(), 8);
    }
}

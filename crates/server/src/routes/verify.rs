use axum::{extract::State, http::StatusCode};
use jasmin_protocol::{ErrorCode, ResendCode, UserId, VerifyEmail};

use super::register::{CODE_MS, new_code, normal_code};
use crate::{
    app::Shared,
    extract::{Body, Throttled},
    keys::same,
    mail::Mail,
    problem::Failure,
    store::NewAccount,
};

const MOST_TRIES: i64 = 5;
const MOST_MAILS: i64 = 5;
const BETWEEN_MAILS_MS: i64 = 60_000;

fn no_good() -> Failure {
    Failure::new(
        ErrorCode::Gone,
        "The code is wrong or old. Check it, or ask for another one.",
    )
}

/// Confirms an address by the code that was mailed to it, and makes the account.
#[utoipa::path(post, path = "/v1/auth/email/verify", operation_id = "verify_email", request_body = VerifyEmail,
    responses((status = 204), Failure))]
pub(crate) async fn verify(
    _: Throttled,
    State(app): State<Shared>,
    Body(body): Body<VerifyEmail>,
) -> Result<StatusCode, Failure> {
    let attempt = app.confirmable(&body.attempt)?.id;
    let code = normal_code(&body.code).ok_or_else(|| Failure::field("#/code", "format"))?;
    let now_ms = app.now_ms();

    let mut tx = app.store.begin().await?;
    let Some(row) = tx.try_sign_up(attempt).await? else {
        tx.rollback().await?;
        return Err(no_good());
    };
    let is_right = same(&row.code_tag, &app.keys.code_tag(attempt.as_bytes(), &code));
    let is_in_time = row.code_expires_ms > now_ms && row.tries <= MOST_TRIES;
    if row.user.is_some() && is_right {
        // The answer to the first time was lost.
        tx.rollback().await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    if !is_right || !is_in_time || row.user.is_some() {
        // The try counts.
        tx.commit().await?;
        return Err(no_good());
    }

    let person = app.open_person(attempt, &row.person_box)?;
    let id = UserId(app.config.clock.uuid_v7());
    let account = NewAccount {
        id,
        email_tag: row.email_tag,
        email_box: app.keys.seal_field(id, "email", &person.email)?,
        name_box: app.keys.seal_field(id, "name", &person.name)?,
        birthday_box: app.keys.seal_field(id, "birthday", &person.birthday)?,
        password_record: row.password_record,
        identity_key: row.identity_key,
        wrapped_seed: row.wrapped_seed,
        policy_version: row.policy_version,
    };
    let is_new = tx.confirm_sign_up(attempt, account, now_ms).await?;
    tx.commit().await?;
    if is_new {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(no_good())
    }
}

/// Mails a fresh code; the one before is no good any more.
#[utoipa::path(post, path = "/v1/auth/email/resend", operation_id = "resend_code", request_body = ResendCode,
    responses((status = 202), Failure))]
pub(crate) async fn resend(
    _: Throttled,
    State(app): State<Shared>,
    Body(body): Body<ResendCode>,
) -> Result<StatusCode, Failure> {
    let attempt = app.confirmable(&body.attempt)?.id;
    let code = new_code();
    let tag = app.keys.code_tag(attempt.as_bytes(), &code);
    let now_ms = app.now_ms();

    let mut tx = app.store.begin().await?;
    let renewed = tx
        .renew_code(
            attempt,
            tag,
            now_ms + CODE_MS,
            now_ms,
            now_ms - BETWEEN_MAILS_MS,
            MOST_MAILS,
        )
        .await?;
    if let Some(mails) = renewed
        && let Some(person_box) = tx.sign_up_person(attempt).await?
    {
        let person = app.open_person(attempt, &person_box)?;
        let mails = mails.to_string();
        let reason: [&[u8]; 3] = [b"sign-up", attempt.as_bytes(), mails.as_bytes()];
        app.write_mail(&mut tx, &reason, &person.email, &Mail::Code { code })
            .await?;
    }
    tx.commit().await?;
    app.mails.notify_one();
    Ok(StatusCode::ACCEPTED)
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::{Base64, RegisterChallenge};
    use serde_json::json;

    use super::*;
    use crate::testing::{Applicant, World};

    fn body(attempt: &Base64, code: &str) -> VerifyEmail {
        VerifyEmail {
            attempt: attempt.clone(),
            code: code.to_owned(),
        }
    }

    async fn waiting(world: &World) -> (Base64, String) {
        let attempt = world.sign_up("Ada", "ada@example.org").await;
        (attempt, world.code_for("ada@example.org").await)
    }

    fn other(code: &str) -> String {
        let last = if code.ends_with('7') { '8' } else { '7' };
        format!("{}{last}", &code[..7])
    }

    #[tokio::test]
    async fn the_right_code_makes_the_account_and_can_be_sent_again() {
        let world = World::new().await;
        let (attempt, code) = waiting(&world).await;
        assert_eq!(world.rows("account").await, 0);
        let typed = format!("{}-{}", &code[..4], &code[4..]).to_lowercase();
        for _ in 0..2 {
            let answer = world
                .post("/v1/auth/email/verify", &body(&attempt, &typed))
                .await;
            assert_eq!(answer.status(), 204);
        }
        assert_eq!(world.rows("account").await, 1);
    }

    #[tokio::test]
    async fn five_wrong_codes_are_enough() {
        let world = World::new().await;
        let (attempt, code) = waiting(&world).await;
        for _ in 0..5 {
            let answer = world
                .post("/v1/auth/email/verify", &body(&attempt, &other(&code)))
                .await;
            assert_eq!(answer.problem(), ErrorCode::Gone);
        }
        let answer = world
            .post("/v1/auth/email/verify", &body(&attempt, &code))
            .await;
        assert_eq!(
            answer.problem(),
            ErrorCode::Gone,
            "the sixth try is too late, even a right one"
        );
    }

    #[tokio::test]
    async fn a_code_is_good_for_fifteen_minutes() {
        let world = World::new().await;
        let (attempt, code) = waiting(&world).await;
        world.clock.advance(CODE_MS);
        let answer = world
            .post("/v1/auth/email/verify", &body(&attempt, &code))
            .await;
        assert_eq!(answer.problem(), ErrorCode::Gone);

        assert_eq!(
            world
                .post("/v1/auth/email/resend", &json!({"attempt": attempt}))
                .await
                .status(),
            202
        );
        let fresh = world.code_for("ada@example.org").await;
        assert_ne!(fresh, code);
        assert_eq!(
            world
                .post("/v1/auth/email/verify", &body(&attempt, &fresh))
                .await
                .status(),
            204
        );
    }

    #[tokio::test]
    async fn mails_at_most_one_code_a_minute_and_five_in_all() {
        let world = World::new().await;
        let (attempt, _) = waiting(&world).await;
        for _ in 0..10 {
            assert_eq!(
                world
                    .post("/v1/auth/email/resend", &json!({"attempt": attempt}))
                    .await
                    .status(),
                202
            );
        }
        assert_eq!(world.rows("mail_outbox").await, 1);
        for _ in 0..10 {
            world.clock.advance(BETWEEN_MAILS_MS);
            world
                .post("/v1/auth/email/resend", &json!({"attempt": attempt}))
                .await;
        }
        assert_eq!(world.rows("mail_outbox").await, MOST_MAILS as usize);
    }

    #[tokio::test]
    async fn a_code_confirms_only_the_sign_up_that_it_was_mailed_for() {
        let world = World::new().await;
        let (mine, _) = waiting(&world).await;
        world.clock.advance(1);
        world.sign_up("Not Ada", "ada@example.org").await;
        let theirs = world.code_for("ada@example.org").await;
        let answer = world
            .post("/v1/auth/email/verify", &body(&mine, &theirs))
            .await;
        assert_eq!(
            answer.problem(),
            ErrorCode::Gone,
            "a code from another's sign-up is of no use here"
        );
    }

    #[tokio::test]
    async fn of_two_sign_ups_for_one_address_the_first_confirmed_stays() {
        let world = World::new().await;
        let (first, first_code) = waiting(&world).await;
        world.clock.advance(1);
        let second = world.sign_up("Ada again", "Ada@example.org").await;
        let second_code = world.code_for("ada@example.org").await;
        assert_eq!(
            world
                .post("/v1/auth/email/verify", &body(&second, &second_code))
                .await
                .status(),
            204
        );
        let answer = world
            .post("/v1/auth/email/verify", &body(&first, &first_code))
            .await;
        assert_eq!(answer.problem(), ErrorCode::Gone);
        assert_eq!(world.rows("account").await, 1);
    }

    #[tokio::test]
    async fn an_attempt_at_a_known_address_looks_like_a_wrong_code() {
        let world = World::new().await;
        world.join("Ada", "ada@example.org").await;
        let stranger = Applicant::new("Eve", "ada@example.org");
        let challenge: RegisterChallenge = world
            .post("/v1/auth/register/start", &stranger.start())
            .await
            .ok();
        world
            .post("/v1/auth/register/finish", &stranger.finish(&challenge))
            .await;
        let answer = world
            .post(
                "/v1/auth/email/verify",
                &body(&challenge.attempt, "00000000"),
            )
            .await;
        assert_eq!(answer.problem(), ErrorCode::Gone);
        let answer = world
            .post(
                "/v1/auth/email/resend",
                &json!({"attempt": challenge.attempt}),
            )
            .await;
        assert_eq!(answer.status(), 202);
    }

    #[tokio::test]
    async fn a_code_that_is_none_is_said_to_be_none() {
        let world = World::new().await;
        let (attempt, _) = waiting(&world).await;
        let answer = world
            .post("/v1/auth/email/verify", &body(&attempt, "123456"))
            .await;
        assert_eq!(answer.pointer(), "#/code");
    }
}

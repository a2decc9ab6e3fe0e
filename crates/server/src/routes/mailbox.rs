use axum::{Json, extract::State};
use jasmin_protocol::Outbox;

use crate::{app::Shared, extract::Local, problem::Failure};

/// The mail that a loopback server does not send. There is none of this on any other server.
#[utoipa::path(get, path = "/dev/mailbox", responses((status = 200, body = Outbox), Failure))]
pub(crate) async fn mailbox(_: Local, State(app): State<Shared>) -> Result<Json<Outbox>, Failure> {
    if app.outbox_url.is_none() {
        return Err(Failure::not_found());
    }
    Ok(Json(Outbox {
        mails: app.outbox().await?,
    }))
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::ErrorCode;

    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn shows_the_newest_mail_first() {
        let world = World::new().await;
        world.sign_up("Ada", "ada@example.org").await;
        world.clock.advance(1000);
        world.sign_up("Bob", "Bob@example.org").await;
        let outbox: Outbox = world.get("/dev/mailbox").await.ok();
        let to: Vec<_> = outbox.mails.iter().map(|mail| mail.to.as_str()).collect();
        assert_eq!(to, ["Bob@example.org", "ada@example.org"]);
        let mail = &outbox.mails[0];
        let code = mail.code.as_deref().unwrap();
        assert!(
            mail.text
                .contains(&format!("{}-{}", &code[..4], &code[4..]))
        );
    }

    #[tokio::test]
    async fn is_not_there_beyond_loopback() {
        let world = World::new().await;
        let answer = world
            .request("GET", "/dev/mailbox")
            .from("192.0.2.7:1")
            .send()
            .await;
        assert_eq!(answer.problem(), ErrorCode::NotFound);
        let world = World::with(|app| app.outbox_url = None).await;
        assert_eq!(
            world.get("/dev/mailbox").await.problem(),
            ErrorCode::NotFound
        );
    }
}

use axum::{Json, extract::State, http::StatusCode};
use jasmin_protocol::{Contact, ContactState, Contacts, Event, RequestContact, UserId};

use crate::{
    app::{App, Letter, Shared},
    extract::{Body, Caller, Id},
    problem::Failure,
    rules::Email,
    store::{Standing, Tx},
};

/// Who asked for contact and who is one.
#[utoipa::path(get, path = "/v1/contacts", operation_id = "list_contacts", security(("token" = [])),
    responses((status = 200, body = Contacts), Failure))]
pub(crate) async fn list(
    caller: Caller,
    State(app): State<Shared>,
) -> Result<Json<Contacts>, Failure> {
    let rows = app.store.read().await?.contacts(caller.user).await?;
    let contacts = rows
        .into_iter()
        .filter_map(|row| {
            let state = match row.standing {
                Standing::Requested => return None,
                Standing::Incoming => ContactState::Incoming,
                Standing::Accepted => ContactState::Accepted,
            };
            let opened = || -> Result<Contact, Failure> {
                Ok(Contact {
                    user_id: row.peer,
                    name: app.keys.open_field(row.peer, "name", &row.name_box)?,
                    email: app.keys.open_field(row.peer, "email", &row.email_box)?,
                    state,
                    since_ms: row.since_ms,
                })
            };
            Some(opened())
        })
        .collect::<Result<_, _>>()?;
    Ok(Json(Contacts { contacts }))
}

/// Asks somebody for contact. The same answer whether or not the address has an account; nothing is
/// kept about one without. Where both ask, both are accepted.
#[utoipa::path(post, path = "/v1/contacts", operation_id = "request_contact", request_body = RequestContact,
    security(("token" = [])), responses((status = 202), Failure))]
pub(crate) async fn request(
    caller: Caller,
    State(app): State<Shared>,
    Body(body): Body<RequestContact>,
) -> Result<StatusCode, Failure> {
    let email = Email::parse(&body.email).map_err(|wrong| Failure::wrong("#/email", wrong))?;
    let now_ms = app.now_ms();
    app.limiter
        .take(
            "contact",
            caller.user.0.as_bytes(),
            app.config.limits.contact_requests,
            now_ms,
        )
        .map_err(Failure::rate_limited)?;
    let tag = app.keys.address_tag(email.canonical());

    let mut tx = app.store.begin().await?;
    let letters = match tx.account_by_tag(&tag).await? {
        Some((peer, _)) if peer != caller.user => {
            tx.lock_pair(caller.user, peer).await?;
            app.ask(&mut tx, caller.user, peer).await?
        }
        _ => Vec::new(),
    };
    let woken = app.post(&mut tx, letters).await?;
    tx.commit().await?;
    app.wake(woken);
    Ok(StatusCode::ACCEPTED)
}

/// Accepts somebody who asked. Accepting twice is accepting once.
#[utoipa::path(post, path = "/v1/contacts/{user_id}/accept", operation_id = "accept_contact", security(("token" = [])),
    params(("user_id" = UserId, Path)), responses((status = 204), Failure))]
pub(crate) async fn accept(
    caller: Caller,
    Id(peer): Id<UserId>,
    State(app): State<Shared>,
) -> Result<StatusCode, Failure> {
    let mut tx = app.store.begin().await?;
    tx.lock_pair(caller.user, peer).await?;
    let letters = match tx.standing(caller.user, peer).await? {
        Some(Standing::Incoming) => app.accept_both(&mut tx, caller.user, peer).await?,
        Some(Standing::Accepted) => Vec::new(),
        Some(Standing::Requested) | None => {
            tx.rollback().await?;
            return Err(Failure::not_found());
        }
    };
    let woken = app.post(&mut tx, letters).await?;
    tx.commit().await?;
    app.wake(woken);
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a contact or turns a request down. Whoever asked does not hear that it was turned down,
/// and asking again changes nothing until I ask.
#[utoipa::path(delete, path = "/v1/contacts/{user_id}", operation_id = "remove_contact", security(("token" = [])),
    params(("user_id" = UserId, Path)), responses((status = 204), Failure))]
pub(crate) async fn remove(
    caller: Caller,
    Id(peer): Id<UserId>,
    State(app): State<Shared>,
) -> Result<StatusCode, Failure> {
    let mut tx = app.store.begin().await?;
    tx.lock_pair(caller.user, peer).await?;
    let removed = |user_id| Event::ContactRemoved { user_id };
    let mut letters = Vec::new();
    match tx.standing(caller.user, peer).await? {
        Some(Standing::Accepted) => {
            tx.delete_contact(caller.user, peer).await?;
            tx.delete_contact(peer, caller.user).await?;
            letters.extend(
                app.to_all_devices(&mut tx, caller.user, &removed(peer))
                    .await?,
            );
            letters.extend(
                app.to_all_devices(&mut tx, peer, &removed(caller.user))
                    .await?,
            );
        }
        Some(Standing::Incoming) => {
            tx.delete_contact(caller.user, peer).await?;
            letters.extend(
                app.to_all_devices(&mut tx, caller.user, &removed(peer))
                    .await?,
            );
        }
        Some(Standing::Requested) | None => {}
    }
    let woken = app.post(&mut tx, letters).await?;
    tx.commit().await?;
    app.wake(woken);
    Ok(StatusCode::NO_CONTENT)
}

impl App {
    async fn ask(&self, tx: &mut Tx, me: UserId, peer: UserId) -> Result<Vec<Letter>, Failure> {
        let mine = tx.standing(me, peer).await?;
        let theirs = tx.standing(peer, me).await?;
        match (mine, theirs) {
            (Some(Standing::Accepted | Standing::Requested), _) => Ok(Vec::new()),
            // They asked, now or earlier: both want it.
            (Some(Standing::Incoming), _) | (None, Some(Standing::Requested)) => {
                self.accept_both(tx, me, peer).await
            }
            (None, _) => {
                let now_ms = self.now_ms();
                tx.put_contact(me, peer, Standing::Requested, now_ms)
                    .await?;
                tx.put_contact(peer, me, Standing::Incoming, now_ms).await?;
                let contact = self.contact(tx, me, ContactState::Incoming).await?;
                self.to_all_devices(tx, peer, &Event::ContactRequested { contact })
                    .await
            }
        }
    }

    async fn accept_both(
        &self,
        tx: &mut Tx,
        me: UserId,
        peer: UserId,
    ) -> Result<Vec<Letter>, Failure> {
        let now_ms = self.now_ms();
        let mut letters = Vec::new();
        for (user, other) in [(me, peer), (peer, me)] {
            tx.put_contact(user, other, Standing::Accepted, now_ms)
                .await?;
            let contact = self.contact(tx, other, ContactState::Accepted).await?;
            letters.extend(
                self.to_all_devices(tx, user, &Event::ContactAccepted { contact })
                    .await?,
            );
        }
        Ok(letters)
    }

    async fn contact(
        &self,
        tx: &mut Tx,
        user: UserId,
        state: ContactState,
    ) -> Result<Contact, Failure> {
        let account = tx.account(user).await?.ok_or_else(Failure::not_found)?;
        Ok(Contact {
            user_id: user,
            name: self.keys.open_field(user, "name", &account.name_box)?,
            email: self.keys.open_field(user, "email", &account.email_box)?,
            state,
            since_ms: self.now_ms(),
        })
    }
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::ErrorCode;
    use serde_json::json;

    use super::*;
    use crate::testing::{SignedInPerson, World};

    async fn contacts(world: &World, person: &SignedInPerson) -> Vec<(UserId, ContactState)> {
        let listed: Contacts = world.get_as(person, "/v1/contacts").await.ok();
        listed
            .contacts
            .into_iter()
            .map(|contact| (contact.user_id, contact.state))
            .collect()
    }

    async fn ask(world: &World, person: &SignedInPerson, email: &str) -> u16 {
        let body = json!({ "email": email });
        world
            .request("POST", "/v1/contacts")
            .by(person)
            .json(&body)
            .send()
            .await
            .status()
    }

    async fn accept(world: &World, person: &SignedInPerson, peer: &SignedInPerson) -> u16 {
        let path = format!("/v1/contacts/{}/accept", peer.session.user_id);
        world
            .request("POST", &path)
            .by(person)
            .send()
            .await
            .status()
    }

    async fn remove(world: &World, person: &SignedInPerson, peer: &SignedInPerson) -> u16 {
        let path = format!("/v1/contacts/{}", peer.session.user_id);
        world
            .request("DELETE", &path)
            .by(person)
            .send()
            .await
            .status()
    }

    async fn pair(world: &World) -> (SignedInPerson, SignedInPerson) {
        (
            world.join("Ada", "ada@example.org").await,
            world.join("Bob", "bob@example.org").await,
        )
    }

    #[tokio::test]
    async fn asking_and_accepting_makes_two_contacts() {
        let world = World::new().await;
        let (ada, bob) = pair(&world).await;
        assert_eq!(ask(&world, &ada, "BOB@example.org").await, 202);
        assert_eq!(
            contacts(&world, &ada).await,
            [],
            "my own request says nothing about accounts"
        );
        assert_eq!(
            contacts(&world, &bob).await,
            [(ada.session.user_id, ContactState::Incoming)]
        );
        let events = world.events(&bob).await;
        assert!(
            matches!(&events[..], [Event::ContactRequested { contact }] if contact.name == "Ada"
                && contact.email == "ada@example.org"),
            "{events:?}"
        );

        for _ in 0..2 {
            assert_eq!(accept(&world, &bob, &ada).await, 204);
        }
        assert_eq!(
            contacts(&world, &ada).await,
            [(bob.session.user_id, ContactState::Accepted)]
        );
        assert_eq!(
            contacts(&world, &bob).await,
            [(ada.session.user_id, ContactState::Accepted)]
        );
        let events = world.events(&ada).await;
        assert!(
            matches!(&events[..], [Event::ContactAccepted { contact }] if contact.name == "Bob")
        );
    }

    #[tokio::test]
    async fn an_unknown_address_gets_the_same_answer_and_leaves_no_trace() {
        let world = World::new().await;
        let (ada, _) = pair(&world).await;
        let before = world.row_counts().await;
        assert_eq!(ask(&world, &ada, "nobody@example.org").await, 202);
        assert_eq!(
            ask(&world, &ada, "ada@example.org").await,
            202,
            "oneself neither"
        );
        assert_eq!(world.row_counts().await, before);
    }

    #[tokio::test]
    async fn where_both_ask_both_are_accepted() {
        let world = World::new().await;
        let (ada, bob) = pair(&world).await;
        ask(&world, &ada, "bob@example.org").await;
        ask(&world, &bob, "ada@example.org").await;
        assert_eq!(
            contacts(&world, &ada).await,
            [(bob.session.user_id, ContactState::Accepted)]
        );
        assert_eq!(
            contacts(&world, &bob).await,
            [(ada.session.user_id, ContactState::Accepted)]
        );
    }

    #[tokio::test]
    async fn asking_again_tells_nobody_again() {
        let world = World::new().await;
        let (ada, bob) = pair(&world).await;
        for _ in 0..3 {
            assert_eq!(ask(&world, &ada, "bob@example.org").await, 202);
        }
        assert_eq!(world.events(&bob).await.len(), 1);
    }

    #[tokio::test]
    async fn a_request_can_be_turned_down_for_good_and_in_silence() {
        let world = World::new().await;
        let (ada, bob) = pair(&world).await;
        ask(&world, &ada, "bob@example.org").await;
        assert_eq!(remove(&world, &bob, &ada).await, 204);
        assert_eq!(world.events(&ada).await, [], "whoever asked hears nothing");
        ask(&world, &ada, "bob@example.org").await;
        assert_eq!(
            contacts(&world, &bob).await,
            [],
            "asking again changes nothing"
        );

        ask(&world, &bob, "ada@example.org").await;
        assert_eq!(
            contacts(&world, &bob).await,
            [(ada.session.user_id, ContactState::Accepted)]
        );
    }

    #[tokio::test]
    async fn a_removed_contact_is_gone_on_both_sides() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        for _ in 0..2 {
            assert_eq!(remove(&world, &ada, &bob).await, 204);
        }
        assert_eq!(contacts(&world, &ada).await, []);
        assert_eq!(contacts(&world, &bob).await, []);
        let last = world.events(&bob).await.pop();
        assert_eq!(
            last,
            Some(Event::ContactRemoved {
                user_id: ada.session.user_id
            })
        );
    }

    #[tokio::test]
    async fn nobody_accepts_for_the_other_side() {
        let world = World::new().await;
        let (ada, bob) = pair(&world).await;
        assert_eq!(accept(&world, &ada, &bob).await, 404);
        ask(&world, &ada, "bob@example.org").await;
        assert_eq!(
            accept(&world, &ada, &bob).await,
            404,
            "my own request is not mine to accept"
        );
        assert_eq!(remove(&world, &ada, &bob).await, 204);
        assert_eq!(
            contacts(&world, &bob).await.len(),
            1,
            "nor mine to tell by removing"
        );
    }

    #[tokio::test]
    async fn a_key_replays_the_answer_and_refuses_another_body() {
        let world = World::new().await;
        let (ada, bob) = pair(&world).await;
        let key = "0199a5b0-0000-7000-8000-000000000001";
        let send = async |email: &str, key: &str| {
            let body = json!({ "email": email });
            world
                .request("POST", "/v1/contacts")
                .by(&ada)
                .json(&body)
                .header("idempotency-key", key)
                .send()
                .await
        };
        assert_eq!(send("bob@example.org", key).await.status(), 202);
        let again = send("bob@example.org", key).await;
        assert_eq!(again.headers()["idempotency-replayed"], "true");
        assert_eq!(again.status(), 202);
        assert_eq!(
            send("eve@example.org", key).await.problem(),
            ErrorCode::IdempotencyMismatch
        );
        assert_eq!(send("bob@example.org", "no uuid").await.status(), 400);
        world.clock.advance(crate::idempotency::KEPT_MS);
        assert_eq!(
            send("eve@example.org", key).await.problem(),
            ErrorCode::TokenExpired
        );
        assert_eq!(world.events(&bob).await.len(), 1);
    }
}

use jasmin_client::socket::SocketEvent;
use jasmin_protocol::{ContactState, Event};

use super::world::World;

#[tokio::test]
async fn asking_and_accepting_makes_two_people_contacts() {
    let world = World::new().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let bob = world.join("Bob", "bob@example.org").await;
    let (mut to_ada, mut to_bob) = (ada.connect().await, bob.connect().await);

    ada.account
        .request_contact("BOB@example.org")
        .await
        .unwrap();
    ada.account
        .request_contact("nobody@example.org")
        .await
        .unwrap();
    match to_bob.event().await {
        Event::ContactRequested { contact } => {
            assert_eq!(
                (contact.name.as_str(), contact.state),
                ("Ada", ContactState::Incoming)
            );
        }
        other => panic!("{other:?}"),
    }
    let ada_id = ada.account.me().user_id;
    bob.account.accept_contact(ada_id).await.unwrap();
    assert!(matches!(
        to_ada.event().await,
        Event::ContactAccepted { .. }
    ));
    assert!(matches!(
        to_bob.event().await,
        Event::ContactAccepted { .. }
    ));
    for person in [&ada, &bob] {
        let listed = person.account.contacts().await.unwrap();
        assert_eq!(listed.contacts.len(), 1);
        assert_eq!(listed.contacts[0].state, ContactState::Accepted);
    }
    let known = |data: &jasmin_client::vault::VaultData| {
        data.account.as_ref().unwrap().people.is_contact(ada_id)
    };
    assert!(
        bob.profile.reopened().await.read(known),
        "kept for the next start"
    );

    bob.account.remove_contact(ada_id).await.unwrap();
    assert!(matches!(to_ada.event().await, Event::ContactRemoved { .. }));
    assert!(
        ada.account
            .user_keys(bob.account.me().user_id)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn nothing_is_lost_over_a_restart_of_the_server_and_nothing_comes_twice() {
    let mut world = World::new().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let bob = world.join("Bob", "bob@example.org").await;
    let carol = world.join("Carol", "carol@example.org").await;
    let mut to_bob = bob.connect().await;
    ada.account
        .request_contact("bob@example.org")
        .await
        .unwrap();
    let (seq, event) = to_bob.unacknowledged().await;
    assert!(matches!(event, Event::ContactRequested { .. }));

    world.stop().await;
    assert!(matches!(to_bob.next().await, SocketEvent::Offline { .. }));
    world.start().await;
    to_bob.socket.wake();
    to_bob.online().await;
    carol
        .account
        .request_contact("bob@example.org")
        .await
        .unwrap();
    let (later, event) = to_bob.unacknowledged().await;
    assert!(later > seq);
    match event {
        Event::ContactRequested { contact } => {
            assert_eq!(contact.name, "Carol", "Ada's came before")
        }
        other => panic!("{other:?}"),
    }

    // The program ends before anything was stored: both come again.
    to_bob.socket.close().await;
    let mut to_bob = bob.connect().await;
    assert!(matches!(
        to_bob.event().await,
        Event::ContactRequested { .. }
    ));
    assert!(matches!(
        to_bob.event().await,
        Event::ContactRequested { .. }
    ));
    to_bob.socket.close().await;

    // Now they are stored: only news comes.
    let mut to_bob = bob.connect().await;
    let dave = world.join("Dave", "dave@example.org").await;
    dave.account
        .request_contact("bob@example.org")
        .await
        .unwrap();
    match to_bob.event().await {
        Event::ContactRequested { contact } => assert_eq!(contact.name, "Dave"),
        other => panic!("{other:?}"),
    }
}

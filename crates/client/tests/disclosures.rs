//! What an operator gives under the law, and what the person it is about sees of it.

use jasmin_client::{Command, LinkView, View};
use jasmin_server::DisclosureOrder;

use crate::people::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_told_what_was_given_about_them_until_they_looked() {
    let mut world = World::start().await;
    let ana = world.person("ana").await;
    let ben = world.person("ben").await;
    let at = |name: &str| world.folder().join(name);
    for name in ["first", "second"] {
        let (name, key) = (name.to_owned(), at(name));
        let enrol = DisclosureOrder::Enrol {
            name,
            key,
            vouched_by: None,
        };
        world.disclose(&enrol).await;
    }
    let request = r#"{"email":"ana@example.com","ground":"legal_process","authority":"A court",
        "reference":"1 C 2/26","legal_basis":"Section 1","received":"2026-01-02",
        "scope":["account.created_ms"]}"#;
    std::fs::write(at("request"), request).unwrap();
    let (request, key) = (at("request"), at("first"));
    let said = world
        .disclose(&DisclosureOrder::File { request, key })
        .await;
    let case = said.split_whitespace().nth(2).unwrap();
    let case = case.trim_end_matches('.').parse().unwrap();
    for key in ["first", "second"] {
        let key = at(key);
        world
            .disclose(&DisclosureOrder::Approve { case, key })
            .await;
    }
    let (key, out) = (at("first"), at("given"));
    world
        .disclose(&DisclosureOrder::Give { case, key, out })
        .await;

    // The app learns of it with its next connection.
    world.restart(&[]).await;
    let view = ana.until(|view| view.disclosures.unread == 1).await;
    let told = &view.disclosures.list[0];
    assert_eq!(told.authority, "A court");
    assert_eq!(told.fields, ["when the account was made"]);
    ana.wants(Command::ShowLedger { shown: true }).await;
    ana.until(|view| view.disclosures.unread == 0 && view.disclosures.list.len() == 1)
        .await;
    let asked = |view: &View| view.server.link == LinkView::Online && view.disclosures.known;
    let view = ben.until(asked).await;
    assert!(
        view.disclosures.list.is_empty(),
        "it is about somebody else"
    );
}

use std::collections::BTreeMap;

use jasmin_protocol::PolicySet;

use super::World;
use crate::policies::publish_to;

/// A small set in which one section says `use_of`; from the second on, that widens the camera.
pub(crate) fn draft(
    version: &str,
    effective: &str,
    use_of: &str,
) -> (String, BTreeMap<String, String>) {
    let change = r#"{"document":"privacy_policy","section":"use","kind":"widens",
        "purposes":["camera"],"summary":"We use more."}"#;
    let changes = if version == "1.0.0" { "" } else { change };
    let description = format!(
        r#"{{"version":"{version}","effective":"{effective}","fill":{{"v":"{version}"}},
            "changes":[{changes}]}}"#
    );
    let use_of = use_of.replace('<', "\\<");
    let files = [
        (
            "privacy-policy.en.md",
            format!(
                "# Privacy\n\nVersion {{v}}, with the [agreement](user-agreement.en.md).\n\n## Use {{#use}}\n\nWe use {use_of} of it.\n"
            ),
        ),
        (
            "user-agreement.en.md",
            "# Agreement\n\nVersion {v}.\n\n## Duty {#duty}\n\nBe kind.\n".to_owned(),
        ),
    ];
    (
        description,
        files.map(|(name, text)| (name.to_owned(), text)).into(),
    )
}

/// Publishes such a set.
pub(crate) async fn publish(
    world: &World,
    version: &str,
    effective: &str,
    use_of: &str,
) -> PolicySet {
    let (description, files) = draft(version, effective, use_of);
    let app = &world.app;
    publish_to(
        &app.store,
        &app.keys,
        app.now_ms(),
        &description,
        &files,
        false,
    )
    .await
    .unwrap();
    let mut sets = app.store.read().await.unwrap().policy_sets().await.unwrap();
    sets.pop().unwrap().set
}

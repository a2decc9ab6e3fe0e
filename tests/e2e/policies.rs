//! Policies in a real window: read and accepted at sign-up, announced, read with what changed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use jasmin_tests::{Person, World, until};
use jasmin_vcam::spec::Camera;

#[test]
fn policies_are_read_accepted_and_their_changes_read_again() -> Result<()> {
    World::run("policies", |world| {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/1.0.0");
        let said = world.server().publish(Path::new(root))?;
        ensure!(said.contains("Published"), "{said}");

        let desk = world.desk("ana")?;
        desk.cameras().plug(0, &Camera::default())?;
        let window = desk.open()?;
        let ana = Person::named("Ana");
        window.click("sign-up")?;
        window.click("signup-policy-read")?;
        for document in ["privacy_policy", "user_agreement"] {
            let document = format!("policy-document-{document}");
            window.wait_for_text(&document, "Version 1.0.0")?;
            let text = window.text(&document)?;
            ensure!(!text.contains('{'), "all is filled in: {text}");
        }
        window.click("policy-close")?;
        window.wait_until_gone("policy-reader")?;
        window.enter("name", &ana.name)?;
        window.enter("email", &ana.email)?;
        window.enter("password", &ana.password)?;
        window.enter("birthday", "1990-02-14")?;
        window.click("submit")?;
        window.wait_for_attribute("signup-policy", "aria-invalid", "true")?;
        ensure!(!window.has("code")?, "nothing is sent without the tick");
        window.click("signup-policy")?;
        window.click("submit")?;
        window.wait_for("code")?;
        window.enter("code", &world.server().code_for(&ana.email)?)?;
        window.click("submit")?;
        window.wait_for("nav-people")?;
        ensure!(
            !window.has("policy-banner")?,
            "what was accepted is no news"
        );

        // Mail about them, for whoever allows it.
        window.click("nav-privacy")?;
        crate::partners::ask(&window, "policy-news", "policy-news-switch", "allow")?;
        window.wait_for_attribute("policy-news", "data-state", "allowed")?;
        window.wait_for_attribute("policy-news", "data-told", "true")?;

        let next = next_version(Path::new(root), &desk.folder().join("1.1.0"))?;
        let said = world.server().publish(&next)?;
        ensure!(
            said.contains("widens: privacy-policy/use (camera)"),
            "{said}"
        );
        ensure!(said.contains("Mail goes to 1 person"), "{said}");
        until("the mail about it", || {
            let outbox = serde_json::to_string(&world.server().outbox()?)?;
            Ok(outbox
                .contains("Version 1.1.0 of our policies")
                .then_some(()))
        })?;
        // The app learns of it with its next connection.
        world.server_mut().kill()?;
        world.server_mut().restart()?;
        window.click("policy-banner-open")?;
        window.wait_for_text("policy-changes", "Camera pictures may be described")?;
        window.wait_for_text("policy-changes", "You will be asked again for: camera")?;
        let marked = || Ok((!window.session().find("ins")?.is_empty()).then_some(()));
        until("the words that came", marked)?;
        window.click("policy-close")?;
        window.wait_until_gone("policy-reader")?;
        window.wait_until_gone("policy-banner")?;

        window.click("nav-privacy")?;
        window.wait_for_text("policies", "In force since")?;
        // The day as the system writes it.
        let text = window.wait_for_text("policies", "Comes into force on")?;
        ensure!(text.contains("2099"), "{text}");
        let page = world.server().get("/legal/1.1.0")?;
        ensure!(page.contains("<ins>"), "the web page shows it, too");
        Ok(())
    })
}

/// The same texts with a sentence more in one section.
fn next_version(from: &Path, to: &Path) -> Result<PathBuf> {
    fs::create_dir_all(to)?;
    for name in ["privacy-policy.en.md", "user-agreement.en.md"] {
        let text = fs::read_to_string(from.join(name))?.replace("1.0.0", "1.1.0");
        let text = text.replace(
            "No program judges you.",
            "No program judges you. Pictures of the camera may be described in words.",
        );
        fs::write(to.join(name), text)?;
    }
    let mut set: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(from.join("set.json"))?)?;
    set["version"] = "1.1.0".into();
    set["effective"] = "2099-01-01".into();
    set["changes"] = serde_json::json!([{
        "document": "privacy_policy", "section": "use", "kind": "widens", "purposes": ["camera"],
        "summary": "Camera pictures may be described in words.",
    }]);
    fs::write(to.join("set.json"), set.to_string())?;
    Ok(to.to_owned())
}

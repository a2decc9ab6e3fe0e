//! Somebody who refuses, allows and takes back what a partner may have, and whether they are counted;
//! and what the partner's own server and the public see of it.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use jasmin_protocol::{PassingKind, ShareField};
use jasmin_tests::{Page, World, partner::SamplePartner, until};
use jasmin_vcam::spec::Camera;

use crate::{pair::Side, tell};

/// What the product promises for a deletion call.
const DELETED_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn a_partner_has_what_is_allowed_and_as_long_as_it_is() -> Result<()> {
    World::run("partners", |world| {
        let partner = SamplePartner::start()?;
        let folder = world.desk("operator")?.folder().to_owned();
        let (record, signed) = (folder.join("acme.json"), folder.join("undertaking.txt"));
        fs::write(
            &record,
            partner.record("acme", "Acme Calendars").to_string(),
        )?;
        fs::write(&signed, "We protect what we get no less than you do.")?;
        let operate = |arguments: &[&str]| world.server().operate("jasmin-server", arguments);
        operate(&["partner", "propose", &record.to_string_lossy()])?;
        let unsigned = operate(&["partner", "activate", "acme"]);
        ensure!(unsigned.is_err(), "it has signed nothing");
        let document = signed.to_string_lossy();
        operate(&[
            "partner",
            "sign",
            "acme",
            "--document",
            &document,
            "--signed-on",
            "2026-01-01",
            "--review-by",
            &in_a_year()?,
        ])?;
        operate(&["partner", "activate", "acme"])?;

        let ana = &Side::arrive(world, "Ana", 0, &Camera::default())?;
        let window = &*ana.window;
        window.click("nav-privacy")?;
        window.wait_for_text("partner-acme", "Acme Calendars GmbH")?;
        ask(window, "share", "share-switch-acme-email", "deny")?;
        window.wait_for_attribute("share-acme-email", "data-state", "denied")?;
        ask(window, "share", "share-switch-acme-email", "allow")?;
        window.wait_for_attribute("share-acme-email", "data-state", "allowed")?;
        let (path, message) = partner.next(DELETED_WITHIN)?;
        ensure!(
            path == "/give" && message.kind == PassingKind::Given,
            "{path}"
        );
        let given: Vec<_> = message
            .data
            .iter()
            .map(|one| (one.field, one.value.as_str()))
            .collect();
        ensure!(
            given == [(ShareField::Email, ana.person.email.as_str())],
            "{given:?}"
        );
        partner.has_nothing_more()?;

        ask(window, "statistics", "statistics-switch", "allow")?;
        window.wait_for_attribute("statistics", "data-state", "allowed")?;
        window.wait_for_attribute("statistics", "data-told", "true")?;
        let said = world.server().operate("jasmin-stats", &["release"])?;
        ensure!(said.contains("Published."), "{said}");
        let again = world.server().operate("jasmin-stats", &["release"]);
        ensure!(again.is_err(), "a week is published once");
        let page = world.server().get("/legal/statistics")?;
        ensure!(
            page.contains("Too few people to say anything"),
            "one person is no statistic: {page}"
        );

        let begun = Instant::now();
        window.click("share-switch-acme-email")?;
        window.wait_for_attribute("share-acme-email", "data-state", "withdrawn")?;
        let (path, message) = partner.next(DELETED_WITHIN)?;
        let took = begun.elapsed();
        ensure!(
            path == "/delete" && message.delete == [ShareField::Email],
            "{path}"
        );
        ensure!(took <= DELETED_WITHIN, "told to delete after {took:?}");
        tell(&format!(
            "the partner was told to delete after {} ms",
            took.as_millis()
        ));

        window.click("passings-acme")?;
        until("both passings, answered", || {
            let done = window
                .session()
                .find("[data-testid=passing][data-state=done]")?;
            Ok((done.len() == 2).then_some(()))
        })?;
        let partners = world.server().get("/legal/transparency")?;
        ensure!(
            partners.contains("Acme Calendars GmbH"),
            "everybody sees who the partners are"
        );
        Ok(())
    })
}

/// Presses a switch, and answers the question that it brings up.
pub(crate) fn ask(window: &Page, kind: &str, switch: &str, answer: &str) -> Result<()> {
    window.click(switch)?;
    let question = format!("{kind}-ask");
    window.wait_for(&question)?;
    let button = format!("{kind}-{answer}");
    until("the question to be answered", || {
        // It is deaf at first: nobody answers what they have not seen.
        if !window.has(&question)? {
            return Ok(Some(()));
        }
        window.try_click(&button)?;
        Ok(None)
    })
}

/// A day, as the partner's undertaking names one.
fn in_a_year() -> Result<String> {
    let day = Command::new("date")
        .args(["-u", "-d", "+365 days", "+%F"])
        .output()?;
    Ok(String::from_utf8(day.stdout)?.trim().to_owned())
}

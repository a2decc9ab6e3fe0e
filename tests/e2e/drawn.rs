//! Where the window cannot paint over the page, the page pulls the pictures and draws them.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use jasmin_tests::{World, until_within};

use crate::pair::{Pair, Side};

/// The page stands still for so long.
const BLOCKED_MS: u32 = 10_000;
/// More than what a page's engine keeps lying about, less than the pictures of those ten seconds.
const FLAT: u64 = 24 << 20;

#[test]
fn the_page_draws_and_survives_standing_still() -> Result<()> {
    World::run("drawn", |world| {
        world.use_far_screens();
        let pair = Pair::meet(world)?;
        pair.talk()?;
        let Pair { ana, ben } = &pair;
        pair.see_each_other()?;
        let (at_ana, at_ben) = (ana.see_on_screen(ben, 60)?, ben.see_on_screen(ana, 60)?);
        crate::tell(&format!(
            "camera to screen, drawn by the page: {at_ana} ms at Ana, {at_ben} ms at Ben (median)"
        ));

        ana.window.click("toggle-camera")?;
        ben.sees_devices(true, false)?;
        ana.window.click("toggle-camera")?;
        ben.see_on_screen(ana, 10)?;

        let before = memory(ben)?;
        stand_still(ben)?;
        ben.see_on_screen(ana, 10)?;
        let after = memory(ben)?;
        ensure!(
            after <= before + FLAT,
            "memory grew from {before} to {after} bytes"
        );

        ben.window.click("hang-up")?;
        ana.ended("hung_up")?;
        ben.ended("hung_up")
    })
}

/// Blocks the page, and returns when it runs again.
fn stand_still(side: &Side) -> Result<()> {
    let block = format!(
        "window.stood = false;
         setTimeout(() => {{
           const end = performance.now() + {BLOCKED_MS};
           while (performance.now() < end);
           window.stood = true;
         }});"
    );
    let session = side.window.session();
    session.script(&block, &[])?;
    let patience = Duration::from_millis(BLOCKED_MS.into()) * 3;
    until_within(patience, "the page to run again", || {
        let stood = session.script("return window.stood;", &[])?;
        Ok((stood == true).then_some(()))
    })
}

/// Bytes of all processes of the app: what they share counts in parts.
fn memory(side: &Side) -> Result<u64> {
    let of = |id: &i32| -> Result<u64> {
        let path = format!("/proc/{id}/smaps_rollup");
        let text = fs::read_to_string(&path)?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        let size = line.and_then(|rest| rest.split_whitespace().next());
        let kilobytes: u64 = size.context("a size")?.parse()?;
        Ok(kilobytes * 1024)
    };
    side.window.program().processes().iter().map(of).sum()
}

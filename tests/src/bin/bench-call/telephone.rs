use anyhow::{Context, Result};
use jasmin_tests::{Desk, Page, until};
use serde_json::json;

use crate::lens::{Lens, Place};

/// Two windows that can call each other: the first calls, the second is called.
pub(crate) trait Telephone {
    /// Whose they are.
    fn desks(&self) -> [&Desk; 2];

    /// What they show.
    fn pages(&self) -> [&Page; 2];

    /// Numbers of the cameras.
    fn cameras(&self) -> [u32; 2];

    /// CSS selector of the other's picture.
    fn picture(&self) -> &'static str;

    /// Gets everything ready once, before the first call.
    fn prepare(&self) -> Result<()>;

    /// Calls and accepts. Tells when the callee's page felt the press on Accept, in nanoseconds by
    /// the clock of the cameras.
    fn connect(&self) -> Result<u64>;

    /// Ends the call, and waits until it is over on both sides.
    fn hang_up(&self) -> Result<()>;

    /// Processes of one side.
    fn processes(&self, side: usize) -> Vec<i32>;

    /// What a process is, by its name and its command line; `None`: not part of the program.
    fn role(&self, name: &str, line: &str) -> Option<String>;
}

/// A change of the size in which the other's picture arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// Milliseconds since the Unix epoch.
    pub(crate) at_ms: u64,
    /// Pixels across and down.
    pub(crate) size: (u32, u32),
}

/// The sizes that the page noted since they were last forgotten: `benchSizes` holds
/// `[milliseconds, width, height]`.
pub(crate) fn sizes(page: &Page) -> Result<Vec<Arrived>> {
    let found = page
        .session()
        .script("return window.benchSizes ?? [];", &[])?;
    let found: Vec<(u64, u32, u32)> = serde_json::from_value(found)?;
    let arrived = |(at_ms, width, height)| Arrived {
        at_ms,
        size: (width, height),
    };
    Ok(found.into_iter().map(arrived).collect())
}

/// Forgets the sizes that were noted.
pub(crate) fn forget_sizes(page: &Page) -> Result<()> {
    let forget = "window.benchSizes = []; window.benchLast = null;";
    page.session().script(forget, &[]).map(drop)
}

/// A colour that nothing else has.
const MARK: [u8; 4] = [255, 0, 254, 255];

/// Where on the screen the page begins: found by a mark in its corner, so that no border or title
/// bar has to be known.
pub(crate) fn origin(desk: &Desk, page: &Page) -> Result<(f64, f64)> {
    let put = "const mark = document.createElement('div'); mark.id = 'bench-mark';\
        Object.assign(mark.style, { position: 'fixed', left: 0, top: 0, width: '24px',\
        height: '6px', zIndex: 2147483647, background: 'rgb(255, 0, 254)' });\
        document.body.append(mark);";
    page.session().script(put, &[])?;
    let found = until("the page's corner on the screen", || {
        let screen = desk.screen().picture()?;
        let is_mark = |&at: &usize| screen.rgba[4 * at..4 * at + 4] == MARK;
        let at = (0..screen.width * screen.height).find(is_mark);
        Ok(at.map(|at| ((at % screen.width) as f64, (at / screen.width) as f64)))
    });
    let take = "document.getElementById('bench-mark')?.remove();";
    page.session().script(take, &[])?;
    found
}

/// The other's picture in the page: left, top, width, height, in CSS pixels, of which `scale` of the
/// screen's make one.
pub(crate) fn shown(page: &Page, picture: &str) -> Result<(f64, f64, f64, f64)> {
    let read = "const found = document.querySelector(arguments[0]);\
        if (!found) return null; const rect = found.getBoundingClientRect();\
        return [rect.x, rect.y, rect.width, rect.height].map((n) => n * devicePixelRatio);";
    let found = page.session().script(read, &[json!(picture)])?;
    let number = |at: usize| found[at].as_f64().context("the page shows no picture");
    Ok((number(0)?, number(1)?, number(2)?, number(3)?))
}

/// A lens on the other's picture, as it is laid out now.
pub(crate) fn lens(desk: &Desk, page: &Page, picture: &str) -> Result<Lens> {
    let (left, top) = origin(desk, page)?;
    let (x, y, width, height) = shown(page, picture)?;
    let place = Place::of_shown(left + x, top + y, width, height);
    Lens::new(desk.screen().pixels(), place)
}

/// Presses a button and tells when the page felt it, in nanoseconds by the clock of the cameras.
pub(crate) fn press(page: &Page, testid: &str) -> Result<u64> {
    jasmin_tests::unix_ms_as_monotonic_ns(page.click_timed(testid)?)
}

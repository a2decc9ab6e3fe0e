use anyhow::Result;
use jasmin_tests::{Desk, Page};

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

    /// What one side has written down so far.
    fn log(&self, side: usize) -> String;

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

/// Presses a button and tells when the page felt it, in nanoseconds by the clock of the cameras.
pub(crate) fn press(page: &Page, testid: &str) -> Result<u64> {
    jasmin_tests::unix_ms_as_monotonic_ns(page.click_timed(testid)?)
}

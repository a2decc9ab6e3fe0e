//! The app, calling itself.

use anyhow::Result;
use jasmin_tests::{
    Desk, Page, World,
    lens::shown,
    pair::{CONNECT, Pair, Side},
    until,
};
use jasmin_vcam::spec::Camera;

use crate::telephone::{Telephone, press};

/// The size that the other's picture shall have on the screen.
const SHOWN: (f64, f64) = (1280.0, 720.0);
/// What the virtual screen has room for.
const SCREEN: (f64, f64) = (1400.0, 900.0);

/// Notes each change of the size in which pictures arrive.
const NOTE_SIZES: &str = "window.benchSizes = []; window.benchLast = null;\
    new MutationObserver(() => {\
      const size = document.querySelector('[data-testid=remote-video]')?.dataset.size;\
      if (!size || size === window.benchLast) return;\
      window.benchLast = size;\
      window.benchSizes.push([Date.now(), ...size.split('x').map(Number)]);\
    }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ['data-size'] });";

/// Words that may lie over the picture are laid aside: they would hide its barcode.
const CLEAR_PICTURE: &str = "document.styleSheets[0]\
    .insertRule('.weak, .notices { visibility: hidden !important; }');";

/// Two windows of the app.
pub(crate) struct Jasmin {
    pair: Pair,
}

impl Jasmin {
    /// Two people with accounts, who know each other.
    pub(crate) fn start(world: &World, camera: &Camera) -> Result<Self> {
        let pair = Pair::meet_with(world, camera)?;
        Ok(Self { pair })
    }

    fn sides(&self) -> [&Side; 2] {
        [&self.pair.ana, &self.pair.ben]
    }
}

impl Telephone for Jasmin {
    fn desks(&self) -> [&Desk; 2] {
        self.sides().map(|side| &side.desk)
    }

    fn pages(&self) -> [&Page; 2] {
        self.sides().map(|side| &*side.window)
    }

    fn cameras(&self) -> [u32; 2] {
        self.sides().map(|side| side.camera)
    }

    fn picture(&self) -> &'static str {
        "[data-testid=remote-video]"
    }

    /// One call in which everything is allowed, and the windows get their size.
    fn prepare(&self) -> Result<()> {
        self.pair.talk()?;
        for side in self.sides() {
            let session = side.window.session();
            session.script(NOTE_SIZES, &[])?;
            session.script(CLEAR_PICTURE, &[])?;
            let inner = session.script("return [innerWidth, innerHeight];", &[])?;
            // Nothing is laid out before the first picture.
            let (_, _, width, height) = until("the other's picture in the page", || {
                let shown = shown(&side.window, self.picture())?;
                Ok((shown.2 > 0.0).then_some(shown))
            })?;
            let grown = |at: usize, shown: f64, wanted: f64, most: f64| {
                let inner = inner[at].as_f64().unwrap_or(most);
                (inner + wanted - shown).min(most) as u32
            };
            session.resize(
                grown(0, width, SHOWN.0, SCREEN.0),
                grown(1, height, SHOWN.1, SCREEN.1),
            )?;
        }
        Ok(())
    }

    fn connect(&self) -> Result<u64> {
        let Pair { ana, ben } = &self.pair;
        ana.call(ben, "video")?;
        ana.answer(0, |_| "allow", &["calling", "ringing"])?;
        ben.wait_for_state(CONNECT, &["incoming"])?;
        press(&ben.window, "accept-video")
    }

    fn hang_up(&self) -> Result<()> {
        let Pair { ana, ben } = &self.pair;
        ana.window.click("hang-up")?;
        ana.ended("hung_up")?;
        ben.ended("hung_up")
    }

    fn processes(&self, side: usize) -> Vec<i32> {
        self.sides()[side].window.program().processes()
    }

    fn log(&self, side: usize) -> String {
        self.sides()[side].window.program().log()
    }

    fn role(&self, name: &str, _line: &str) -> Option<String> {
        // Names end after 15 characters.
        let role = match name {
            "jasmin-chat" => "app",
            "WebKitWebProces" => "web process",
            "WebKitNetworkPr" => "network process",
            "WebKitWebDriver" => return None,
            other => other,
        };
        Some(role.to_owned())
    }
}

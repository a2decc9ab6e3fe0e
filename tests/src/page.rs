use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jasmin_vcam::barcode::Stamp;
use serde_json::{Value, json};

use crate::{Picture, Session, until, until_within, wait::PATIENCE};

/// A page whose controls are found by their `data-testid`.
#[derive(Debug)]
pub struct Page {
    session: Session,
}

/// Reads a canvas, or the first one inside an element, as RGBA in base64.
const READ_CANVAS: &str = r#"
const found = document.querySelector(`[data-testid="${arguments[0]}"]`);
const canvas = found instanceof HTMLCanvasElement ? found : found?.querySelector('canvas');
if (!canvas || !canvas.width || !canvas.height) return null;
// A picture of this size says as much, and travels in a tenth of the time.
const width = Math.min(canvas.width, 480);
const height = Math.round((canvas.height * width) / canvas.width);
const small = new OffscreenCanvas(width, height).getContext('2d');
small.drawImage(canvas, 0, 0, width, height);
const bytes = small.getImageData(0, 0, width, height).data;
let text = '';
for (let at = 0; at < bytes.length; at += 32768)
  text += String.fromCharCode.apply(null, bytes.subarray(at, at + 32768));
return { width, height, now: Date.now(), rgba: btoa(text) };
"#;

/// Watches a canvas from frame to frame and reads the time in each new picture, as
/// `jasmin_vcam::barcode` draws it; the picture may be cut at two opposite edges to fill its place.
const WATCH: &str = r#"
const [testid, count, patience, done] = arguments;
const COLUMNS = 24, ROWS = 16, ASPECT = 16 / 9;
const seen = [];
const until = performance.now() + patience;
// Of what is left of a cell when the picture is cut to fill its tile.
const middle = (from, size, most) =>
  Math.floor((Math.max(from, 0) + Math.min(from + size, most)) / 2);
function read() {
  const canvas = document.querySelector(`[data-testid="${testid}"]`);
  const { width, height } = canvas ?? {};
  if (!width || !height) return;
  const wholeWidth = Math.max(width, height * ASPECT), left = (wholeWidth - width) / 2;
  const wholeHeight = Math.max(height, width / ASPECT), top = (wholeHeight - height) / 2;
  const lines = Math.ceil((wholeHeight * 2) / ROWS - top);
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, lines);
  const bits = [];
  for (let row = 0; row < 2; row++)
    for (let column = 0; column < COLUMNS; column++) {
      const x = middle((column * wholeWidth) / COLUMNS - left, wholeWidth / COLUMNS, width);
      const y = middle((row * wholeHeight) / ROWS - top, wholeHeight / ROWS, height);
      let sum = 0;
      for (let dy = -2; dy <= 2; dy++)
        for (let dx = -2; dx <= 2; dx++) {
          const at = 4 * ((y + dy) * width + x + dx);
          sum += data[at] + 2 * data[at + 1] + data[at + 2];
        }
      if (!(Math.abs(sum / 100 - 128) >= 25)) return;
      bits.push(sum / 100 >= 128 ? 1 : 0);
    }
  const number = (from, length) =>
    bits.slice(from, from + length).reduce((sum, bit) => sum * 2 + bit, 0);
  let millis = number(0, 32);
  for (let shift = 1; shift < 32; shift *= 2) millis = (millis ^ (millis >>> shift)) >>> 0;
  const camera = number(32, 4);
  const check = (Math.imul(millis ^ (camera << 28), 0x9e3779b1) ^ 0x5a5a5a5a) >>> 20;
  if (check !== number(36, 12) || seen.at(-1)?.[0] === millis) return;
  seen.push([millis, camera, Date.now()]);
}
function frame() {
  read();
  if (seen.length >= count || performance.now() > until) done(seen);
  else requestAnimationFrame(frame);
}
requestAnimationFrame(frame);
"#;

/// One picture of a virtual camera, as a page showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// What its barcode says.
    pub stamp: Stamp,
    /// When the page had it on its canvas: milliseconds since the Unix epoch.
    pub at_ms: u64,
}

impl Page {
    /// A page under automation.
    pub fn new(session: Session) -> Self {
        Self { session }
    }

    /// The session below.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Whether an element is there.
    ///
    /// # Errors
    /// When the page does not answer.
    pub fn has(&self, testid: &str) -> Result<bool> {
        Ok(self.count(testid)? > 0)
    }

    /// How many elements of that name are there.
    ///
    /// # Errors
    /// When the page does not answer.
    pub fn count(&self, testid: &str) -> Result<usize> {
        Ok(self.session.find(&selector(testid))?.len())
    }

    /// Waits until an element is there.
    ///
    /// # Errors
    /// When it does not come.
    pub fn wait_for(&self, testid: &str) -> Result<()> {
        until(&format!("`{testid}`"), || {
            Ok(self.has(testid)?.then_some(()))
        })
    }

    /// Waits until the first of some elements is there, and says which.
    ///
    /// # Errors
    /// When none comes.
    pub fn wait_for_any<'a>(&self, testids: &[&'a str]) -> Result<&'a str> {
        until(&format!("one of `{}`", testids.join("`, `")), || {
            for testid in testids {
                if self.has(testid)? {
                    return Ok(Some(*testid));
                }
            }
            Ok(None)
        })
    }

    /// Waits until an element is gone.
    ///
    /// # Errors
    /// When it stays.
    pub fn wait_until_gone(&self, testid: &str) -> Result<()> {
        until(&format!("`{testid}` to go"), || {
            Ok((!self.has(testid)?).then_some(()))
        })
    }

    /// Clicks an element, once it is there and can be used.
    ///
    /// # Errors
    /// When it does not come, or cannot be clicked.
    pub fn click(&self, testid: &str) -> Result<()> {
        until(&format!("a click on `{testid}`"), || {
            Ok(self.try_click(testid)?.then_some(()))
        })
    }

    /// Clicks an element if it is there now. Returns whether it was.
    ///
    /// # Errors
    /// When it is there and cannot be clicked.
    pub fn try_click(&self, testid: &str) -> Result<bool> {
        let Some(element) = self.session.find(&selector(testid))?.into_iter().next() else {
            return Ok(false);
        };
        ensure!(self.session.is_enabled(&element)?, "`{testid}` is disabled");
        self.session.click(&element)?;
        Ok(true)
    }

    /// Replaces what is in a field by typing.
    ///
    /// # Errors
    /// When it does not come, or takes no text.
    pub fn enter(&self, testid: &str, text: &str) -> Result<()> {
        until(&format!("the field `{testid}`"), || {
            let Some(element) = self.session.find(&selector(testid))?.into_iter().next() else {
                return Ok(None);
            };
            self.session.clear(&element)?;
            self.session.type_into(&element, text).map(Some)
        })
    }

    /// Clicks an element, and tells when the page felt it: milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// When it does not come, or cannot be clicked.
    pub fn click_timed(&self, testid: &str) -> Result<u64> {
        let watch = "delete window.felt; document.addEventListener('click', \
                     () => { window.felt = Date.now(); }, { capture: true, once: true });";
        self.session.script(watch, &[])?;
        self.click(testid)?;
        let felt = self.session.script("return window.felt ?? null;", &[])?;
        felt.as_u64()
            .with_context(|| format!("the page felt no click on `{testid}`"))
    }

    /// Chooses an entry of a list by its value.
    ///
    /// # Errors
    /// When the list does not come, or has no such entry.
    pub fn choose(&self, testid: &str, value: &str) -> Result<()> {
        let choose = "const list = document.querySelector(arguments[0]);\
                      if (![...list.options].some(o => o.value === arguments[1])) return false;\
                      list.value = arguments[1];\
                      list.dispatchEvent(new Event('input', { bubbles: true }));\
                      list.dispatchEvent(new Event('change', { bubbles: true })); return true;";
        self.wait_for(testid)?;
        until(&format!("`{value}` in `{testid}`"), || {
            let done = self
                .session
                .script(choose, &[json!(selector(testid)), json!(value)])?;
            Ok((done == Value::Bool(true)).then_some(()))
        })
    }

    /// The words in an element, shown or only read out.
    ///
    /// # Errors
    /// When it is not there.
    pub fn text(&self, testid: &str) -> Result<String> {
        let found = self.texts(testid)?;
        found
            .into_iter()
            .next()
            .with_context(|| format!("`{testid}` is not there"))
    }

    /// The words in each element of that name, shown or only read out.
    ///
    /// # Errors
    /// When the page does not answer.
    pub fn texts(&self, testid: &str) -> Result<Vec<String>> {
        let read = "return [...document.querySelectorAll(arguments[0])]\
                    .map((found) => found.textContent.replace(/\\s+/g, ' ').trim());";
        let found = self.session.script(read, &[json!(selector(testid))])?;
        let texts = found.as_array().context("texts are a list")?;
        Ok(texts
            .iter()
            .filter_map(|text| text.as_str().map(str::to_owned))
            .collect())
    }

    /// Waits until an element holds some text, and returns all of its text.
    ///
    /// # Errors
    /// When it does not come.
    pub fn wait_for_text(&self, testid: &str, part: &str) -> Result<String> {
        let mut last = String::new();
        until(&format!("`{part}` in `{testid}`"), || {
            last = self.text(testid)?;
            ensure!(last.contains(part), "it says `{last}`");
            Ok(Some(last.clone()))
        })
    }

    /// An attribute of an element.
    ///
    /// # Errors
    /// When the element is not there.
    pub fn attribute(&self, testid: &str, name: &str) -> Result<Option<String>> {
        let read = "const found = document.querySelector(arguments[0]);\
                    return found ? { value: found.getAttribute(arguments[1]) } : null;";
        let found = self
            .session
            .script(read, &[json!(selector(testid)), json!(name)])?;
        ensure!(!found.is_null(), "`{testid}` is not there");
        Ok(found["value"].as_str().map(str::to_owned))
    }

    /// Waits until an attribute has a value.
    ///
    /// # Errors
    /// When it does not.
    pub fn wait_for_attribute(&self, testid: &str, name: &str, value: &str) -> Result<()> {
        self.wait_for_one_of(PATIENCE, testid, name, &[value])
            .map(drop)
    }

    /// Waits until an attribute has one of some values, and says which.
    ///
    /// # Errors
    /// When it does not.
    pub fn wait_for_one_of(
        &self,
        time: Duration,
        testid: &str,
        name: &str,
        values: &[&str],
    ) -> Result<String> {
        let wanted = values.join("` or `");
        until_within(time, &format!("`{wanted}` as {name} of `{testid}`"), || {
            let found = self.attribute(testid, name)?;
            match found {
                Some(value) if values.contains(&value.as_str()) => Ok(Some(value)),
                other => bail!("it is {other:?}"),
            }
        })
    }

    /// Watches a canvas until so many different pictures of virtual cameras were on it, or time is
    /// over, and gives those that were seen, in order.
    ///
    /// # Errors
    /// When the page does not answer. At most 25 s can be watched at once.
    pub fn watch(&self, testid: &str, pictures: usize, time: Duration) -> Result<Vec<Sight>> {
        let patience = u64::try_from(time.as_millis())?.min(25_000);
        let arguments = [json!(testid), json!(pictures), json!(patience)];
        let seen = self.session.script_later(WATCH, &arguments)?;
        let seen: Vec<(u32, u8, u64)> = serde_json::from_value(seen)?;
        let sight = |&(millis, camera, at_ms)| Sight {
            stamp: Stamp { millis, camera },
            at_ms,
        };
        Ok(seen.iter().map(sight).collect())
    }

    /// What a canvas shows, or `None` while it shows nothing yet.
    ///
    /// # Errors
    /// When the page does not answer.
    pub fn canvas(&self, testid: &str) -> Result<Option<Picture>> {
        let read = self.session.script(READ_CANVAS, &[json!(testid)])?;
        if read.is_null() {
            return Ok(None);
        }
        let number = |name: &str| {
            read[name]
                .as_u64()
                .and_then(|number| usize::try_from(number).ok())
                .unwrap_or(0)
        };
        let rgba = STANDARD.decode(read["rgba"].as_str().unwrap_or_default())?;
        let at_ms = read["now"].as_u64().unwrap_or_default();
        let picture = Picture {
            at_ms,
            width: number("width"),
            height: number("height"),
            rgba,
        };
        ensure!(
            picture.rgba.len() == 4 * picture.width * picture.height,
            "a canvas of {} × {} came with {} bytes",
            picture.width,
            picture.height,
            picture.rgba.len()
        );
        Ok(Some(picture))
    }
}

fn selector(testid: &str) -> String {
    format!("[data-testid=\"{testid}\"]")
}

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
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
const { width, height } = canvas;
const bytes = canvas.getContext('2d').getImageData(0, 0, width, height).data;
let text = '';
for (let at = 0; at < bytes.length; at += 32768)
  text += String.fromCharCode.apply(null, bytes.subarray(at, at + 32768));
return { width, height, now: Date.now(), rgba: btoa(text) };
"#;

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

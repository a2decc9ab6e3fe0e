use std::{net::TcpListener, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use ureq::Agent;

use crate::{Program, until};

/// The key that WebDriver keeps an element's reference under (W3C WebDriver, section 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A WebDriver program. WebKit's serves one session; dropping it ends the browser, too.
#[derive(Debug)]
pub struct Driver {
    url: String,
    program: Program,
}

/// One page under automation (W3C WebDriver, classic).
#[derive(Debug)]
pub struct Session {
    url: String,
    agent: Agent,
}

impl Driver {
    /// Starts a driver. Its environment becomes that of the browser that it starts.
    ///
    /// # Errors
    /// When the driver is missing or does not answer.
    pub fn start(command: &mut Command, name: &str, folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let program = Program::start(command.arg(format!("--port={port}")), name, folder)?;
        let mut driver = Self {
            url: format!("http://127.0.0.1:{port}"),
            program,
        };
        until("the driver", || {
            let ended = driver.program.ended()?;
            let answer = agent().get(format!("{}/status", driver.url)).call().ok();
            let lost = || ended.map(|_| Err(anyhow!("it ended: {}", driver.program.log())));
            Ok(answer.map(|_| Ok(())).or_else(lost))
        })??;
        Ok(driver)
    }

    /// Opens the one page.
    ///
    /// # Errors
    /// When the browser does not start, or does not offer itself for automation.
    pub fn session(&self, capabilities: Value) -> Result<Session> {
        let agent = agent();
        let body = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let value = ask(
            &agent,
            "POST",
            &format!("{}/session", self.url),
            Some(&body),
        )
        .with_context(|| format!("no page; the driver says: {}", self.program.log()))?;
        let id = value["sessionId"]
            .as_str()
            .context("a session without a number")?;
        Ok(Session {
            url: format!("{}/session/{id}", self.url),
            agent,
        })
    }

    /// The driver's process and, below it, the browser's.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The driver's process, to end it.
    pub fn program_mut(&mut self) -> &mut Program {
        &mut self.program
    }
}

impl Session {
    /// Goes to an address.
    ///
    /// # Errors
    /// When the page cannot be loaded.
    pub fn go(&self, address: &str) -> Result<()> {
        self.post("url", &json!({ "url": address })).map(drop)
    }

    /// Makes the window so big, and moves it to the upper left corner of the screen.
    ///
    /// # Errors
    /// When the browser cannot do that.
    pub fn resize(&self, width: u32, height: u32) -> Result<()> {
        let rect = json!({ "x": 0, "y": 0, "width": width, "height": height });
        self.post("window/rect", &rect).map(drop)
    }

    /// Runs a function body in the page and returns its result.
    ///
    /// # Errors
    /// When the page throws.
    pub fn script(&self, body: &str, arguments: &[Value]) -> Result<Value> {
        self.post(
            "execute/sync",
            &json!({ "script": body, "args": arguments }),
        )
    }

    /// Runs a function body in the page whose last argument is called with the result. At most 30 s.
    ///
    /// # Errors
    /// When the page throws, or never calls.
    pub fn script_later(&self, body: &str, arguments: &[Value]) -> Result<Value> {
        self.post(
            "execute/async",
            &json!({ "script": body, "args": arguments }),
        )
    }

    /// Elements that match a CSS selector, as references for the other commands.
    ///
    /// # Errors
    /// When the selector is none.
    pub fn find(&self, css: &str) -> Result<Vec<String>> {
        let found = self.post(
            "elements",
            &json!({ "using": "css selector", "value": css }),
        )?;
        let list = found.as_array().context("elements are a list")?;
        let id = |element: &Value| element[ELEMENT].as_str().map(str::to_owned);
        list.iter()
            .map(|element| id(element).context("an element without a reference"))
            .collect()
    }

    /// Clicks where a person would.
    ///
    /// # Errors
    /// When something else lies there.
    pub fn click(&self, element: &str) -> Result<()> {
        self.post(&format!("element/{element}/click"), &json!({}))
            .map(drop)
    }

    /// Empties a field.
    ///
    /// # Errors
    /// When it is none.
    pub fn clear(&self, element: &str) -> Result<()> {
        self.post(&format!("element/{element}/clear"), &json!({}))
            .map(drop)
    }

    /// Types.
    ///
    /// # Errors
    /// When the element cannot have the focus.
    pub fn type_into(&self, element: &str, text: &str) -> Result<()> {
        self.post(
            &format!("element/{element}/value"),
            &json!({ "text": text }),
        )
        .map(drop)
    }

    /// What a person reads there.
    ///
    /// # Errors
    /// When the element is gone.
    pub fn text(&self, element: &str) -> Result<String> {
        let text = self.get(&format!("element/{element}/text"))?;
        text.as_str().map(str::to_owned).context("text is a string")
    }

    /// Whether it can be used.
    ///
    /// # Errors
    /// When the element is gone.
    pub fn is_enabled(&self, element: &str) -> Result<bool> {
        Ok(self.get(&format!("element/{element}/enabled"))? == Value::Bool(true))
    }

    /// Closes the page, and the browser with it.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub fn close(&self) -> Result<()> {
        ask(&self.agent, "DELETE", &self.url, None).map(drop)
    }

    fn get(&self, what: &str) -> Result<Value> {
        ask(&self.agent, "GET", &format!("{}/{what}", self.url), None)
    }

    fn post(&self, what: &str, body: &Value) -> Result<Value> {
        ask(
            &self.agent,
            "POST",
            &format!("{}/{what}", self.url),
            Some(body),
        )
    }
}

/// A client that gives an answer of any status and waits at most a minute.
pub(crate) fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into()
}

fn ask(agent: &Agent, method: &str, url: &str, body: Option<&Value>) -> Result<Value> {
    let text = body.map(Value::to_string).unwrap_or_default();
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", "application/json")
        .body(text)?;
    let mut answer = agent
        .run(request)
        .with_context(|| format!("{method} {url}"))?;
    let text = answer
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_to_string()?;
    let json: Value = serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"))?;
    if !answer.status().is_success() {
        let error = &json["value"];
        return Err(anyhow!(
            "{}: {}",
            error["error"].as_str().unwrap_or("no error"),
            error["message"]
                .as_str()
                .unwrap_or("no message")
                .lines()
                .next()
                .unwrap_or_default()
        ));
    }
    Ok(json["value"].clone())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use jasmin_vcam::barcode::{self, Stamp};

    use crate::{Page, Picture, Screen, program::bare};

    /// A page in WebKit's own test browser.
    pub(crate) fn mini_browser(folder: &Path, screen: &Screen) -> (Driver, Page) {
        let mut command = bare("WebKitWebDriver");
        command.env("DISPLAY", screen.display()).env("HOME", folder);
        command.env("WEBKIT_DISABLE_DMABUF_RENDERER", "1");
        let driver = Driver::start(&mut command, "driver", folder).unwrap();
        let session = driver.session(json!({})).unwrap();
        (driver, Page::new(session))
    }

    const HTML: &str = "data:text/html,<input data-testid=name><button data-testid=go \
        onclick='said.textContent=`hello `+document.querySelector(`input`).value;\
        this.dataset.state=`done`'>Go</button>\
        <p id=said data-testid=said></p><canvas data-testid=picture width=64 height=32></canvas>\
        <script>const c=document.querySelector('canvas').getContext('2d');c.fillStyle='rgb(200,100,0)';\
        c.fillRect(32,0,32,32)</script>";

    #[test]
    fn drives_a_page_and_reads_its_pixels() {
        let folder = tempfile::tempdir().unwrap();
        let screen = Screen::start(folder.path()).unwrap();
        let (_driver, page) = mini_browser(folder.path(), &screen);
        page.session().go(HTML).unwrap();
        page.enter("name", "Ana").unwrap();
        page.click("go").unwrap();
        page.wait_for_text("said", "hello Ana").unwrap();
        page.wait_for_attribute("go", "data-state", "done").unwrap();
        assert!(!page.has("nothing-of-the-kind").unwrap());

        let picture: Picture = page.canvas("picture").unwrap().unwrap();
        assert_eq!((picture.width, picture.height), (64, 32));
        assert_eq!(picture.pixel(10, 10), [0, 0, 0, 0]);
        assert_eq!(picture.pixel(40, 10), [200, 100, 0, 255]);
    }

    #[test]
    fn reads_the_time_in_a_picture_that_is_cut_to_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let screen = Screen::start(folder.path()).unwrap();
        let (_driver, page) = mini_browser(folder.path(), &screen);
        page.session()
            .go("data:text/html,<canvas data-testid=picture></canvas>")
            .unwrap();
        // 480 × 270, of which 4 rows are cut above and below.
        let stamp = Stamp {
            millis: 123_456_789,
            camera: 1,
        };
        let cells: Vec<u8> = (0..2)
            .flat_map(|row| (0..24).map(move |column| barcode::shade(stamp.cell(column, row))))
            .collect();
        let paint = "const canvas = document.querySelector('canvas');\
            canvas.width = 480; canvas.height = 262; const to = canvas.getContext('2d');\
            arguments[0].forEach((shade, at) => { to.fillStyle = `rgb(${shade},${shade},${shade})`;\
            to.fillRect((at % 24) * 20, Math.floor(at / 24) * 16.875 - 4, 20, 16.875); });";
        page.session().script(paint, &[json!(cells)]).unwrap();
        let seen = page.watch("picture", 1, Duration::from_secs(10)).unwrap();
        assert_eq!(
            seen.iter().map(|sight| sight.stamp).collect::<Vec<_>>(),
            [stamp]
        );
    }
}

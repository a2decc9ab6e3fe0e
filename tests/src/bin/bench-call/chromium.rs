//! The peer: two windows of Debian's Chromium on a page of our own.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use jasmin_tests::{Desk, Driver, Page, World, until, until_within};
use jasmin_vcam::{Stand, spec::Camera};
use serde_json::json;

use crate::{
    signalling::Signalling,
    telephone::{Telephone, press},
};

/// How long a call may take to stand.
const CONNECT: std::time::Duration = std::time::Duration::from_secs(40);

/// Where Debian puts the browser and its driver.
const BROWSER: &str = "/usr/bin/chromium";
const DRIVER: &str = "/usr/bin/chromedriver";

/// A browser without a person in front of it, for calls on a machine without a graphics card; as
/// root it has no sandbox. What it would do in the background beside the call is switched off.
const FLAGS: &[&str] = &[
    "--no-sandbox",
    "--test-type",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-features=WebRtcPipeWireCamera,Translate,MediaRouter",
    "--password-store=basic",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--window-position=0,0",
    "--window-size=1400,900",
];

/// Two windows of the browser.
pub(crate) struct Chromium {
    sides: [Side; 2],
}

struct Side {
    page: Page,
    driver: Driver,
    desk: Desk,
    camera: u32,
}

impl Chromium {
    /// Opens both, on the page.
    pub(crate) fn start(world: &World, camera: &Camera) -> Result<Self> {
        for (program, package) in [(BROWSER, "chromium"), (DRIVER, "chromium-driver")] {
            ensure!(
                Path::new(program).is_file(),
                "{program} is missing: package {package} (or measure with `--only jasmin`)"
            );
        }
        let signalling = Signalling::start()?;
        let side = |name: &str, number| Side::open(world, name, number, camera, &signalling);
        Ok(Self {
            sides: [side("a", 0)?, side("b", 1)?],
        })
    }
}

impl Side {
    fn open(
        world: &World,
        name: &str,
        number: u32,
        camera: &Camera,
        signalling: &Signalling,
    ) -> Result<Self> {
        let desk = world.desk(name)?;
        let own = Camera {
            name: format!("Camera {name}"),
            scene: number + 1,
            ..camera.clone()
        };
        desk.cameras().plug(number, &own)?;
        ensure!(
            Stand::library().is_some(),
            "the virtual camera is missing: build the whole workspace"
        );
        let mut command = desk.command(DRIVER);
        command.envs(desk.cameras().environment(None));
        let driver = Driver::start(&mut command, "chromium", desk.folder())?;
        let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        let data = desk.folder().join("browser");
        flags.push(format!("--user-data-dir={}", data.display()));
        flags.push(format!("--app={}", signalling.page(name)));
        let options = json!({
            "goog:chromeOptions": { "binary": BROWSER, "args": flags,
                                    "excludeSwitches": ["enable-automation"] },
        });
        let session = driver.session(options).context("Chromium does not open")?;
        let page = Page::new(session);
        until("the page of the call", || {
            let ready = "return document.body?.dataset.ready === 'true';";
            Ok((page.session().script(ready, &[])? == json!(true)).then_some(()))
        })?;
        Ok(Self {
            page,
            driver,
            desk,
            camera: number,
        })
    }

    fn wait_for(&self, state: &str) -> Result<()> {
        until_within(CONNECT, &format!("the call to be {state}"), || {
            let found = self.page.attribute("call-state", "data-state")?;
            if found.as_deref() == Some("failed") {
                let fault = self.page.attribute("call-state", "data-fault")?;
                return Ok(Some(Err(fault.unwrap_or_default())));
            }
            Ok((found.as_deref() == Some(state)).then_some(Ok(())))
        })?
        .or_else(|fault| bail!("the page says: {fault}"))
    }
}

impl Telephone for Chromium {
    fn desks(&self) -> [&Desk; 2] {
        self.sides.each_ref().map(|side| &side.desk)
    }

    fn pages(&self) -> [&Page; 2] {
        self.sides.each_ref().map(|side| &side.page)
    }

    fn cameras(&self) -> [u32; 2] {
        self.sides.each_ref().map(|side| side.camera)
    }

    fn picture(&self) -> &'static str {
        "#far"
    }

    fn prepare(&self) -> Result<()> {
        self.connect()?;
        self.sides
            .iter()
            .try_for_each(|side| side.wait_for("active"))
    }

    fn connect(&self) -> Result<u64> {
        let [caller, callee] = &self.sides;
        caller.page.click("call-video")?;
        callee.wait_for("incoming")?;
        press(&callee.page, "accept-video")
    }

    fn hang_up(&self) -> Result<()> {
        self.sides[0].page.click("hang-up")?;
        self.sides.iter().try_for_each(|side| side.wait_for("idle"))
    }

    fn processes(&self, side: usize) -> Vec<i32> {
        self.sides[side].driver.program().processes()
    }

    fn log(&self, _side: usize) -> String {
        String::new()
    }

    fn role(&self, name: &str, line: &str) -> Option<String> {
        if name.starts_with("chromedriver") {
            return None;
        }
        let flag = |flag: &str| line.split(' ').find_map(|word| word.strip_prefix(flag));
        let kind = flag("--type=");
        let role = match (kind, flag("--utility-sub-type=")) {
            (_, Some(service)) => service.split('.').next().unwrap_or(service),
            (Some("gpu-process"), _) => "gpu process",
            (Some(kind), None) => kind,
            (None, None) if name == "chromium" => "browser",
            (None, None) => name,
        };
        Some(role.to_owned())
    }
}

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use jasmin_vcam::Stand;

use crate::{Keyring, Program, Screen, SoundCard, Window, built, program::bare};

/// What guards secrets on a desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// An unlocked keyring.
    Keyring,
    /// A session without a keyring.
    Nobody,
}

/// One person's computer: a screen, a sound card, a session, a place for cameras, a home.
#[derive(Debug)]
pub struct Desk {
    name: String,
    folder: PathBuf,
    server: String,
    screen: Screen,
    sound: SoundCard,
    session: Keyring,
    cameras: Stand,
}

impl Desk {
    pub(crate) fn start(
        name: &str,
        folder: &Path,
        server: &str,
        keeper: Keeper,
        far: bool,
    ) -> Result<Self> {
        for inner in ["home", "run", "profile"] {
            fs::create_dir_all(folder.join(inner))?;
        }
        let session = match keeper {
            Keeper::Keyring => Keyring::start(folder)?,
            Keeper::Nobody => Keyring::without_keyring(folder)?,
        };
        Ok(Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            server: server.to_owned(),
            screen: if far {
                Screen::start_far(folder)?
            } else {
                Screen::start(folder)?
            },
            sound: SoundCard::start(folder)?,
            session,
            cameras: Stand::new(folder.join("cameras"))?,
        })
    }

    /// Whose it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The screen.
    pub fn screen(&self) -> &Screen {
        &self.screen
    }

    /// The sound card.
    pub fn sound(&self) -> &SoundCard {
        &self.sound
    }

    /// Where cameras are plugged in.
    pub fn cameras(&self) -> &Stand {
        &self.cameras
    }

    /// Where the app keeps what it keeps.
    pub fn profile(&self) -> PathBuf {
        self.folder.join("profile")
    }

    /// Opens the app and takes the controls.
    ///
    /// # Errors
    /// When the app was not built or does not start.
    pub fn open(&self) -> Result<Window> {
        Window::open(self)
    }

    /// Starts the app once more, by hand, beside the window that is open.
    ///
    /// # Errors
    /// When the app was not built.
    pub fn start_again(&self) -> Result<Program> {
        let mut command = self.environment(Command::new(built("jasmin-chat")?));
        Program::start(&mut command, "again", &self.folder)
    }

    /// A program that runs at this desk.
    pub fn command(&self, program: &str) -> Command {
        self.environment(Command::new(program))
    }

    /// Where logs go.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives a command this desk's environment, and nothing else.
    pub(crate) fn environment(&self, command: Command) -> Command {
        let mut desk = bare(command.get_program());
        desk.current_dir(&self.folder)
            .env("HOME", self.folder.join("home"))
            .env("XDG_RUNTIME_DIR", self.folder.join("run"))
            .env("DISPLAY", self.screen.display())
            .env("DBUS_SESSION_BUS_ADDRESS", self.session.bus())
            .env("PULSE_SERVER", self.sound.address())
            .env("PULSE_COOKIE", self.sound.cookie())
            .env("GSETTINGS_BACKEND", "memory")
            .env("NO_AT_BRIDGE", "1")
            .env("JASMIN_API", &self.server)
            .env("JASMIN_DATA_DIR", self.profile())
            .env("JASMIN_LOG", "info,jasmin=debug")
            .env("RUST_BACKTRACE", "1");
        // Software painting: the other way of WebKit goes through an emulated GPU, four times slower.
        desk.env("WEBKIT_DISABLE_DMABUF_RENDERER", "1");
        desk
    }
}

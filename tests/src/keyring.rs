use std::{fs, io::Write as _, path::Path, process::Stdio};

use anyhow::{Context, Result};

use crate::{Program, program::bare, until};

/// A private D-Bus session, with GNOME's keyring in it, unlocked, or with none.
#[derive(Debug)]
pub struct Keyring {
    bus: String,
    _keyring: Option<Program>,
    _bus: Program,
}

impl Keyring {
    /// Starts a session bus and an unlocked keyring, with `folder` as their home.
    ///
    /// # Errors
    /// When D-Bus or the keyring is missing or does not start.
    pub fn start(folder: &Path) -> Result<Self> {
        let mut session = Self::without_keyring(folder)?;
        let mut command = bare("gnome-keyring-daemon");
        command.args(["--foreground", "--unlock", "--components=secrets"]);
        command
            .env("HOME", folder)
            .env("XDG_RUNTIME_DIR", folder.join("run"));
        command
            .env("DBUS_SESSION_BUS_ADDRESS", &session.bus)
            .stdin(Stdio::piped());
        let mut keyring = Program::start(&mut command, "keyring", folder)?;
        keyring
            .input()
            .context("the keyring takes no password")?
            .write_all(b"password")?;
        session._keyring = Some(keyring);
        until("the keyring", || {
            let mut ask = bare("dbus-send");
            ask.env("DBUS_SESSION_BUS_ADDRESS", &session.bus);
            ask.args([
                "--session",
                "--print-reply",
                "--dest=org.freedesktop.DBus",
                "/",
            ]);
            ask.args([
                "org.freedesktop.DBus.NameHasOwner",
                "string:org.freedesktop.secrets",
            ]);
            let answer = ask.output().context("is dbus-send installed?")?;
            let text = String::from_utf8_lossy(&answer.stdout).into_owned();
            Ok(text.contains("boolean true").then_some(()))
        })?;
        Ok(session)
    }

    /// Starts a session bus that nobody keeps secrets on.
    ///
    /// # Errors
    /// When D-Bus is missing or does not start.
    pub fn without_keyring(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder.join("run"))?;
        // A configuration of its own, so that no installed service is started on demand.
        let config = folder.join("session.conf");
        fs::write(
            &config,
            CONFIG.replace("FOLDER", &folder.display().to_string()),
        )?;
        let mut command = bare("dbus-daemon");
        command.arg(format!("--config-file={}", config.display()));
        command.args(["--nofork", "--print-address"]);
        command
            .env("HOME", folder)
            .env("XDG_RUNTIME_DIR", folder.join("run"));
        let mut daemon = Program::start(&mut command, "dbus", folder)?;
        let bus = daemon.wait_for_line("unix:")?;
        Ok(Self {
            bus,
            _keyring: None,
            _bus: daemon,
        })
    }

    /// What goes into `DBUS_SESSION_BUS_ADDRESS`.
    pub fn bus(&self) -> &str {
        &self.bus
    }
}

const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=FOLDER/run</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_with_a_keyring_and_one_without() {
        let folder = tempfile::tempdir().unwrap();
        let with = Keyring::start(folder.path()).unwrap();
        assert!(with.bus().starts_with("unix:"));
        let folder = tempfile::tempdir().unwrap();
        let without = Keyring::without_keyring(folder.path()).unwrap();
        assert_ne!(with.bus(), without.bus());
    }
}

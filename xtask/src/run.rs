//! `cargo xtask run`: a server, a peer that answers, and the app, on this machine alone.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{doctor, needs::For, platform, shell, steps::Steps, ui, workspace};

/// Where the server listens.
const ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8420);
/// How long the server may take to open its store.
const START: Duration = Duration::from_secs(30);
/// How long programs get to say goodbye.
const GOODBYE: Duration = Duration::from_secs(6);

/// What to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    two: bool,
    release: bool,
}

impl Options {
    /// Reads the words after `run`.
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self {
            two: false,
            release: false,
        };
        for word in words {
            match *word {
                "--two" => options.two = true,
                "--release" => options.release = true,
                _ => bail!("`run` does not know `{word}`; it knows --two and --release"),
            }
        }
        Ok(options)
    }

    fn profile(self) -> &'static str {
        if self.release { "release" } else { "debug" }
    }
}

/// Builds, starts everything, and waits until the windows are closed or Ctrl-C comes.
pub(crate) fn run(options: Options) -> Result<()> {
    if !platform::has_screen() {
        bail!(
            "no screen: neither DISPLAY nor WAYLAND_DISPLAY is set (without one, try `xvfb-run cargo xtask run`)"
        );
    }
    require_free_port()?;
    let interrupted = interruptions()?;
    build(options)?;

    let data = workspace::root().join("data");
    let mut programs = Programs::default();
    let url = format!("http://{ADDRESS}");

    println!(
        "\n── server: {url}, its data in {}",
        data.join("server").display()
    );
    require_free_port()?;
    let is_new = !data.join("server").join("jasmin.db").exists();
    let mut server = Command::new(workspace::binary(options.profile(), "jasmin-server")?);
    server
        .arg("--listen")
        .arg(ADDRESS.to_string())
        .arg("--data-dir")
        .arg(data.join("server"));
    programs.start("server", in_folder(&mut server, &data.join("server"))?)?;
    wait_until_healthy(&mut programs, &interrupted)?;
    if is_new {
        publish_policies(options, &data.join("server"))?;
    }

    println!("── echo peer: add the address it prints, and call it");
    let mut echo = Command::new(workspace::binary(options.profile(), "jasmin")?);
    echo.arg("echo")
        .env("JASMIN_API", &url)
        .env("JASMIN_DATA_DIR", data.join("echo"));
    programs.start("echo peer", in_folder(&mut echo, &data.join("echo"))?)?;

    let profiles: &[&str] = if options.two {
        &["first", "second"]
    } else {
        &["first"]
    };
    for profile in profiles {
        let folder = data.join(profile);
        println!("── app: profile in {}", folder.display());
        let mut app = Command::new(workspace::binary(options.profile(), "jasmin-chat")?);
        app.env("JASMIN_API", &url).env("JASMIN_DATA_DIR", &folder);
        programs.start(APP, in_folder(&mut app, &folder)?)?;
    }
    println!("── mail (with the codes of sign-up): {url}/dev/mailbox");
    println!("── Ctrl-C, or closing every window, ends it all\n");
    programs.wait(&interrupted)
}

/// A new server begins with the policies that come with the program, as an operator would publish them.
fn publish_policies(options: Options, folder: &Path) -> Result<()> {
    let mut publish = Command::new(workspace::binary(options.profile(), "jasmin-server")?);
    publish
        .args(["policy", "publish"])
        .arg(workspace::root().join("policies").join("1.0.0"))
        .arg("--data-dir")
        .arg(folder);
    shell::run(&mut publish)
}

fn build(options: Options) -> Result<()> {
    let mut steps = Steps::new("run");
    steps.step("system packages", "what the build needs", || {
        doctor::prepare(For::Build)
    })?;
    steps.step(
        "page: install",
        "npm packages, as the lock file says",
        ui::install,
    )?;
    steps.step("page: build", "the window carries the page", ui::build)?;
    steps.step("rust: programs", "server, echo peer, app", || {
        let words = ["build", "--bins"];
        let mut cargo = shell::cargo(&workspace::root(), &words);
        cargo.args([
            "-p",
            "jasmin-server",
            "-p",
            "jasmin-cli",
            "-p",
            "jasmin-desktop",
        ]);
        if options.release {
            cargo.arg("--release");
        }
        shell::run(&mut cargo)
    })
}

fn require_free_port() -> Result<()> {
    TcpListener::bind(ADDRESS).map(drop).with_context(|| {
        format!("{ADDRESS} is in use: another server runs here. End it, then start again")
    })
}

/// Ctrl-C and friends, as messages.
fn interruptions() -> Result<Receiver<()>> {
    let (sender, receiver) = mpsc::channel();
    ctrlc::set_handler(move || {
        // A closed channel means that everything has been ended already.
        let _over = sender.send(());
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(receiver)
}

fn in_folder<'a>(command: &'a mut Command, folder: &Path) -> Result<&'a mut Command> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(command.current_dir(folder))
}

fn wait_until_healthy(programs: &mut Programs, interrupted: &Receiver<()>) -> Result<()> {
    let deadline = Instant::now() + START;
    while !is_healthy() {
        if let Some(name) = programs.ended()? {
            bail!("the {name} ended while it started: its words are above");
        }
        if Instant::now() > deadline {
            bail!("the server does not answer at http://{ADDRESS}/healthz");
        }
        match interrupted.recv_timeout(Duration::from_millis(50)) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => bail!("interrupted"),
        }
    }
    Ok(())
}

fn is_healthy() -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&ADDRESS, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(
            stream,
            "GET /healthz HTTP/1.1\r\nHost: {ADDRESS}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

const APP: &str = "app";

/// Everything that was started. Dropping it ends everything.
#[derive(Debug, Default)]
struct Programs {
    running: Vec<(&'static str, Child)>,
}

impl Programs {
    fn start(&mut self, name: &'static str, command: &mut Command) -> Result<()> {
        let line = shell::line(command);
        println!("$ {line}");
        let child = platform::in_own_group(command.stdin(Stdio::null()))
            .spawn()
            .with_context(|| format!("cannot start `{line}`"))?;
        self.running.push((name, child));
        Ok(())
    }

    /// The name of a program that has ended, which is then forgotten.
    fn ended(&mut self) -> Result<Option<&'static str>> {
        for at in 0..self.running.len() {
            if self.running[at].1.try_wait()?.is_some() {
                return Ok(Some(self.running.remove(at).0));
            }
        }
        Ok(None)
    }

    /// Until no window is open, or Ctrl-C.
    fn wait(mut self, interrupted: &Receiver<()>) -> Result<()> {
        loop {
            match interrupted.recv_timeout(Duration::from_millis(200)) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                    println!("\n── ending everything");
                    return Ok(());
                }
            }
            match self.ended()? {
                None => {}
                Some(APP) if self.running.iter().any(|(name, _)| *name == APP) => {}
                Some(APP) => {
                    println!("── the last window was closed: ending everything");
                    return Ok(());
                }
                Some(name) => bail!("the {name} ended by itself: its words are above"),
            }
        }
    }
}

impl Drop for Programs {
    /// Windows first, the server last: so that calls are hung up and the log hears of it.
    fn drop(&mut self) {
        for (_, mut child) in self.running.drain(..).rev() {
            platform::end_tree(&child);
            let deadline = Instant::now() + GOODBYE;
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
            platform::kill_tree(&child);
            // Reaped, or never to be: there is nobody left to tell.
            let _status = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_options() {
        assert_eq!(
            Options::parse(&["--two"]).unwrap(),
            Options {
                two: true,
                release: false
            }
        );
        assert!(
            Options::parse(&["--three"])
                .unwrap_err()
                .to_string()
                .contains("--three")
        );
    }

    #[test]
    fn a_port_in_use_is_said_in_words() {
        let Ok(_held) = TcpListener::bind(ADDRESS) else {
            return;
        };
        let error = require_free_port().unwrap_err().to_string();
        assert!(error.contains("in use"), "{error}");
    }
}

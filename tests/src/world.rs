use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use tempfile::TempDir;

use crate::{Desk, Keeper, Program, Server, Window};

/// One server, and a folder for everything that the test starts. The folder stays when the test
/// fails.
#[derive(Debug)]
pub struct World {
    server: Server,
    folder: PathBuf,
    far_screens: bool,
}

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
}

impl Person {
    /// Somebody by a first name.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            email: format!("{}@example.org", name.to_lowercase()),
            password: format!("{name} walks by the river"),
        }
    }
}

impl World {
    /// Runs a scenario in a world of its own. When it fails, the folder with all logs and last
    /// screenshots stays, and the end of each log is printed.
    ///
    /// # Errors
    /// Those of the scenario; and when the server was not built or does not start.
    pub fn run(name: &str, scenario: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        Self::run_with(name, &[], scenario)
    }

    /// As [`World::run`], with options for the server.
    ///
    /// # Errors
    /// Those of the scenario; and when the server was not built or does not start.
    pub fn run_with(
        name: &str,
        options: &[&str],
        scenario: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let folder = Folder::new(name)?;
        let result = Server::start(folder.path(), options).and_then(|server| {
            let path = folder.path().to_owned();
            scenario(&mut Self {
                server,
                folder: path,
                far_screens: false,
            })
        });
        if result.is_err() {
            folder.keep();
        }
        result
    }

    /// Ends everything that any world of this process started, and removes its folders: for an end
    /// without drops, as by Ctrl-C.
    pub fn end_all() {
        Program::end_all();
        for folder in open_folders().drain(..) {
            // One that is gone already is what was wanted.
            let _gone = std::fs::remove_dir_all(folder);
        }
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The server, to kill it.
    pub fn server_mut(&mut self) -> &mut Server {
        &mut self.server
    }

    /// From here on, computers have screens that no window can paint on from shared memory.
    pub fn use_far_screens(&mut self) {
        self.far_screens = true;
    }

    /// A computer with a keyring.
    ///
    /// # Errors
    /// When one of its parts does not start.
    pub fn desk(&self, name: &str) -> Result<Desk> {
        self.desk_with(name, Keeper::Keyring)
    }

    /// A computer.
    ///
    /// # Errors
    /// When one of its parts does not start.
    pub fn desk_with(&self, name: &str, keeper: Keeper) -> Result<Desk> {
        let folder = self.folder.join(name);
        Desk::start(name, &folder, &self.server.url(), keeper, self.far_screens)
    }

    /// Makes an account in a window that shows the welcome screen, up to the list of people.
    ///
    /// # Errors
    /// When a step does not come.
    pub fn sign_up(&self, window: &Window, person: &Person) -> Result<()> {
        window.click("sign-up")?;
        window.enter("name", &person.name)?;
        window.enter("email", &person.email)?;
        window.enter("password", &person.password)?;
        window.enter("birthday", "1990-02-14")?;
        window.click("submit")?;
        window.wait_for("code")?;
        window.enter("code", &self.server.code_for(&person.email)?)?;
        window.click("submit")?;
        window.wait_for("nav-people")
    }

    /// Signs somebody in, in a window that shows the welcome screen, up to the list of people.
    ///
    /// # Errors
    /// When a step does not come.
    pub fn sign_in(&self, window: &Window, person: &Person) -> Result<()> {
        window.click("sign-in")?;
        window.enter("email", &person.email)?;
        window.enter("password", &person.password)?;
        window.click("submit")?;
        window.wait_for("nav-people")
    }

    /// Makes two people contacts of each other: one asks by e-mail, the other accepts.
    ///
    /// # Errors
    /// When a step does not come.
    pub fn befriend(&self, one: (&Window, &Person), other: (&Window, &Person)) -> Result<()> {
        let ((window, person), (their_window, they)) = (one, other);
        window.click("add-person")?;
        window.enter("add-email", &they.email)?;
        window.click("submit")?;
        their_window.click(&format!("request-accept-{}", person.email))?;
        their_window.wait_for(&format!("person-{}", person.email))?;
        window.wait_for(&format!("person-{}", they.email))
    }
}

/// Folders of worlds that go on.
static OPEN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn open_folders() -> MutexGuard<'static, Vec<PathBuf>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder with a short path (sockets lie in it) that is kept when the test fails.
struct Folder(Option<TempDir>);

impl Folder {
    fn new(name: &str) -> Result<Self> {
        let prefix = format!("jasmin-{name}-");
        let folder = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in("/tmp")?;
        open_folders().push(folder.path().to_owned());
        Ok(Self(Some(folder)))
    }

    fn path(&self) -> &Path {
        self.0
            .as_ref()
            .map_or(Path::new("/nonexistent"), TempDir::path)
    }

    fn keep(mut self) {
        open_folders().retain(|path| path != self.path());
        if let Some(folder) = self.0.take() {
            tell(&folder.keep());
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        open_folders().retain(|path| path != self.path());
        if let Some(folder) = self.0.take()
            && std::thread::panicking()
        {
            tell(&folder.keep());
        }
    }
}

/// Prints the last lines of every log: a run elsewhere leaves nothing else behind.
#[expect(
    clippy::print_stderr,
    reason = "a failing test explains itself to whoever reads its output"
)]
fn tell(folder: &Path) {
    eprintln!("\nlogs and screenshots are kept in {}", folder.display());
    for log in logs(folder) {
        let text = std::fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let text = text.unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        eprintln!("── the end of {}", log.display());
        for line in &lines[lines.len().saturating_sub(25)..] {
            eprintln!("   {line}");
        }
    }
}

fn logs(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let is_log = |path: &PathBuf| path.extension().is_some_and(|end| end == "log");
    let (mut found, folders): (Vec<_>, Vec<_>) = entries(folder).into_iter().partition(is_log);
    for inner in folders.iter().filter(|path| path.is_dir()) {
        found.extend(entries(inner).into_iter().filter(is_log));
    }
    found.sort();
    found
}

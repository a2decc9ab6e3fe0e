use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{until, until_within};

/// Carried by every process that a [`Program`] started, and by all that those start.
const MARK: &str = "JASMIN_TESTS_MARK";

/// How long a program gets to end by itself.
const GOODBYE: Duration = Duration::from_secs(3);

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A running program, with its output in a file. Dropping it ends it and all that it started, also
/// what left its process tree.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    mark: String,
    log: PathBuf,
}

impl Program {
    /// Starts a program; what it prints goes to `<folder>/<name>.log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command, name: &str, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let file = file.with_context(|| format!("cannot write {}", log.display()))?;
        let mark = format!(
            "{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        command
            .env(MARK, &mark)
            .stdout(file.try_clone()?)
            .stderr(file);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            mark,
            log,
        })
    }

    /// Kills everything that this process ever started as a [`Program`]: for an end without drops.
    pub fn end_all() {
        kill_all(&format!("{}-", std::process::id()));
    }

    /// Its standard input, once, if the command asked for a pipe.
    pub fn input(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Everything that it printed so far.
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Waits for a line that holds `part`, and returns the line.
    ///
    /// # Errors
    /// When the program ends first, or time is over.
    pub fn wait_for_line(&mut self, part: &str) -> Result<String> {
        let name = self.name.clone();
        until(&format!("`{part}` from {name}"), || {
            let ended = self.ended()?;
            let log = self.log();
            if let Some(line) = log.lines().find(|line| line.contains(part)) {
                return Ok(Some(Ok(line.to_owned())));
            }
            Ok(ended.map(|status| Err(anyhow!("{name} ended ({status}): {log}"))))
        })?
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it does not.
    pub fn wait_for_end(&mut self) -> Result<ExitStatus> {
        until(&format!("the end of {}", self.name), || {
            Ok(self.child.try_wait()?)
        })
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Every process that it started, itself included.
    pub fn processes(&self) -> Vec<i32> {
        marked(&self.mark)
    }

    /// Asks it to end, as a system that shuts down does, and waits.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        send(self.child.id(), Signal::SIGTERM);
        self.wait_for_end()
    }

    /// Ends it in the middle of whatever it does, as a power cut would, and all that it started.
    ///
    /// # Errors
    /// When the system cannot tell that it ended.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        kill_all(&self.mark);
        self.wait_for_end()
    }
}

/// What is killed may have started something in the meantime: until nothing is left.
fn kill_all(mark: &str) {
    for _ in 0..20 {
        let alive = marked(mark);
        if alive.is_empty() {
            return;
        }
        for id in alive {
            send_to(id, Signal::SIGKILL);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let family = self.processes();
        send(self.child.id(), Signal::SIGTERM);
        let ended = until_within(GOODBYE, "the end", || Ok(self.child.try_wait()?));
        kill_all(&self.mark);
        // Whoever hides its mark is no longer found below a parent that has ended.
        let alive: Vec<i32> = alive().into_iter().map(|process| process.id).collect();
        let left = family.into_iter().filter(|id| alive.contains(id));
        left.for_each(|id| send_to(id, Signal::SIGKILL));
        if ended.is_err() {
            // Killed above: this reaps it.
            let _status = self.child.wait();
        }
    }
}

/// A program or library of the workspace, as cargo built it beside this test.
///
/// # Errors
/// When it was not built.
pub fn built(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this test is")?;
    let folder = own.ancestors().nth(1).context("this test lies nowhere")?;
    let folder = if folder.ends_with("deps") {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    };
    let path = folder.join(name);
    if !path.is_file() {
        bail!("{} is missing: `cargo xtask e2e` builds it", path.display());
    }
    Ok(path)
}

fn send(id: u32, signal: Signal) {
    if let Ok(id) = i32::try_from(id) {
        send_to(id, signal);
    }
}

fn send_to(id: i32, signal: Signal) {
    // A process that is gone already is what was wanted.
    let _gone = kill(Pid::from_raw(id), signal);
}

/// Processes whose environment carries the mark, or one that begins so when it ends in a dash; and
/// all below them, because some programs write over what the system shows of their environment.
fn marked(mark: &str) -> Vec<i32> {
    let wanted = format!("{MARK}={mark}");
    let is_wanted = |word: &[u8]| {
        word == wanted.as_bytes() || mark.ends_with('-') && word.starts_with(wanted.as_bytes())
    };
    let alive = alive();
    let carries = |id: i32| {
        fs::read(format!("/proc/{id}/environ"))
            .is_ok_and(|text| text.split(|byte| *byte == 0).any(is_wanted))
    };
    let mut found: BTreeSet<i32> = alive
        .iter()
        .map(|process| process.id)
        .filter(|id| carries(*id))
        .collect();
    loop {
        let known = found.len();
        let below = alive
            .iter()
            .filter(|process| found.contains(&process.parent));
        let below: Vec<i32> = below.map(|process| process.id).collect();
        found.extend(below);
        if found.len() == known {
            return found.into_iter().collect();
        }
    }
}

struct Process {
    id: i32,
    parent: i32,
}

/// Every process that has not ended yet.
fn alive() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            // After the name in brackets: the state and the parent.
            let mut words = stat.rsplit_once(')')?.1.split_whitespace();
            let is_alive = !matches!(words.next()?, "Z" | "X");
            let parent = words.next()?.parse().ok()?;
            is_alive.then_some(Process { id, parent })
        })
        .collect()
}

/// A command with nothing of this process's environment but where programs are.
pub(crate) fn bare(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("LANG", "C.UTF-8").stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_program_takes_its_children_along() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = bare("sh");
        shell.args(["-c", "setsid sleep 1000 & echo started; wait"]);
        let mut program = Program::start(&mut shell, "shell", folder.path()).unwrap();
        program.wait_for_line("started").unwrap();
        let mark = program.mark.clone();
        until("both to run", || {
            Ok((marked(&mark).len() == 2).then_some(()))
        })
        .unwrap();
        drop(program);
        assert_eq!(marked(&mark), Vec::<i32>::new());
    }

    #[test]
    fn the_end_of_a_program_is_told_with_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = bare("sh");
        shell.args(["-c", "echo last words; exit 3"]);
        let mut program = Program::start(&mut shell, "shell", folder.path()).unwrap();
        let error = program.wait_for_line("never").unwrap_err().to_string();
        assert!(error.contains("last words"), "{error}");
    }
}

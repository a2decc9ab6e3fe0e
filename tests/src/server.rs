use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use jasmin_protocol::Outbox;

use crate::{Program, built, program::bare, until, webdriver::agent};

/// The real server, on a free port, with a store of its own that outlives it.
#[derive(Debug)]
pub struct Server {
    address: String,
    folder: PathBuf,
    options: Vec<String>,
    program: Option<Program>,
}

impl Server {
    /// Starts `jasmin-server` with its data under `folder`.
    ///
    /// # Errors
    /// When it was not built, or does not start.
    pub fn start(folder: &Path, options: &[&str]) -> Result<Self> {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut server = Self {
            address: "127.0.0.1:0".to_owned(),
            folder: folder.to_owned(),
            options,
            program: None,
        };
        server.restart()?;
        Ok(server)
    }

    /// Where it listens: `http://127.0.0.1:…`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it in the middle of whatever it does.
    ///
    /// # Errors
    /// When it runs no more.
    pub fn kill(&mut self) -> Result<()> {
        let mut program = self.program.take().context("the server runs no more")?;
        program.kill().map(drop)
    }

    /// Starts it again, on the same port and the same store.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> Result<()> {
        let data = self.folder.join("server");
        fs::create_dir_all(&data)?;
        let mut command = bare(built("jasmin-server")?);
        command
            .arg("--listen")
            .arg(&self.address)
            .arg("--data-dir")
            .arg(&data);
        command
            .args(&self.options)
            .env("JASMIN_LOG", "info")
            .current_dir(&self.folder);
        // Each start has a log of its own: the line that tells the port must not be an old one.
        let starts = fs::read_dir(&self.folder)?
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("server-"));
        let name = format!("server-{}", starts.count() + 1);
        let mut program = Program::start(&mut command, &name, &self.folder)?;
        let line = program.wait_for_line("listening on ")?;
        let address = line
            .split("http://")
            .nth(1)
            .context("the server names no address")?;
        address
            .trim()
            .trim_end_matches('/')
            .clone_into(&mut self.address);
        self.program = Some(program);
        until("a healthy server", || {
            Ok(self.get("/healthz").is_ok().then_some(()))
        })
    }

    /// Copies its store to a folder, as a backup; not while it runs.
    ///
    /// # Errors
    /// When it runs, or a file cannot be copied.
    pub fn back_up(&self, to: &Path) -> Result<()> {
        ensure!(self.program.is_none(), "it runs");
        copy_files(&self.folder.join("server"), to)
    }

    /// Puts a backup in the place of its store; not while it runs.
    ///
    /// # Errors
    /// When it runs, or a file cannot be copied.
    pub fn set_back(&self, from: &Path) -> Result<()> {
        ensure!(self.program.is_none(), "it runs");
        let store = self.folder.join("server");
        fs::remove_dir_all(&store)?;
        copy_files(from, &store)
    }

    /// Publishes the policies in a folder, as an operator does while the server runs, and returns what
    /// the command said.
    ///
    /// # Errors
    /// When the command refuses them.
    pub fn publish(&self, policies: &Path) -> Result<String> {
        let policies = policies.to_string_lossy();
        self.operate("jasmin-server", &["policy", "publish", &policies])
    }

    /// Runs an operator's command beside the server, and returns what it says.
    ///
    /// # Errors
    /// When it fails.
    pub fn operate(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let output = bare(built(program)?)
            .args(arguments)
            .arg("--data-dir")
            .arg(self.folder.join("server"))
            .output()?;
        let said = String::from_utf8([output.stdout, output.stderr].concat())?;
        ensure!(output.status.success(), "{said}");
        Ok(said)
    }

    /// The code in the newest mail to an address, as the outbox of a loopback server shows it.
    ///
    /// # Errors
    /// When no mail with a code comes.
    pub fn code_for(&self, email: &str) -> Result<String> {
        until(&format!("a code for {email}"), || {
            Ok(newest_code(&self.outbox()?, email))
        })
    }

    /// Every mail that was written, newest first.
    ///
    /// # Errors
    /// When the server does not show them.
    pub fn outbox(&self) -> Result<Outbox> {
        Ok(serde_json::from_str(&self.get("/dev/mailbox")?)?)
    }

    /// The body at a path.
    ///
    /// # Errors
    /// When the server does not answer with success.
    pub fn get(&self, path: &str) -> Result<String> {
        let mut answer = agent()
            .get(format!("{}{path}", self.url()))
            .header("accept", "application/json")
            .call()?;
        ensure!(
            answer.status().is_success(),
            "GET {path}: {}",
            answer.status()
        );
        Ok(answer.body_mut().read_to_string()?)
    }
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from)?.flatten() {
        if file.path().is_file() {
            fs::copy(file.path(), to.join(file.file_name()))?;
        }
    }
    Ok(())
}

fn newest_code(outbox: &Outbox, email: &str) -> Option<String> {
    let found = outbox.mails.iter().filter(|mail| mail.to == email);
    found.max_by_key(|mail| mail.at_ms)?.code.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jasmin_protocol::OutboxMail;

    fn mail(to: &str, at_ms: i64, code: Option<&str>) -> OutboxMail {
        OutboxMail {
            to: to.to_owned(),
            subject: String::new(),
            text: String::new(),
            code: code.map(str::to_owned),
            at_ms,
        }
    }

    #[test]
    fn finds_the_newest_code_of_an_address() {
        let outbox = Outbox {
            mails: vec![
                mail("ben@example.org", 3, Some("BBBB2222")),
                mail("ana@example.org", 2, Some("7KQ2M9XD")),
                mail("ana@example.org", 1, Some("AAAA1111")),
            ],
        };
        assert_eq!(
            newest_code(&outbox, "ana@example.org").as_deref(),
            Some("7KQ2M9XD")
        );
        assert_eq!(newest_code(&outbox, "eve@example.org"), None);
    }
}

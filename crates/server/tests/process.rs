use std::{
    path::Path,
    process::{ExitStatus, Stdio},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};

/// A running `jasmin-server`.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
    log: JoinHandle<String>,
}

impl Process {
    /// Starts one on a free port and waits until it listens.
    pub(crate) async fn start(folder: &Path, options: &[&str], log: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_jasmin-server"))
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder)
            .args(options)
            .env("JASMIN_LOG", log)
            .env_remove("JASMIN_DB")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = tokio::spawn(async move {
            let mut text = String::new();
            stderr.read_to_string(&mut text).await.unwrap();
            text
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .await
            .unwrap();
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            panic!("the server did not start: {}", log.await.unwrap());
        };
        Self {
            child,
            url: url.to_owned(),
            log,
        }
    }

    /// SIGKILL.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM, and waits. Returns how it ended and what it logged.
    pub(crate) async fn terminate(mut self) -> (ExitStatus, String) {
        let pid = self.child.id().unwrap().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .await
                .unwrap()
                .success()
        );
        let status = self.child.wait().await.unwrap();
        (status, self.log.await.unwrap())
    }
}

//! A private PostgreSQL for tests, from the binaries that the distribution installs.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::DatabaseUrl;

/// A running PostgreSQL that listens on a socket in its own folder and dies with this value.
pub(crate) struct Postgres {
    binaries: PathBuf,
    folder: TempDir,
}

/// Where Debian and its kin, Homebrew and Fedora keep the server's binaries.
const PLACES: [&str; 4] = [
    "/usr/lib/postgresql",
    "/opt/homebrew/opt",
    "/usr/local/opt",
    "/usr/pgsql",
];

impl Postgres {
    /// Starts one. Where none is installed it says so on standard error and returns nothing, unless
    /// `JASMIN_TEST_PG=required` is set: then that is a failure.
    pub(crate) fn start() -> Option<Self> {
        let Some(binaries) = binaries() else {
            let required = std::env::var("JASMIN_TEST_PG").is_ok_and(|value| value == "required");
            assert!(!required, "PostgreSQL is required, and no initdb was found");
            eprintln!("SKIPPED: PostgreSQL is not installed, so nothing was tested on it");
            return None;
        };
        let folder = tempfile::Builder::new()
            .prefix("jasmin-pg")
            .tempdir()
            .unwrap();
        let server = Self { binaries, folder };
        server.give_folder_away();
        server.run(
            "initdb",
            &[
                "-A",
                "trust",
                "-U",
                "jasmin",
                "-E",
                "UTF8",
                "--locale=C",
                "-N",
                "-D",
                "data",
            ],
        );
        let settings = "-c listen_addresses='' -c unix_socket_directories=. -c fsync=off";
        let sockets = settings.replace("=. ", &format!("={} ", server.folder.path().display()));
        server.run(
            "pg_ctl",
            &["-D", "data", "-w", "-l", "log", "-o", &sockets, "start"],
        );
        Some(server)
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        let host = self.folder.path().display();
        DatabaseUrl(format!("postgres://jasmin@localhost/postgres?host={host}"))
    }

    /// PostgreSQL refuses to run as root: there it gets a user of its own.
    fn give_folder_away(&self) {
        if is_root() {
            let status = Command::new("chown")
                .arg("postgres")
                .arg(self.folder.path())
                .status();
            assert!(
                status.unwrap().success(),
                "the installed PostgreSQL has its user"
            );
        }
    }

    fn run(&self, program: &str, args: &[&str]) {
        let output = self.command(program, args).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} failed: {words}");
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let program = self.binaries.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
                .arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .args(args)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        // `pg_ctl start` hands its output on to the server, which would keep a pipe open.
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self
            .command("pg_ctl", &["-D", "data", "-m", "immediate", "stop"])
            .output();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// Returns the folder of the newest installed version.
fn binaries() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = PLACES
        .iter()
        .filter_map(|place| std::fs::read_dir(Path::new(place)).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
        .collect();
    found.sort();
    found.pop()
}

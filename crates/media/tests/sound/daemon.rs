//! A private PulseAudio daemon with virtual devices.
//!
//! The daemon is found by environment variables, which a running test cannot change for itself.
//! So each test runs itself again as a child with its own environment.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

const HOME: &str = "JASMIN_TEST_SOUND_HOME";

/// Runs `body` with a sound system of its own. `test` is the test's full name.
pub(super) fn with_sound_system(test: &str, body: fn(&Daemon)) {
    if let Some(home) = env::var_os(HOME) {
        body(&Daemon::start(Path::new(&home)));
        return;
    }
    let installed = Command::new("pulseaudio").arg("--version").output().is_ok();
    assert!(
        installed,
        "this test needs pulseaudio, which is not installed: run `cargo xtask test`"
    );
    let home = env::temp_dir().join(format!("jasmin-{}-{}", test.len(), std::process::id()));
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(home.join("run")).unwrap();
    private(&home.join("run"));
    let status = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(HOME, &home)
        .env("HOME", &home)
        .env("XDG_RUNTIME_DIR", home.join("run"))
        .env_remove("PULSE_SERVER")
        .env_remove("PULSE_RUNTIME_PATH")
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env_remove("DISPLAY")
        .status()
        .unwrap();
    let _ = fs::remove_dir_all(&home);
    assert!(status.success(), "{test} failed; its output is above");
}

fn private(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).unwrap();
}

/// Waits until something is so, and panics with `what` when it takes longer than `limit`.
pub(super) fn wait_for<T>(what: &str, limit: Duration, mut is_so: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = is_so() {
            return found;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// What every sound system of the tests has: a speaker, and a microphone that hears what is
/// played into `micfeed`. Without `norewinds`, a null sink stalls when a stream joins.
const SCRIPT: &str = "\
load-module module-native-protocol-unix auth-anonymous=1
load-module module-null-sink norewinds=1 sink_name=speaker rate=48000 channels=2 sink_properties=device.description=Virtual_Speaker
load-module module-null-sink norewinds=1 sink_name=micfeed rate=48000 channels=1 sink_properties=device.description=Feed
load-module module-remap-source source_name=mic master=micfeed.monitor source_properties=device.description=Virtual_Microphone
set-default-sink speaker
set-default-source mic
";

pub(super) struct Daemon {
    home: PathBuf,
    child: RefCell<Child>,
}

impl Daemon {
    fn start(home: &Path) -> Self {
        fs::write(home.join("pulse.pa"), SCRIPT).unwrap();
        let daemon = Self {
            child: RefCell::new(Self::spawn(home)),
            home: home.into(),
        };
        daemon.wait_until_it_answers();
        daemon
    }

    fn spawn(home: &Path) -> Child {
        Command::new("pulseaudio")
            .args(["-n", "-F"])
            .arg(home.join("pulse.pa"))
            .args(["--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"])
            // A sound card does not wait for the compiler next door. Asked for in vain without
            // the right to it.
            .args(["--high-priority=yes", "--realtime=yes", "--log-level=error"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn wait_until_it_answers(&self) {
        let answers = || {
            self.ask(&["list", "short", "sources"])
                .filter(|list| list.contains("mic\t"))
        };
        wait_for("pulseaudio", Duration::from_secs(10), answers);
    }

    /// Kills it as a crash would.
    pub(super) fn kill(&self) {
        let mut child = self.child.borrow_mut();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts it again after [`Daemon::kill`].
    pub(super) fn restart(&self) {
        let _ = fs::remove_file(self.home.join("run/pulse/native"));
        *self.child.borrow_mut() = Self::spawn(&self.home);
        self.wait_until_it_answers();
    }

    fn ask(&self, words: &[&str]) -> Option<String> {
        let output = Command::new("pactl")
            .args(words)
            .stderr(Stdio::null())
            .output();
        let output = output.ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    }

    /// `pactl`, which must succeed.
    pub(super) fn pactl(&self, words: &[&str]) -> String {
        self.ask(words)
            .unwrap_or_else(|| panic!("pactl {words:?} failed"))
    }

    /// Loads a module and returns its number.
    pub(super) fn load(&self, module: &[&str]) -> String {
        let words = [&["load-module"], module].concat();
        self.pactl(&words).trim().to_owned()
    }

    /// Unloads every module whose arguments contain `text`.
    pub(super) fn unload_with(&self, text: &str) {
        let list = self.pactl(&["list", "short", "modules"]);
        for line in list.lines().filter(|line| line.contains(text)) {
            let number = line.split('\t').next().unwrap();
            self.pactl(&["unload-module", number]);
        }
    }

    /// Streams that hold a microphone at the moment.
    pub(super) fn open_microphones(&self) -> usize {
        // Remapping is a stream, too.
        let list = self.pactl(&["list", "short", "source-outputs"]);
        list.lines()
            .filter(|line| line.contains("protocol-native"))
            .count()
    }

    /// The sink or source names that streams of this process play to or record from.
    pub(super) fn used(&self, streams: &str, devices: &str) -> Vec<String> {
        let names = self.pactl(&["list", "short", devices]);
        let name = |index: &str| {
            names.lines().find_map(|line| {
                let mut words = line.split('\t');
                (words.next() == Some(index)).then(|| words.next().unwrap_or("?").to_owned())
            })
        };
        let list = self.pactl(&["list", "short", streams]);
        let ours = list.lines().filter(|line| line.contains("protocol-native"));
        ours.filter_map(|line| name(line.split('\t').nth(1)?))
            .collect()
    }

    /// Plays a WAV file into the microphone.
    pub(super) fn speak(&self, wav: &Path) -> Child {
        Command::new("paplay")
            .args(["--latency-msec=500", "--device=micfeed"])
            .arg(wav)
            .spawn()
            .unwrap()
    }

    /// A folder for files of this test.
    pub(super) fn home(&self) -> &Path {
        &self.home
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let mut child = self.child.borrow_mut();
        let _ = child.kill();
        let _ = child.wait();
    }
}

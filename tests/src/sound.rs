use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use anyhow::{Context, Result, bail};

use crate::{
    PATIENCE, Program, monotonic_ns,
    program::bare,
    speech::{RATE, from_pcm16, to_pcm16},
    until,
};

/// A sound card of two null sinks in a private PulseAudio: what is played on `feed` comes out of the
/// microphone `mic`, and what the app plays on `speaker` can be recorded.
///
/// `norewinds=1` matters: without it a null sink stands still for two seconds when a stream joins.
const SCRIPT: &str = "\
load-module module-native-protocol-unix auth-anonymous=1
load-module module-null-sink norewinds=1 sink_name=speaker rate=48000 channels=2 sink_properties=device.description=Virtual_Speaker
load-module module-null-sink norewinds=1 sink_name=feed rate=48000 channels=1
load-module module-remap-source source_name=mic master=feed.monitor source_properties=device.description=Virtual_Microphone
set-default-sink speaker
set-default-source mic
";

/// One person's sound card.
#[derive(Debug)]
pub struct SoundCard {
    folder: PathBuf,
    socket: PathBuf,
    daemon: Program,
}

/// What PulseAudio tells of who comes and goes.
#[derive(Debug)]
pub struct Watch {
    program: Child,
    told: mpsc::Receiver<(String, u64)>,
}

impl Watch {
    /// Waits for the moment when a program gives the microphone back (monotonic, in nanoseconds).
    ///
    /// # Errors
    /// When none does in time.
    pub fn closed_ns(&self) -> Result<u64> {
        self.next("'remove' on source-output")
    }

    fn next(&self, what: &str) -> Result<u64> {
        loop {
            let (line, at) = self
                .told
                .recv_timeout(PATIENCE)
                .with_context(|| format!("PulseAudio told nothing of {what}"))?;
            if line.contains(what) {
                return Ok(at);
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // One that ended by itself is fine, too.
        let _gone = self.program.kill();
        let _reaped = self.program.wait();
    }
}

/// A recording that goes on until it is ended.
#[derive(Debug)]
pub struct Recording {
    file: PathBuf,
    recorder: Program,
}

impl SoundCard {
    /// Starts PulseAudio with `folder` as its home. The path must be short: it holds a socket.
    ///
    /// # Errors
    /// When PulseAudio is missing or does not start.
    pub fn start(folder: &Path) -> Result<Self> {
        let runtime = folder.join("run");
        let script = folder.join("card.pa");
        fs::create_dir_all(&runtime)?;
        fs::write(&script, SCRIPT)?;
        let mut command = bare("pulseaudio");
        command.env("HOME", folder).env("XDG_RUNTIME_DIR", &runtime);
        command.arg("-n").arg("-F").arg(&script).args([
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--realtime=no",
            "--high-priority=no",
            "--use-pid-file=no",
        ]);
        let daemon = Program::start(&mut command, "pulseaudio", folder)?;
        let socket = runtime.join("pulse/native");
        let card = Self {
            folder: folder.to_owned(),
            socket,
            daemon,
        };
        until("the sound card", || {
            let names = card.control(&["list", "short", "sources"])?;
            Ok(names.contains("\tmic\t").then_some(()))
        })?;
        Ok(card)
    }

    /// PulseAudio itself.
    pub fn program(&self) -> &Program {
        &self.daemon
    }

    /// A folder for what is played.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What goes into `PULSE_SERVER`.
    pub fn address(&self) -> String {
        format!("unix:{}", self.socket.display())
    }

    /// What goes into `PULSE_COOKIE`.
    pub fn cookie(&self) -> PathBuf {
        self.folder.join(".config/pulse/cookie")
    }

    /// Runs `pactl`.
    ///
    /// # Errors
    /// With `pactl`'s own words.
    pub fn control(&self, words: &[&str]) -> Result<String> {
        let output = self
            .client("pactl")
            .args(words)
            .output()
            .context("is pactl installed?")?;
        if !output.status.success() {
            bail!(
                "pactl {}: {}",
                words.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// How many programs hold the microphone open.
    ///
    /// # Errors
    /// When PulseAudio does not answer.
    pub fn microphone_users(&self) -> Result<usize> {
        // One more line is the remapped source's own stream on the feed.
        let lines = self.control(&["list", "source-outputs"])?;
        let own = lines.matches("module-remap-source.c").count();
        Ok(lines.matches("Source Output #").count().saturating_sub(own))
    }

    /// Watches from now on for the moment when a program gives the microphone back.
    ///
    /// # Errors
    /// When PulseAudio does not answer.
    pub fn watch_microphone(&self) -> Result<Watch> {
        let mut command = self.client("pactl");
        command.arg("subscribe").stdout(Stdio::piped());
        let mut program = command.spawn().context("is pactl installed?")?;
        let lines = program.stdout.take().context("pactl's output")?;
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(lines).lines().map_while(Result::ok) {
                let Ok(now) = monotonic_ns() else { return };
                if tell.send((line, now)).is_err() {
                    return;
                }
            }
        });
        let watch = Watch { program, told };
        // It listens once it has told of somebody who came only to be told of.
        until("PulseAudio to tell who comes", || {
            self.control(&["info"])?;
            Ok(watch.told.try_recv().ok())
        })?;
        Ok(watch)
    }

    /// Plays mono sound at [`RATE`] into the microphone, to its end.
    ///
    /// # Errors
    /// When it cannot be played.
    pub fn say(&self, samples: &[f32]) -> Result<()> {
        let file = self.folder.join("said.raw");
        fs::write(&file, to_pcm16(samples))?;
        let mut player = self.client("paplay");
        // A generous buffer: a mouth that stutters on a busy machine would be blamed on the app.
        player.args([
            "--raw",
            "--format=s16le",
            "--channels=1",
            "--latency-msec=200",
        ]);
        player
            .arg(format!("--rate={RATE}"))
            .arg("--device=feed")
            .arg(&file);
        let output = player.output().context("is paplay installed?")?;
        if !output.status.success() {
            bail!("paplay: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// Records what the app plays, from now on.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub fn listen(&self) -> Result<Recording> {
        self.record("speaker.monitor")
    }

    /// Records any source.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub fn record(&self, source: &str) -> Result<Recording> {
        let file = self.folder.join("heard.raw");
        fs::write(&file, [])?;
        let mut command = self.client("parecord");
        command.args([
            "--raw",
            "--format=s16le",
            "--channels=1",
            "--latency-msec=20",
        ]);
        command
            .arg(format!("--rate={RATE}"))
            .arg(format!("--device={source}"))
            .arg(&file);
        let recorder = Program::start(&mut command, "parecord", &self.folder)?;
        let recording = Recording { file, recorder };
        until("the first recorded sound", || {
            Ok((recording.length()? > 0).then_some(()))
        })?;
        Ok(recording)
    }

    fn client(&self, program: &str) -> Command {
        let mut command = bare(program);
        command
            .env("PULSE_SERVER", self.address())
            .env("HOME", &self.folder);
        command
    }
}

impl Recording {
    fn length(&self) -> Result<u64> {
        Ok(fs::metadata(&self.file)?.len())
    }

    /// Ends it, after `tail` more samples, and gives mono samples at [`RATE`].
    ///
    /// # Errors
    /// When the recorder stopped too early.
    pub fn end(mut self, tail: usize) -> Result<Vec<f32>> {
        let wanted = self.length()? + 2 * tail as u64;
        until("the end of the recording", || {
            Ok((self.length()? >= wanted).then_some(()))
        })?;
        self.recorder.stop()?;
        Ok(from_pcm16(&fs::read(&self.file)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Speech;

    #[test]
    fn what_is_said_is_heard_by_the_microphone() {
        let folder = tempfile::tempdir().unwrap();
        let card = SoundCard::start(folder.path()).unwrap();
        assert_eq!(card.microphone_users().unwrap(), 0);
        let speech = Speech::recorded(folder.path(), 4.0).unwrap();
        let recording = card.record("mic").unwrap();
        until("the recorder to be seen", || {
            Ok((card.microphone_users()? == 1).then_some(()))
        })
        .unwrap();
        card.say(speech.samples()).unwrap();
        let heard = recording.end(RATE / 4).unwrap();
        let found = speech.find_in(&heard);
        assert!(found.correlation > 0.99, "{found:?}");
    }
}

//! How good speech sounds, by ITU-T P.862.2 (wideband PESQ), as the Python package `pesq` has it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use jasmin_tests::{RATE, Speech};

use crate::ear::{Arrival, Heard, to_pcm};

/// The release that is installed for the measurement, beside the build.
const PACKAGE: &str = "pesq==0.0.4";
/// Which it needs and does not ask for.
const NUMBERS: &str = "numpy";
/// Sound beyond the speech that is looked at.
const TAIL: usize = RATE / 2;

const SCRIPT: &str = "\
import sys, numpy, pesq
said, heard = (numpy.fromfile(name, dtype='<i2') for name in sys.argv[1:3])
print(pesq.pesq(16000, said, heard, 'wb'))
";

/// The judge, installed.
#[derive(Debug)]
pub(crate) struct Pesq {
    python: PathBuf,
}

impl Pesq {
    /// Makes a Python environment of its own with the package in it, unless it is there.
    ///
    /// Needs `python3` with `venv`, a C compiler and PyPI.
    pub(crate) fn install() -> Result<Self> {
        let program = env::current_exe()?;
        let target = program.ancestors().nth(2).context("no build folder")?;
        let folder = target.join("bench-pesq");
        let python = folder.join("bin/python");
        let pesq = Self { python };
        if pesq.works() {
            return Ok(pesq);
        }
        let mut venv = Command::new("python3");
        run(venv.args(["-m", "venv"]).arg(&folder))?;
        let mut pip = Command::new(&pesq.python);
        run(pip.args(["-m", "pip", "install", "--quiet", PACKAGE, NUMBERS]))?;
        if !pesq.works() {
            bail!("{PACKAGE} was installed and cannot be loaded");
        }
        Ok(pesq)
    }

    fn works(&self) -> bool {
        let mut import = Command::new(&self.python);
        import
            .args(["-c", "import numpy, pesq"])
            .stdin(Stdio::null());
        import.stdout(Stdio::null()).stderr(Stdio::null());
        import.status().is_ok_and(|status| status.success())
    }

    /// From 1 to 4.64: how speech sounds that was heard.
    pub(crate) fn judge(
        &self,
        speech: &Speech,
        heard: &Heard,
        arrival: &Arrival,
        folder: &Path,
    ) -> Result<f64> {
        let end = (arrival.begins + speech.samples().len() + TAIL).min(heard.samples.len());
        let part = heard
            .samples
            .get(arrival.begins..end)
            .context("the speech lies outside of the recording")?;
        let said = wideband(speech.samples(), folder, "said")?;
        let came = wideband(part, folder, "came")?;
        let mut python = Command::new(&self.python);
        let answer = run(python.arg("-c").arg(SCRIPT).arg(said).arg(came))?;
        let score = answer.trim().parse();
        score.with_context(|| format!("PESQ says `{}`", answer.trim()))
    }
}

/// Writes samples as PCM at 16 kHz.
fn wideband(samples: &[f32], folder: &Path, name: &str) -> Result<PathBuf> {
    let (raw, out) = (
        folder.join(format!("{name}-48k.raw")),
        folder.join(format!("{name}-16k.raw")),
    );
    fs::write(&raw, to_pcm(samples))?;
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-loglevel", "error", "-nostdin", "-y", "-f", "s16le"]);
    ffmpeg
        .args(["-ar", &RATE.to_string(), "-ac", "1", "-i"])
        .arg(&raw);
    ffmpeg.args(["-f", "s16le", "-ar", "16000"]).arg(&out);
    run(&mut ffmpeg)?;
    Ok(out)
}

fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said
            .trim()
            .lines()
            .next_back()
            .unwrap_or_default()
            .to_owned();
        bail!("{name}: {last}");
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

use anyhow::{Context, Result, bail, ensure};
use jasmin_vcam::spec::Layout;

/// How to use the program.
pub(crate) const USAGE: &str = "\
bench-call [options]

  --rounds N               rounds of each program, taken in turns (2)
  --seconds N              length of each measured window, 5 to 60 (15)
  --only jasmin|chromium   one of them alone; docs/benchmarks.md stays as it is then
  --camera yuyv|nv12|mjpg  what the virtual cameras deliver (yuyv)
  --quick                  pictures and load only: no sound
  --keep                   keep the logs of every round";

/// Which program makes the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The app.
    Jasmin,
    /// Debian's browser.
    Chromium,
}

impl Who {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jasmin => "Jasmin",
            Self::Chromium => "Chromium",
        }
    }
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) rounds: u32,
    pub(crate) seconds: u64,
    pub(crate) only: Option<Who>,
    pub(crate) camera: Layout,
    pub(crate) sound: bool,
    pub(crate) keep: bool,
}

impl Options {
    /// Reads the words after the program's name.
    pub(crate) fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self {
            rounds: 2,
            seconds: 15,
            only: None,
            camera: Layout::Yuyv,
            sound: true,
            keep: false,
        };
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .with_context(|| format!("`{word}` wants a value"))
            };
            match word {
                "--rounds" => options.rounds = number(word, value()?)?,
                "--seconds" => options.seconds = number(word, value()?)?.into(),
                "--only" => options.only = Some(who(value()?)?),
                "--camera" => options.camera = layout(value()?)?,
                "--quick" => options.sound = false,
                "--keep" => options.keep = true,
                _ => bail!("there is no option `{word}`\n\n{USAGE}"),
            }
        }
        ensure!(
            (5..=60).contains(&options.seconds),
            "a window lasts 5 to 60 seconds, not {}",
            options.seconds
        );
        Ok(options)
    }

    /// Who calls in one round.
    pub(crate) fn callers(&self) -> &'static [Who] {
        match self.only {
            None => &[Who::Jasmin, Who::Chromium],
            Some(Who::Jasmin) => &[Who::Jasmin],
            Some(Who::Chromium) => &[Who::Chromium],
        }
    }
}

fn number(option: &str, text: &str) -> Result<u32> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.with_context(|| format!("`{option}` wants a number above 0, not `{text}`"))
}

fn who(text: &str) -> Result<Who> {
    match text {
        "jasmin" => Ok(Who::Jasmin),
        "chromium" => Ok(Who::Chromium),
        _ => bail!("`--only` wants jasmin or chromium, not `{text}`"),
    }
}

fn layout(text: &str) -> Result<Layout> {
    match text {
        "yuyv" => Ok(Layout::Yuyv),
        "nv12" => Ok(Layout::Nv12),
        "mjpg" => Ok(Layout::Mjpg),
        _ => bail!("`--camera` wants yuyv, nv12 or mjpg, not `{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words)
    }

    #[test]
    fn reads_its_options() {
        let options = parse("--rounds 3 --only chromium --camera mjpg --quick").unwrap();
        assert_eq!(options.rounds, 3);
        assert_eq!(options.callers(), [Who::Chromium]);
        assert_eq!(options.camera, Layout::Mjpg);
        assert!(!options.sound && !options.keep);
        assert_eq!(parse("").unwrap().callers(), [Who::Jasmin, Who::Chromium]);
    }

    #[test]
    fn says_what_it_does_not_understand() {
        for line in [
            "--rounds",
            "--rounds 0",
            "--seconds 4",
            "--only both",
            "--camera h264",
            "fast",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}

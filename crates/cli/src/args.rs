//! What was typed.

use std::{env, path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use jasmin_client::platform;
use jasmin_protocol::{Base64, CallKind};
use lexopt::{Arg, Parser, ValueExt};

pub(crate) const USAGE: &str = "\
jasmin echo [--as EMAIL] [--name NAME]
    Answers calls, and plays sound and picture back after a second.
    Says yes to everybody who asks for contact.

jasmin call EMAIL [--as EMAIL] [--name NAME] [--audio] [--seconds N] [--patience N]
    Asks EMAIL for contact if need be, calls with a drawn picture and beeps, prints what happens,
    and hangs up N seconds after the answer [10]. Waits N seconds [60] for each yes of the other
    side. Exit code 0 when people could talk.

jasmin ledger verify FILE [--identity-key KEY] [--ledger-key KEY]
    Checks consent records that the app saved, without a network. KEYs from elsewhere (the app, the
    server's /v1/transparency) show that the file was not made up as a whole. Exit code 0 when every
    record holds; otherwise the first that does not is named.

Environment:
    JASMIN_API        the server [http://127.0.0.1:8420]. Signing up works at a server on this
                      machine only, where mail can be read.
    JASMIN_DATA_DIR   profile folder; it holds the robot's password
    JASMIN_LOG        what to write to standard error, as tracing filters [warn,jasmin=info]";

/// The server on this machine, as it is started without arguments.
const SERVER: &str = "http://127.0.0.1:8420";

/// What to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Verb {
    Help,
    Version,
    Verify(Verify),
    Run(Arguments),
}

/// A saved ledger, and keys that it must have been made with.
#[derive(Debug, PartialEq)]
pub(crate) struct Verify {
    pub(crate) file: PathBuf,
    pub(crate) identity: Option<Base64>,
    pub(crate) ledger: Option<Base64>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Arguments {
    Echo(Robot),
    Call(Call),
}

/// Who the program is.
#[derive(Debug, PartialEq)]
pub(crate) struct Robot {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) server: String,
    pub(crate) folder: PathBuf,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) robot: Robot,
    pub(crate) callee: String,
    pub(crate) kind: CallKind,
    /// How long to talk.
    pub(crate) length: Duration,
    /// How long to wait for each yes of the other side.
    pub(crate) patience: Duration,
}

#[derive(Debug, Default)]
struct Options {
    email: Option<String>,
    name: Option<String>,
    audio: bool,
    seconds: Option<u64>,
    patience: Option<u64>,
    file: Option<PathBuf>,
    identity: Option<Base64>,
    ledger: Option<Base64>,
}

/// Reads the command line.
pub(crate) fn parse(mut parser: Parser) -> anyhow::Result<Verb> {
    let mut words = Vec::new();
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Verb::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Verb::Version),
            Arg::Long("as") => options.email = Some(parser.value()?.string()?),
            Arg::Long("name") => options.name = Some(parser.value()?.string()?),
            Arg::Long("audio") => options.audio = true,
            Arg::Long("seconds") => options.seconds = Some(parser.value()?.parse()?),
            Arg::Long("patience") => options.patience = Some(parser.value()?.parse()?),
            Arg::Long("identity-key") => options.identity = Some(key(&mut parser)?),
            Arg::Long("ledger-key") => options.ledger = Some(key(&mut parser)?),
            Arg::Value(file) if words == ["ledger", "verify"] && options.file.is_none() => {
                options.file = Some(file.into());
            }
            Arg::Value(word) => words.push(word.string()?),
            Arg::Short(_) | Arg::Long(_) => return Err(arg.unexpected().into()),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let has_keys = options.identity.is_some() || options.ledger.is_some();
    let is_call = options.audio || options.seconds.is_some() || options.patience.is_some();
    let arguments = match words.as_slice() {
        ["ledger", "verify"] => {
            return Ok(Verb::Verify(Verify {
                file: options.file.context("say which file")?,
                identity: options.identity,
                ledger: options.ledger,
            }));
        }
        _ if has_keys => bail!("keys are for `jasmin ledger verify`"),
        ["echo"] if is_call => bail!("--audio, --seconds and --patience are for `jasmin call`"),
        ["echo"] => Arguments::Echo(robot(options, "echo", "Echo")?),
        ["call", callee] => Arguments::Call(Call {
            callee: (*callee).to_owned(),
            kind: if options.audio {
                CallKind::Audio
            } else {
                CallKind::Video
            },
            length: Duration::from_secs(options.seconds.unwrap_or(10)),
            patience: Duration::from_secs(options.patience.unwrap_or(60)),
            robot: robot(options, "caller", "Test caller")?,
        }),
        _ => bail!("not understood\n\n{USAGE}"),
    };
    Ok(Verb::Run(arguments))
}

/// Unpadded base64url, as the app and the server show it.
fn key(parser: &mut Parser) -> anyhow::Result<Base64> {
    let text = parser.value()?.string()?;
    let key: Base64 = text.parse().context("a key is base64url text")?;
    anyhow::ensure!(key.0.len() == 32, "a key has 32 bytes");
    Ok(key)
}

fn robot(options: Options, short: &str, name: &str) -> anyhow::Result<Robot> {
    let given = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let folder = match given("JASMIN_DATA_DIR") {
        Some(folder) => folder.into(),
        // Beside the profile of the window, never in it.
        None => platform::default_data_dir()
            .context("no home folder is known; set JASMIN_DATA_DIR")?
            .with_file_name(format!("jasmin-chat-{short}")),
    };
    let server = match given("JASMIN_API") {
        Some(url) => url.into_string().ok().context("JASMIN_API is not text")?,
        None => SERVER.to_owned(),
    };
    Ok(Robot {
        email: options
            .email
            .unwrap_or_else(|| format!("{short}@jasmin.test")),
        name: options.name.unwrap_or_else(|| name.to_owned()),
        server,
        folder,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> anyhow::Result<Verb> {
        parse(Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn reads_a_call() {
        let Verb::Run(Arguments::Call(call)) =
            typed("call anna@example.org --audio --seconds=3 --as me@example.org").unwrap()
        else {
            panic!("no call");
        };
        assert_eq!(call.callee, "anna@example.org");
        assert_eq!(call.kind, CallKind::Audio);
        assert_eq!(call.length, Duration::from_secs(3));
        assert_eq!(call.patience, Duration::from_secs(60));
        assert_eq!(call.robot.email, "me@example.org");
    }

    #[test]
    fn reads_which_ledger_to_check() {
        let line =
            "ledger verify some/file --ledger-key AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let Verb::Verify(verify) = typed(line).unwrap() else {
            panic!("no check");
        };
        assert_eq!(verify.file, PathBuf::from("some/file"));
        assert_eq!(
            (verify.identity, verify.ledger),
            (None, Some(Base64(vec![0; 32])))
        );
    }

    #[test]
    fn the_echo_peer_has_a_name_of_its_own() {
        let Verb::Run(Arguments::Echo(robot)) = typed("echo").unwrap() else {
            panic!("no echo")
        };
        assert_eq!(robot.email, "echo@jasmin.test");
        assert_eq!(robot.name, "Echo");
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        for line in [
            "",
            "dance",
            "call",
            "call a b",
            "echo --audio",
            "--loud",
            "echo --as",
            "call a --seconds x",
            "ledger",
            "ledger verify",
            "ledger verify a b",
            "ledger verify a --ledger-key short",
            "echo --ledger-key AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(typed(line).is_err(), "{line}");
        }
        assert_eq!(typed("echo --help").unwrap(), Verb::Help);
        assert_eq!(typed("-V").unwrap(), Verb::Version);
    }
}

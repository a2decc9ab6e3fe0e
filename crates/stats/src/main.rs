//! `jasmin-stats`: publishes numbers about many people, with noise, once a week. It reads the server's
//! database beside the server, takes nothing from the network, and what it publishes is at the server's
//! `/legal/statistics`.

use std::{ffi::OsString, io::Write, process::ExitCode};

use anyhow::{Result, bail};
use jasmin_protocol::StatisticsRelease;
use jasmin_server::{Config, Invocation, statistics};

const USAGE: &str = "\
jasmin-stats: publishes the numbers of a week, with noise

Usage: jasmin-stats release [OPTIONS]   count and publish the last week that is over
       jasmin-stats list [OPTIONS]      what was published, and what it cost

  --data-dir FOLDER      the server's data folder [./data]      (JASMIN_SERVER_DATA)
  --db URL               postgres://… instead of the SQLite file (JASMIN_DB)
  --help, --version

Run it once a week (cron, systemd timer). A week is published once; beyond the year's privacy budget
nothing is.
";

fn main() -> ExitCode {
    match run(std::env::args_os().skip(1).collect()) {
        Ok(text) => say(&text),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "jasmin-stats: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What is wanted.
#[derive(Debug, PartialEq, Eq)]
enum Order {
    Release,
    List,
}

fn run(args: Vec<OsString>) -> Result<String> {
    let Some((order, rest)) = order(args)? else {
        return Ok(USAGE.to_owned());
    };
    let config = match Invocation::parse(rest, |name| std::env::var_os(name))? {
        Invocation::Run(config) => config,
        Invocation::Version => {
            return Ok(concat!("jasmin-stats ", env!("CARGO_PKG_VERSION"), "\n").to_owned());
        }
        Invocation::Help
        | Invocation::DataMap
        | Invocation::Publish(..)
        | Invocation::Disclose(..)
        | Invocation::Partner(..) => return Ok(USAGE.to_owned()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(carry_out(&config, order))
}

/// The verb, and the options that the server's program has, too.
fn order(args: Vec<OsString>) -> Result<Option<(Order, Vec<OsString>)>> {
    let mut args = args.into_iter();
    let Some(verb) = args.next() else {
        return Ok(None);
    };
    let order = match verb.to_string_lossy().as_ref() {
        "release" => Order::Release,
        "list" => Order::List,
        "--version" | "-V" => return Ok(Some((Order::List, vec![verb]))),
        "--help" | "-h" => return Ok(None),
        other => bail!("unknown: {other}; --help lists what there is"),
    };
    Ok(Some((order, args.collect())))
}

async fn carry_out(config: &Config, order: Order) -> Result<String> {
    match order {
        Order::Release => {
            let release = statistics::release(config).await?;
            Ok(format!("{}Published.\n", told(&release)))
        }
        Order::List => {
            let all = statistics::released(config).await?;
            let mut text: String = all.releases.iter().map(told).collect();
            if text.is_empty() {
                text = "Nothing was published yet.\n".to_owned();
            }
            Ok(text)
        }
    }
}

/// A release in words. Only what is published: nothing here has seen a true count.
fn told(release: &StatisticsRelease) -> String {
    let mut text = format!("{}, epsilon 0.{:03}\n", release.week, release.epsilon_milli);
    for figure in &release.figures {
        text.push_str(&format!("  {}\n", figure.title));
        for group in &figure.groups {
            let people = group.people.map_or("too few to say".to_owned(), |people| {
                format!("about {people}")
            });
            text.push_str(&format!("    {}: {people}\n", group.label));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Option<(Order, Vec<OsString>)> {
        order(args.iter().map(OsString::from).collect()).unwrap()
    }

    #[test]
    fn the_verb_is_ours_and_the_rest_the_servers() {
        assert_eq!(
            parsed(&["release", "--data-dir", "d"]),
            Some((Order::Release, vec!["--data-dir".into(), "d".into()]))
        );
        assert_eq!(parsed(&["list"]), Some((Order::List, Vec::new())));
        for none in [&[][..], &["--help"]] {
            assert_eq!(parsed(none), None);
        }
        assert!(order(vec!["publish".into()]).is_err());
    }

    #[test]
    fn where_no_server_is_nothing_is_made() {
        let folder = std::env::temp_dir().join(format!("jasmin-stats-{}", std::process::id()));
        let args = ["release", "--data-dir"].map(OsString::from);
        let error = run(args.into_iter().chain([folder.clone().into()]).collect()).unwrap_err();
        assert!(
            error.to_string().contains("no server has its data in"),
            "{error}"
        );
        assert!(!folder.exists());
    }
}

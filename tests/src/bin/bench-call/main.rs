//! Measures a 720p call between two windows on this machine, beside the same call between two
//! windows of Debian's Chromium, in turns, and writes `docs/benchmarks.md`. `cargo xtask bench call`
//! builds what it needs and runs it.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]
#![expect(clippy::print_stderr, reason = "a program for the terminal")]

mod chromium;
mod ear;
mod echo;
mod figures;
mod jasmin;
mod load;
mod measure;
mod options;
mod pesq;
mod report;
mod rounds;
mod signalling;
mod size;
mod stages;
mod table;
mod talk;
mod telephone;
mod watch;
mod wire;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use chromium::Chromium;
use figures::{Measured, Round};
use jasmin::Jasmin;
use jasmin_tests::World;
use jasmin_vcam::spec::{Camera, Size};
use options::{Options, USAGE, Who};
use pesq::Pesq;
use size::Sizes;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nbench-call: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<()> {
    let options = Options::parse(words)?;
    ctrlc::set_handler(|| {
        World::end_all();
        std::process::exit(130);
    })
    .context("cannot listen for Ctrl-C")?;

    let pesq = match options.sound {
        true => Pesq::install().map_err(|error| format!("{error:#}")),
        false => Err("sound was left out".to_owned()),
    };
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        for who in options.callers() {
            say(&format!(
                "round {number} of {}: {}",
                options.rounds,
                who.name()
            ));
            rounds.push(one_round(*who, &options, &pesq)?);
        }
    }
    let rows = table::rows(&rounds, &Sizes::look());
    for who in options.callers() {
        println!("\n{}", who.name());
        for line in rounds::lines(&rounds, *who)
            .into_iter()
            .chain(rounds::breakdown(&rounds, *who))
        {
            println!("  {line}");
        }
    }
    println!("\n{}", table::plain(&rows));
    if options.only.is_none() && options.sound {
        let file = report::write(&options, &rows, &rounds)?;
        println!("written to {file}");
    }
    Ok(())
}

/// Progress, for whoever waits.
pub(crate) fn say(words: &str) {
    println!("{words}");
}

fn one_round(who: Who, options: &Options, pesq: &Measured<Pesq>) -> Result<Round> {
    let mut found = None;
    World::run("bench", |world| {
        let camera = camera(options);
        found = Some(match who {
            Who::Jasmin => measure::round(who, &Jasmin::start(world, &camera)?, options, pesq)?,
            Who::Chromium => measure::round(who, &Chromium::start(world, &camera)?, options, pesq)?,
        });
        if options.keep {
            bail!("the logs are kept, as asked for");
        }
        Ok(())
    })
    .or_else(|error| {
        if options.keep && found.is_some() {
            Ok(())
        } else {
            Err(error)
        }
    })?;
    found.context("the round found nothing")
}

/// A camera of 1280 × 720 at 30 pictures a second, in one layout: so that nobody chooses an easier
/// one.
fn camera(options: &Options) -> Camera {
    let size = |width, height| Size {
        width,
        height,
        rate: (30, 1),
    };
    Camera {
        sizes: vec![size(1280, 720), size(640, 360)],
        layouts: vec![options.camera],
        ..Camera::default()
    }
}

//! `docs/benchmarks.md`.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{
    figures::Round,
    options::{Options, Who},
    rounds,
    table::{Row, missing},
};

/// Where it goes, from the workspace's folder.
const FILE: &str = "docs/benchmarks.md";

const HOW: &str = include_str!("how.md");

/// Writes the file, and gives its name.
pub(crate) fn write(options: &Options, rows: &[Row], rounds: &[Round]) -> Result<&'static str> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let path = root.context("the workspace has no folder")?.join(FILE);
    let text = text(options, rows, rounds, &machine());
    fs::write(&path, text).with_context(|| format!("cannot write {FILE}"))?;
    Ok(FILE)
}

fn text(options: &Options, rows: &[Row], rounds: &[Round], machine: &str) -> String {
    let mut text = format!(
        "# Benchmarks\n\nWritten by `cargo xtask bench call`: {} of each program, in turns, windows of \
         {} s. Figures are medians over rounds and sides.\n\n{machine}\n\n",
        match options.rounds {
            1 => "one round".to_owned(),
            rounds => format!("{rounds} rounds"),
        },
        options.seconds
    );
    text += "## A call of two, 720p30 both ways\n\n\
             | | Jasmin | Chromium | ratio | limit | |\n|---|--:|--:|--:|---|---|\n";
    for row in rows {
        text += &format!("| {} |\n", row.cells().join(" | "));
    }
    let missing = missing(rows);
    if !missing.is_empty() {
        text.push('\n');
        for line in missing.lines() {
            text += &format!("- {line}\n");
        }
    }
    text.push('\n');
    text += HOW;
    text += "\n## Where each millisecond and percent goes\n";
    for who in [Who::Jasmin, Who::Chromium] {
        text += &format!("\n{}, each side, medians:\n\n```text\n", who.name());
        for line in rounds::breakdown(rounds, who) {
            text += &format!("{line}\n");
        }
        text += "```\n";
    }
    text += "\n## Each round\n\nSizes are those in which the far picture arrived, with the time since \
             the first picture.\n";
    for who in [Who::Jasmin, Who::Chromium] {
        text += &format!("\n{}:\n\n", who.name());
        for line in rounds::lines(rounds, who) {
            text += &format!("- {line}\n");
        }
    }
    text
}

/// The machine in general terms.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let memory = read("/proc/meminfo");
    let kilobytes = memory.lines().find_map(|line| {
        let rest = line.strip_prefix("MemTotal:")?;
        rest.split_whitespace().next()?.parse::<f64>().ok()
    });
    let release = read("/etc/os-release");
    let system = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let processor = read("/proc/cpuinfo");
    let processor = processor
        .lines()
        .find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim()));
    format!(
        "Machine: {cores} cores ({}), {:.0} GB of memory, {}, no graphics card: both programs paint \
         in software, and both ends of the call, the screens and the sound cards share the cores.",
        processor.unwrap_or("of an unknown kind"),
        kilobytes.unwrap_or_default() * 1024.0 / 1e9,
        system.unwrap_or("an unknown system").trim_matches('"'),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Limit;

    #[test]
    fn the_table_and_the_machine_are_in_it() {
        let row = Row {
            name: "set-up",
            unit: "ms",
            digits: 0,
            own: Ok(70.0),
            peer: Ok(100.0),
            limit: Limit::Ratio(0.7),
        };
        let options = Options::parse(&[]).unwrap();
        let text = text(&options, &[row], &[], &machine());
        assert!(text.contains("| set-up | 70 ms | 100 ms | 0.70 | ratio <= 0.7 | ok |"));
        assert!(text.contains("cores"));
    }
}

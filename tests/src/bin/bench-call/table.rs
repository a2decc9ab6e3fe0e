//! What was found, as text.

use std::collections::BTreeMap;

use crate::{
    figures::{Round, SideFigures, median},
    options::Who,
};

/// Prints all rounds, and where the time of the processor went.
pub(crate) fn print(rounds: &[Round]) {
    for who in [Who::Jasmin, Who::Chromium] {
        let of: Vec<&Round> = rounds.iter().filter(|round| round.who == who).collect();
        if of.is_empty() {
            continue;
        }
        println!("\n{}", who.name());
        for (number, round) in of.iter().enumerate() {
            for (side, name) in round.sides.iter().zip(["caller", "callee"]) {
                println!("  round {} {name}: {}", number + 1, line(side));
            }
            println!(
                "  round {} wire: {:.0} kbit/s each way",
                number + 1,
                round.wire_kbps
            );
        }
        for line in breakdown(&of) {
            println!("  {line}");
        }
    }
}

fn line(side: &SideFigures) -> String {
    let sizes: Vec<String> = side
        .sizes
        .iter()
        .map(|(at, (width, height))| format!("{width}x{height}@{at:.0}ms"))
        .collect();
    let to_720 = side
        .to_720_ms
        .map_or("never".to_owned(), |ms| format!("{ms:.0} ms"));
    format!(
        "set-up {:.0} ms, camera to screen {:.0}/{:.0} ms, {:.1} fps, {} freezes, 720p after {to_720} \
         ({}), {:.1} % of a core, {:.0} MB",
        side.setup_ms,
        side.pictures.latency_ms.0,
        side.pictures.latency_ms.1,
        side.pictures.fps,
        side.pictures.freezes,
        sizes.join(" "),
        side.usage.total(),
        side.usage.memory_total() as f64 / 1e6,
    )
}

/// By process and thread: medians over rounds and sides, largest first.
pub(crate) fn breakdown(rounds: &[&Round]) -> Vec<String> {
    let sides: Vec<&SideFigures> = rounds.iter().flat_map(|round| &round.sides).collect();
    let mut processes: BTreeMap<&String, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    let mut threads: BTreeMap<&(String, String), Vec<f64>> = BTreeMap::new();
    for side in &sides {
        for (role, percent) in &side.usage.processes {
            processes.entry(role).or_default().0.push(*percent);
        }
        for (role, bytes) in &side.usage.memory {
            processes.entry(role).or_default().1.push(*bytes as f64);
        }
        for (thread, percent) in &side.usage.threads {
            threads.entry(thread).or_default().push(*percent);
        }
    }
    let mut lines = Vec::new();
    let mut processes: Vec<_> = processes.into_iter().collect();
    processes.sort_by(|a, b| median(&b.1.0).total_cmp(&median(&a.1.0)));
    for (role, (percent, bytes)) in processes {
        lines.push(format!(
            "{role}: {:.1} % of a core, {:.0} MB",
            median(&percent),
            median(&bytes) / 1e6
        ));
        let mut own: Vec<(&String, f64)> = threads
            .iter()
            .filter(|((of, _), _)| of == role)
            .map(|((_, name), percent)| (name, median(percent)))
            .filter(|(_, percent)| *percent >= 0.1)
            .collect();
        own.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (name, percent) in own {
            lines.push(format!("    {name}: {percent:.1} %"));
        }
    }
    let of = |pick: fn(&SideFigures) -> f64| {
        median(&sides.iter().map(|side| pick(side)).collect::<Vec<_>>())
    };
    lines.push(format!(
        "not counted: virtual camera {:.1} %, Xvfb {:.1} %, PulseAudio {:.1} %",
        of(|side| side.usage.camera),
        of(|side| side.around.0),
        of(|side| side.around.1)
    ));
    lines
}

//! Each round by itself, and where the time of the processor went.

use std::collections::BTreeMap;

use crate::{
    figures::{Round, SideFigures, SoundFigures, median},
    options::Who,
    stages::{self, Stages},
    wire::Way,
};

/// The rounds of one program, a line for each side.
pub(crate) fn lines(rounds: &[Round], who: Who) -> Vec<String> {
    let mut lines = Vec::new();
    let of = rounds.iter().filter(|round| round.who == who);
    for (number, round) in of.enumerate() {
        let number = number + 1;
        for (side, name) in round.sides.iter().zip(["caller", "callee"]) {
            lines.push(format!("round {number}, {name}: {}", line(side)));
        }
        lines.push(format!(
            "round {number}: the callee's camera on {:.0} ms after the press; {:.0} kbit/s each way on \
             the wire",
            round.camera_on_ms, round.wire_kbps
        ));
        lines.push(match &round.ways {
            Ok(ways) => format!("round {number}, the way of a picture: {}", followed(ways)),
            Err(why) => format!("round {number}, the way of a picture: not measured: {why}"),
        });
        if let Some(sound) = &round.sound {
            lines.push(format!("round {number}, sound: {}", heard(sound)));
        }
    }
    lines
}

fn followed(ways: &[Way; 2]) -> String {
    let of = |way: &Way, name: &str| {
        format!(
            "the {name}'s {:.1} ms to the wire, {:.1} ms on it, {:.1} ms to the screen ({} followed)",
            way.to_wire, way.on_wire, way.to_screen, way.pictures
        )
    };
    format!("{}; {}", of(&ways[0], "caller"), of(&ways[1], "callee"))
}

fn heard(sound: &SoundFigures) -> String {
    let mut parts = Vec::new();
    for (side, name) in ["callee", "caller"].into_iter().enumerate() {
        parts.push(match &sound.arrivals[side] {
            Ok(arrival) => format!(
                "at the {name} after {:.0} ms (at the end {:.0} ms), likeness {:.2}",
                arrival.delay_ms, arrival.last_ms, arrival.alike
            ),
            Err(why) => format!("at the {name}: {why}"),
        });
        parts.push(match &sound.pesq[side] {
            Ok(score) => format!("PESQ {score:.2}"),
            Err(why) => format!("PESQ: {why}"),
        });
    }
    parts.push(match &sound.echo {
        Ok(echo) => format!(
            "echo {:.0} dB while one talks, {:.0} dB while both do ({:.1} s looked at)",
            echo.alone_db, echo.both_db, echo.looked_at
        ),
        Err(why) => format!("echo: {why}"),
    });
    parts.join("; ")
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
        "set-up {:.0} ms, camera to screen {:.0}/{:.0} ms, {:.1} fps, {:.1} freezes a minute, 720p after {to_720} \
         ({}), {:.1} % of a core, {:.0} MB",
        side.setup_ms,
        side.pictures.latency_ms.0,
        side.pictures.latency_ms.1,
        side.pictures.fps,
        side.pictures.freezes_a_minute,
        sizes.join(" "),
        side.usage.total(),
        side.usage.memory_total() as f64 / 1e6,
    )
}

/// By process and thread: medians over rounds and sides, largest first.
pub(crate) fn breakdown(rounds: &[Round], who: Who) -> Vec<String> {
    let of = rounds.iter().filter(|round| round.who == who);
    let sides: Vec<&SideFigures> = of.flat_map(|round| &round.sides).collect();
    if sides.is_empty() {
        return Vec::new();
    }
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
    let ways: Vec<&Way> = rounds
        .iter()
        .filter(|round| round.who == who)
        .filter_map(|round| round.ways.as_ref().ok())
        .flatten()
        .collect();
    let mut way = None;
    if !ways.is_empty() {
        let of =
            |pick: fn(&Way) -> f64| median(&ways.iter().map(|way| pick(way)).collect::<Vec<_>>());
        lines.push(format!(
            "a picture: camera to wire {:.1} ms, on the wire {:.1} ms, wire to screen {:.1} ms",
            of(|way| way.to_wire),
            of(|way| way.on_wire),
            of(|way| way.to_screen)
        ));
        way = Some((of(|way| way.to_wire), of(|way| way.to_screen)));
    }
    let stages: Vec<&Stages> = (sides.iter())
        .filter_map(|side| side.stages.as_ref())
        .collect();
    lines.extend(stages::lines(&stages, way));
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
        "not counted: virtual camera {:.1} % and {:.0} MB, Xvfb {:.1} %, PulseAudio {:.1} %",
        of(|side| side.usage.camera),
        of(|side| side.usage.camera_memory as f64 / 1e6),
        of(|side| side.around.0),
        of(|side| side.around.1)
    ));
    lines
}

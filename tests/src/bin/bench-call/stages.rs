//! What the app itself says of each step of a picture and of sound: it writes lines at the level
//! `debug`, a line a second for each step.

use std::collections::BTreeMap;

use crate::figures::median;

/// The steps of pictures, in their order, as they are called in the log.
const STEPS: [(&str, &str); 12] = [
    ("convert", "convert"),
    ("await encoder", "to the encoder, with convert"),
    ("scale", "scale"),
    ("encode", "encode"),
    ("packetise", "packetise, encrypt, send"),
    ("receive", "receive a datagram"),
    ("reassemble", "first packet to whole frame"),
    ("buffer", "jitter buffer"),
    ("await decoder", "to the decoder"),
    ("decode", "decode"),
    ("paint", "paint"),
    ("hand over", "IPC to the screen"),
];

/// The steps of sound: the fields of its lines.
const SOUND: [(&str, &str); 3] = [
    (
        "to_encoded",
        "microphone to packet (capture, 20 ms of packet, cleaning, encode)",
    ),
    ("buffer", "jitter buffer"),
    ("to_speaker", "decode to the speaker's buffer"),
];

/// One side's steps over a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stages {
    pictures: BTreeMap<&'static str, Step>,
    sound_ms: BTreeMap<&'static str, f64>,
}

/// Medians over the seconds of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Step {
    p50_ms: f64,
    p95_ms: f64,
    /// Of one core; `None` for a step that only waits.
    percent: Option<f64>,
}

impl Stages {
    /// Reads what was written in a window. `None`: nothing was, as by a program that is not ours.
    pub(crate) fn read(log: &str) -> Option<Self> {
        let value = |line: &str, key: &str| -> Option<f64> {
            let rest = line.split(&format!(" {key}=")).nth(1)?;
            rest.split_whitespace().next()?.parse().ok()
        };
        let mut stages = Self::default();
        for (name, _) in STEPS {
            let mark = format!(" stage=\"{name}\" ");
            let lines: Vec<&str> = log.lines().filter(|line| line.contains(&mark)).collect();
            let of = |key: &str| -> Vec<f64> {
                lines.iter().filter_map(|line| value(line, key)).collect()
            };
            let used = of("permille");
            if !lines.is_empty() {
                let step = Step {
                    p50_ms: median(&of("p50")) / 1000.0,
                    p95_ms: median(&of("p95")) / 1000.0,
                    percent: (!used.is_empty()).then(|| median(&used) / 10.0),
                };
                stages.pictures.insert(name, step);
            }
        }
        for (name, _) in SOUND {
            let lines = log.lines().filter(|line| line.contains(": sound "));
            let found: Vec<f64> = lines.filter_map(|line| value(line, name)).collect();
            if !found.is_empty() {
                stages.sound_ms.insert(name, median(&found) / 1000.0);
            }
        }
        (stages != Self::default()).then_some(stages)
    }
}

/// The steps one after the other, from the camera's picture to the socket.
const OUT: [&str; 4] = ["await encoder", "scale", "encode", "packetise"];
/// And from the socket to the screen.
const IN: [&str; 6] = [
    "reassemble",
    "buffer",
    "await decoder",
    "decode",
    "paint",
    "hand over",
];

/// A line for each step, medians over sides and rounds. `way` is what a picture took to the wire and from
/// there to the screen, in milliseconds: what no step has of it is told, too.
pub(crate) fn lines(sides: &[&Stages], way: Option<(f64, f64)>) -> Vec<String> {
    let mut lines = Vec::new();
    if sides.is_empty() {
        return lines;
    }
    let together = |steps: &[&str]| -> f64 {
        let middle = |name: &&str| {
            let steps = sides.iter().filter_map(|side| side.pictures.get(*name));
            median(&steps.map(|step| step.p50_ms).collect::<Vec<_>>())
        };
        steps.iter().map(middle).filter(|ms| ms.is_finite()).sum()
    };
    if let Some((to_wire, to_screen)) = way {
        for (words, rest) in [
            ("capture, and between threads", to_wire - together(&OUT)),
            ("screen, and between threads", to_screen - together(&IN)),
        ] {
            lines.push(format!("    {words:<30} {rest:5.2} ms"));
        }
    }
    for (name, words) in STEPS {
        let steps: Vec<Step> = (sides.iter())
            .filter_map(|side| side.pictures.get(name).copied())
            .collect();
        if steps.is_empty() {
            continue;
        }
        let of = |pick: fn(&Step) -> f64| median(&steps.iter().map(pick).collect::<Vec<_>>());
        let used: Vec<f64> = steps.iter().filter_map(|step| step.percent).collect();
        let percent = match used.is_empty() {
            true => String::new(),
            false => format!("  {:4.1} %", median(&used)),
        };
        lines.push(format!(
            "    {words:<30} {:5.2} ms (p95 {:5.2}){percent}",
            of(|step| step.p50_ms),
            of(|step| step.p95_ms)
        ));
    }
    for (name, words) in SOUND {
        let found: Vec<f64> = (sides.iter())
            .filter_map(|side| side.sound_ms.get(name).copied())
            .collect();
        if !found.is_empty() {
            lines.push(format!("    sound: {words} {:.1} ms", median(&found)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-01-01T00:00:00Z DEBUG jasmin_media::stages: stage stage=\"encode\" count=30 p50=4000 p95=6000 permille=140.5
2026-01-01T00:00:01Z DEBUG jasmin_media::stages: stage stage=\"encode\" count=30 p50=5000 p95=6500 permille=150.5
2026-01-01T00:00:01Z DEBUG jasmin_media::stages: stage stage=\"buffer\" count=30 p50=100 p95=200
2026-01-01T00:00:01Z DEBUG jasmin_media::audio::engine: sound to_encoded=30500 buffer=1000 to_speaker=20000
";

    #[test]
    fn steps_are_read_with_what_they_use() {
        let stages = Stages::read(LOG).unwrap();
        let encode = stages.pictures["encode"];
        assert_eq!((encode.p50_ms, encode.p95_ms), (4.5, 6.25));
        assert_eq!(encode.percent, Some(14.55));
        assert_eq!(stages.pictures["buffer"].percent, None);
        assert_eq!(stages.sound_ms["to_encoded"], 30.5);
        assert_eq!(Stages::read("INFO something else"), None);
        let told = lines(&[&stages], None);
        assert_eq!(told.len(), 5);
        assert!(
            told[0].contains("encode") && told[0].contains("4.50 ms"),
            "{told:?}"
        );
        let told = lines(&[&stages], Some((10.0, 5.0)));
        assert!(
            told[0].contains("capture") && told[0].contains("5.50 ms"),
            "{told:?}"
        );
        assert!(
            told[1].contains("screen") && told[1].contains("4.90 ms"),
            "{told:?}"
        );
        assert!(
            lines(&[], Some((1.0, 1.0))).is_empty(),
            "not a program of ours"
        );
    }
}

//! Where a picture's time goes: from the camera to the wire, on it, and from there to the screen.
//!
//! A camera that pauses makes the first picture afterwards known everywhere: on the wire as the first
//! packets after the pause, on the screen by its barcode.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use jasmin_vcam::spec::{Camera, Mode};

use crate::{
    figures::median,
    telephone::Telephone,
    watch::{Seen, Watch},
};

const SNIFF: &str = include_str!("sniff.py");

/// Pauses of each camera.
const PAUSES: usize = 6;
/// How long a camera pauses, and how long it goes on.
const PAUSE: Duration = Duration::from_millis(300);
const GO_ON: Duration = Duration::from_millis(400);
/// Pictures this far apart have a pause between them.
const APART_NS: u64 = 200_000_000;
/// A picture that needs longer was not that one.
const LONGEST_NS: u64 = 1_000_000_000;

/// The way of one side's picture to the other, in milliseconds, medians.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Way {
    /// From the camera to its first packet: capture, conversion, encoding, packets, pacing.
    pub(crate) to_wire: f64,
    /// From the first packet to the last.
    pub(crate) on_wire: f64,
    /// From the last packet to the screen: reassembly, waiting, decoding, painting.
    pub(crate) to_screen: f64,
    /// Pictures that were followed.
    pub(crate) pictures: usize,
}

/// A packet that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Packet {
    at_ns: u64,
    port: u16,
    source: u32,
    stamp: u32,
    bytes: u64,
}

/// Follows pictures of both sides in a call that stands. `watches` look at the caller's and the
/// callee's screen.
pub(crate) fn follow(telephone: &dyn Telephone, watches: &[Watch; 2]) -> Result<[Way; 2]> {
    let (pause, go_on) = (PAUSE * PAUSES as u32, GO_ON * PAUSES as u32);
    let mut sniffer = Sniffer::start((pause + go_on + Duration::from_secs(1)) * 2)?;
    for side in 0..2 {
        for _ in 0..PAUSES {
            set(telephone, side, Mode::Hang)?;
            thread::sleep(PAUSE);
            set(telephone, side, Mode::Ok)?;
            thread::sleep(GO_ON);
        }
    }
    let packets = sniffer.end()?;
    let way = |side: usize| {
        let ports = ports(&telephone.processes(side))?;
        let own = packets.iter().filter(|packet| ports.contains(&packet.port));
        way(&pictures_only(own), &watches[1 - side].seen()).context("no picture could be followed")
    };
    Ok([way(0)?, way(1)?])
}

fn set(telephone: &dyn Telephone, side: usize, mode: Mode) -> Result<()> {
    let (stand, number) = (telephone.desks()[side].cameras(), telephone.cameras()[side]);
    let text = fs::read_to_string(stand.folder().join(format!("video{number}")))?;
    let camera = Camera::parse(&text).ok().context("the camera is unknown")?;
    Ok(stand.plug(number, &Camera { mode, ..camera })?)
}

/// The packets of the stream with the most bytes: pictures, rather than sound or repeats.
fn pictures_only<'a>(packets: impl Iterator<Item = &'a Packet>) -> Vec<Packet> {
    let mut streams: BTreeMap<u32, Vec<Packet>> = BTreeMap::new();
    for packet in packets {
        streams.entry(packet.source).or_default().push(*packet);
    }
    let bytes = |stream: &Vec<Packet>| stream.iter().map(|packet| packet.bytes).sum::<u64>();
    streams.into_values().max_by_key(bytes).unwrap_or_default()
}

fn way(packets: &[Packet], seen: &[Seen]) -> Option<Way> {
    let taken_ns = |seen: &Seen| seen.at_ns - u64::from(seen.age_ms) * 1_000_000;
    let mut ways: [Vec<f64>; 3] = Default::default();
    for two in seen.windows(2) {
        let (before, after) = (taken_ns(&two[0]), taken_ns(&two[1]));
        if after < before + APART_NS {
            continue;
        }
        let Some(first) = packets.iter().find(|packet| packet.at_ns >= after) else {
            continue;
        };
        let own = packets.iter().filter(|packet| packet.stamp == first.stamp);
        let last_ns = own.map(|packet| packet.at_ns).max()?;
        if last_ns > two[1].at_ns || two[1].at_ns - after > LONGEST_NS {
            continue;
        }
        let steps = [after, first.at_ns, last_ns, two[1].at_ns];
        for (way, step) in ways.iter_mut().zip(steps.windows(2)) {
            way.push((step[1] - step[0]) as f64 / 1e6);
        }
    }
    let pictures = ways[0].len();
    let [to_wire, on_wire, to_screen] = ways.map(|way| median(&way));
    (pictures >= 3).then_some(Way {
        to_wire,
        on_wire,
        to_screen,
        pictures,
    })
}

/// Ports that processes send datagrams from.
fn ports(ids: &[i32]) -> Result<Vec<u16>> {
    let mut sockets = Vec::new();
    for id in ids {
        let files = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten();
        for file in files.flatten() {
            let target = fs::read_link(file.path()).unwrap_or_default();
            let name = target.to_string_lossy().into_owned();
            let number = name.strip_prefix("socket:[");
            if let Some(number) = number.and_then(|rest| rest.strip_suffix(']')) {
                sockets.push(number.to_owned());
            }
        }
    }
    let mut ports = Vec::new();
    for table in ["/proc/net/udp", "/proc/net/udp6"] {
        for line in fs::read_to_string(table).unwrap_or_default().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let (Some(address), Some(number)) = (words.get(1), words.get(9))
                && sockets.iter().any(|socket| socket == number)
                && let Some((_, port)) = address.rsplit_once(':')
            {
                ports.push(u16::from_str_radix(port, 16)?);
            }
        }
    }
    ensure!(!ports.is_empty(), "the program has no sockets");
    Ok(ports)
}

/// Listens on loopback, in Python: a raw socket, for which this machine's administrator is needed.
struct Sniffer {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Sniffer {
    fn start(time: Duration) -> Result<Self> {
        let mut command = Command::new("python3");
        command
            .arg("-c")
            .arg(SNIFF)
            .arg(time.as_secs_f64().to_string());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().context("cannot start python3")?;
        let out = child.stdout.take().context("python3 says nothing")?;
        let mut sniffer = Self {
            child,
            lines: BufReader::new(out),
        };
        let mut line = String::new();
        sniffer.lines.read_line(&mut line)?;
        ensure!(
            line.trim() == "ready",
            "packets on loopback cannot be watched: that needs the administrator"
        );
        Ok(sniffer)
    }

    fn end(&mut self) -> Result<Vec<Packet>> {
        let mut text = String::new();
        self.lines.read_to_string(&mut text)?;
        let packet = |line: &str| {
            let mut numbers = line.split(' ').map(str::parse::<u64>);
            let mut next = || numbers.next()?.ok();
            Some(Packet {
                at_ns: next()?,
                port: u16::try_from(next()?).ok()?,
                source: u32::try_from(next()?).ok()?,
                stamp: u32::try_from(next()?).ok()?,
                bytes: next()?,
            })
        };
        Ok(text.lines().filter_map(packet).collect())
    }
}

impl Drop for Sniffer {
    fn drop(&mut self) {
        // It may have ended by itself, which is what is wanted.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_after_a_pause_is_followed() {
        let ms = |ms: u64| ms * 1_000_000;
        let mut packets = Vec::new();
        let mut seen = Vec::new();
        for picture in 0..5 {
            let taken = 1000 + picture * 400;
            for (late, bytes) in [(20, 1200), (22, 300)] {
                packets.push(Packet {
                    at_ns: ms(taken + late),
                    port: 9,
                    source: 7,
                    stamp: picture as u32 * 36_000,
                    bytes,
                });
            }
            seen.push(Seen {
                at_ns: ms(taken + 50),
                age_ms: 50,
            });
        }
        let found = way(&pictures_only(packets.iter()), &seen).unwrap();
        let expected = Way {
            to_wire: 20.0,
            on_wire: 2.0,
            to_screen: 28.0,
            pictures: 4,
        };
        assert_eq!(found, expected);
        assert_eq!(way(&[], &seen), None);
    }
}

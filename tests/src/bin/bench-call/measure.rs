//! One round: a call to get to know each other, and the call that is measured.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use jasmin_tests::{
    lens::{Lens, lens},
    monotonic_ns, until_within,
};
use jasmin_vcam::Activity;

use crate::{
    figures::{Measured, Pictures, Round, SideFigures, growth},
    load::Sample,
    options::{Options, Who},
    pesq::Pesq,
    say,
    stages::Stages,
    talk::Talk,
    telephone::{Telephone, forget_sizes, sizes},
    watch::Watch,
    wire,
};

/// How long a first picture may take.
const CONNECT: Duration = Duration::from_secs(40);
/// How long the picture may grow before the window begins.
const GROW: Duration = Duration::from_secs(30);
/// After that, until everything has calmed down.
const CALM: Duration = Duration::from_secs(2);

/// Measures one call of two windows that were just opened.
pub(crate) fn round(
    who: Who,
    telephone: &dyn Telephone,
    options: &Options,
    pesq: &Measured<Pesq>,
) -> Result<Round> {
    say("  first call: grants, layout");
    telephone.prepare()?;
    let lenses = both(|side| settled_lens(telephone, side))?;
    telephone.hang_up()?;

    say("  second call: set-up");
    for page in telephone.pages() {
        forget_sizes(page)?;
    }
    let [one, other] = lenses;
    let [caller, callee] = telephone.cameras();
    let watches = [Watch::start(one, callee), Watch::start(other, caller)];
    let accepted_ns = telephone.connect()?;
    let setups = both(|side| first_picture(&watches[side], accepted_ns))?;
    let camera_on_ms = camera_on(telephone, accepted_ns)?;

    let grown = until_within(GROW, "720 lines on both sides", || {
        let full = both(|side| Ok(growth(&sizes(telephone.pages()[side])?).0.is_some()))?;
        Ok((full == [true, true]).then_some(()))
    });
    // That it does not grow is a figure, too.
    let _told = grown;
    thread::sleep(CALM);

    say(&format!("  window of {} s", options.seconds));
    let window = Duration::from_secs(options.seconds);
    let talk = match options.sound {
        true => Some(Talk::listen(telephone, window)?),
        false => None,
    };
    let before = Snapshot::of(telephone)?;
    let end = Instant::now() + window;
    if let Some(talk) = &talk {
        talk.speak(telephone)?;
    }
    thread::sleep(end.saturating_duration_since(Instant::now()));
    let after = Snapshot::of(telephone)?;

    let seen = watches.each_ref().map(Watch::seen);
    let sides = both(|side| {
        let (to_720_ms, sizes) = growth(&sizes(telephone.pages()[side])?);
        Ok(SideFigures {
            setup_ms: setups[side],
            pictures: Pictures::between(&seen[side], before.at_ns, after.at_ns),
            to_720_ms,
            sizes,
            stages: Stages::read(
                after.logs[side]
                    .get(before.logs[side].len()..)
                    .unwrap_or_default(),
            ),
            usage: after.own[side].since(&before.own[side])?,
            around: around(&after.around[side], &before.around[side])?,
        })
    })?;
    let sound = talk.map(|talk| talk.end(telephone, pesq)).transpose()?;
    say("  the way of a picture");
    let ways = wire::follow(telephone, &watches).map_err(|error| format!("{error:#}"));
    for watch in watches {
        watch.end()?;
    }
    let seconds = (after.at_ns - before.at_ns) as f64 / 1e9;
    let bits = after.wire_bytes.saturating_sub(before.wire_bytes) as f64 * 8.0;
    let round = Round {
        who,
        camera_on_ms,
        sides: sides.into(),
        wire_kbps: bits / seconds / 1000.0 / 2.0,
        sound,
        ways,
    };
    telephone.hang_up()?;
    Ok(round)
}

/// Everything at one moment.
struct Snapshot {
    at_ns: u64,
    own: [Sample; 2],
    around: [Sample; 2],
    wire_bytes: u64,
    logs: [String; 2],
}

impl Snapshot {
    fn of(telephone: &dyn Telephone) -> Result<Self> {
        let role = |name: &str, line: &str| telephone.role(name, line);
        let own = both(|side| {
            let sample = Sample::of(&telephone.processes(side), role);
            ensure!(!sample.is_empty(), "the program is gone");
            Ok(sample)
        })?;
        let around = both(|side| {
            let desk = telephone.desks()[side];
            let mut ids = desk.screen().program().processes();
            ids.extend(desk.sound().program().processes());
            Ok(Sample::of(&ids, |name, _| Some(name.to_owned())))
        })?;
        Ok(Self {
            at_ns: monotonic_ns()?,
            own,
            around,
            wire_bytes: loopback_bytes()?,
            logs: [0, 1].map(|side| telephone.log(side)),
        })
    }
}

fn around(after: &Sample, before: &Sample) -> Result<(f64, f64)> {
    let usage = after.since(before)?;
    let of = |name: &str| usage.processes.get(name).copied().unwrap_or_default();
    Ok((of("Xvfb"), of("pulseaudio")))
}

/// Bytes that went through the loopback interface since it is up.
fn loopback_bytes() -> Result<u64> {
    let text = fs::read_to_string("/proc/net/dev")?;
    let line = text
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("lo:"));
    let bytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    bytes.context("the system counts no bytes on loopback")
}

/// A lens on one side's picture, once the barcode in it can be read: the layout may still change.
fn settled_lens(telephone: &dyn Telephone, side: usize) -> Result<Lens> {
    let (desk, page) = (telephone.desks()[side], telephone.pages()[side]);
    let other = telephone.cameras()[1 - side];
    until_within(CONNECT, "the other's picture on the screen", || {
        let mut lens = lens(desk, page, telephone.picture())?;
        for _ in 0..20 {
            if let Some(stamp) = lens.read()? {
                ensure!(
                    u32::from(stamp.camera) == other,
                    "it is of camera {}",
                    stamp.camera
                );
                return Ok(Some(lens));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(None)
    })
}

/// Milliseconds from the press to the callee's camera, in the call that stands.
fn camera_on(telephone: &dyn Telephone, accepted_ns: u64) -> Result<f64> {
    let (desk, number) = (telephone.desks()[1], telephone.cameras()[1]);
    let log = desk.cameras().log()?;
    let starts = log.iter().rev();
    let last = starts
        .filter(|line| line.camera == number)
        .find(|line| line.activity == Activity::Start)
        .context("the callee's camera never began")?;
    Ok((last.at as f64 - accepted_ns as f64) / 1e6)
}

/// Milliseconds from the press to the first picture.
fn first_picture(watch: &Watch, accepted_ns: u64) -> Result<f64> {
    let first = until_within(CONNECT, "the first picture", || {
        let seen = watch.seen();
        Ok(seen.into_iter().find(|seen| seen.at_ns >= accepted_ns))
    })?;
    Ok((first.at_ns - accepted_ns) as f64 / 1e6)
}

/// The same for the caller and the callee.
pub(crate) fn both<T>(mut make: impl FnMut(usize) -> Result<T>) -> Result<[T; 2]> {
    let caller = make(0).context("the caller")?;
    let callee = make(1).context("the callee")?;
    Ok([caller, callee])
}

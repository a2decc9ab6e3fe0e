//! Sound cards, by `cpal`.

use std::fmt;
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, Device, ErrorKind, FromSample, Host, Sample, SampleFormat, SizedSample,
    StreamConfig, StreamInstant, SupportedBufferSize, SupportedStreamConfig,
    SupportedStreamConfigRange,
};

use super::SAMPLE_RATE;
use super::device::{AudioDevice, DeviceProblem, Direction};
use super::faults::{Fault, Faults};
use super::io::{AudioIo, CaptureEnd, OpenDevice, PlaybackEnd};
use crate::platform::sound;

/// How long a sound system may take to open a stream.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a sound system that has crashed may take to come back.
const CRASH_PATIENCE: Duration = Duration::from_secs(15);

/// A latency beyond this is a driver's mistake.
const LONGEST_LATENCY: Duration = Duration::from_secs(1);

/// The computer's sound devices. Cheap to make; connects when first asked.
#[derive(Default)]
pub struct SoundCards {
    host: Option<Connection>,
    /// The host that answered last, by its place in the order of preference, and when.
    answered: Option<(usize, Instant)>,
}

struct Connection {
    place: usize,
    host: Host,
}

impl AudioIo for SoundCards {
    fn devices(&mut self, direction: Direction) -> Result<Vec<AudioDevice>, DeviceProblem> {
        self.ask(|host| {
            let default = default_id(host, direction);
            let mut devices: Vec<AudioDevice> = host
                .devices()?
                .filter(|device| serves(device, direction))
                .filter_map(|device| describe(&device, default.as_deref()))
                .collect();
            devices.sort_by_key(|device| !device.is_default);
            Ok(devices)
        })
    }

    fn open_microphone(
        &mut self,
        id: Option<&str>,
        end: CaptureEnd,
        faults: Faults,
    ) -> Result<OpenDevice, DeviceProblem> {
        let device = self.find(id, Direction::Microphone)?;
        let default = device.default_input_config().map_err(problem)?;
        let ranges = device.supported_input_configs().map_err(problem)?;
        let format = choose(&default, ranges)?;
        let attempt = Capture { end, faults };
        let stream = match format.sample {
            Number::F32 => attempt.open::<f32>(&device, &format),
            Number::I16 => attempt.open::<i16>(&device, &format),
            Number::I32 => attempt.open::<i32>(&device, &format),
            Number::U8 => attempt.open::<u8>(&device, &format),
        }?;
        running(device, stream, format)
    }

    fn open_speaker(
        &mut self,
        id: Option<&str>,
        end: PlaybackEnd,
        faults: Faults,
    ) -> Result<OpenDevice, DeviceProblem> {
        let device = self.find(id, Direction::Speaker)?;
        let default = device.default_output_config().map_err(problem)?;
        let ranges = device.supported_output_configs().map_err(problem)?;
        let format = choose(&default, ranges)?;
        let attempt = Playback { end, faults };
        let stream = match format.sample {
            Number::F32 => attempt.open::<f32>(&device, &format),
            Number::I16 => attempt.open::<i16>(&device, &format),
            Number::I32 => attempt.open::<i32>(&device, &format),
            Number::U8 => attempt.open::<u8>(&device, &format),
        }?;
        running(device, stream, format)
    }
}

impl SoundCards {
    /// Asks the sound system; once more on a new connection when the old one is dead or only
    /// second best.
    fn ask<T>(
        &mut self,
        question: impl Fn(&Host) -> Result<T, cpal::Error>,
    ) -> Result<T, DeviceProblem> {
        if let Some(connection) = self.host.take_if(|connection| connection.place > 0) {
            self.host = self.connect().ok().or(Some(connection));
        }
        if let Some(connection) = &self.host {
            match question(&connection.host) {
                Ok(answer) => {
                    self.answered = Some((connection.place, Instant::now()));
                    return Ok(answer);
                }
                Err(error) => tracing::debug!(%error, "asking the sound system anew"),
            }
        }
        self.host = None;
        let connection = self.connect()?;
        let answer = question(&connection.host).map_err(problem)?;
        self.answered = Some((connection.place, Instant::now()));
        self.host = Some(connection);
        Ok(answer)
    }

    /// Connects to the best host that answers. A host that has just crashed is waited for: the
    /// next one would take the sound card from it.
    fn connect(&self) -> Result<Connection, DeviceProblem> {
        let waits_for = self
            .answered
            .filter(|(_, at)| at.elapsed() < CRASH_PATIENCE);
        let mut last = DeviceProblem::NoSoundSystem;
        for (place, id) in sound::HOSTS.iter().enumerate() {
            if waits_for.is_some_and(|(before, _)| place > before) {
                break;
            }
            match cpal::host_from_id(*id) {
                Ok(host) => return Ok(Connection { place, host }),
                Err(error) => {
                    tracing::debug!(host = %id, %error, "sound system does not answer");
                    last = problem(error);
                }
            }
        }
        Err(last)
    }

    fn find(&mut self, id: Option<&str>, direction: Direction) -> Result<Device, DeviceProblem> {
        let found = self.ask(|host| {
            let Some(id) = id else {
                return Ok(default_device(host, direction));
            };
            let is_it = |device: &Device| device.id().is_ok_and(|its| its.to_string() == id);
            let serving = |device: &Device| serves(device, direction);
            Ok(host
                .devices()?
                .find(|device| is_it(device) && serving(device)))
        })?;
        found.ok_or(DeviceProblem::Missing)
    }
}

fn default_device(host: &Host, direction: Direction) -> Option<Device> {
    let device = match direction {
        Direction::Microphone => host.default_input_device(),
        Direction::Speaker => host.default_output_device(),
    };
    device.filter(|device| serves(device, direction))
}

fn default_id(host: &Host, direction: Direction) -> Option<String> {
    Some(default_device(host, direction)?.id().ok()?.to_string())
}

fn serves(device: &Device, direction: Direction) -> bool {
    let Ok(id) = device.id() else {
        return false;
    };
    match direction {
        Direction::Microphone => sound::is_microphone(&id) && device.supports_input(),
        Direction::Speaker => sound::is_speaker(&id) && device.supports_output(),
    }
}

fn describe(device: &Device, default: Option<&str>) -> Option<AudioDevice> {
    let id = device.id().ok()?.to_string();
    let name = match device.description() {
        Ok(description) => description.name().to_owned(),
        Err(_) => id.clone(),
    };
    let is_default = default == Some(id.as_str());
    Some(AudioDevice {
        id,
        name,
        is_default,
    })
}

/// The format a stream is opened with.
#[derive(Debug, Clone, Copy)]
struct Format {
    config: StreamConfig,
    sample: Number,
}

/// The kinds of samples that are spoken here, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Number {
    F32,
    I16,
    I32,
    U8,
}

impl Number {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of cpal's many formats, those that real devices offer"
    )]
    fn of(format: SampleFormat) -> Option<Self> {
        match format {
            SampleFormat::F32 => Some(Self::F32),
            SampleFormat::I16 => Some(Self::I16),
            SampleFormat::I32 => Some(Self::I32),
            SampleFormat::U8 => Some(Self::U8),
            _ => None,
        }
    }
}

/// 48 kHz floats in the device's own channels where it can, and callbacks of 10 ms or as near as
/// it goes.
fn choose(
    default: &SupportedStreamConfig,
    ranges: impl Iterator<Item = SupportedStreamConfigRange>,
) -> Result<Format, DeviceProblem> {
    let best = ranges
        .filter(|range| range.channels() == default.channels())
        .filter_map(|range| range.try_with_sample_rate(SAMPLE_RATE))
        .filter(|config| Number::of(config.sample_format()).is_some())
        .min_by_key(|config| Number::of(config.sample_format()));
    let chosen = best.unwrap_or(*default);
    let format = chosen.sample_format();
    let sample =
        Number::of(format).ok_or_else(|| DeviceProblem::Unsupported(format.to_string()))?;
    let ten_ms = chosen.sample_rate() / 100;
    let frames = match chosen.buffer_size() {
        SupportedBufferSize::Range { min, max } => ten_ms.clamp(*min, (*max).max(*min)),
        SupportedBufferSize::Unknown => ten_ms,
    };
    Ok(Format {
        config: StreamConfig {
            buffer_size: BufferSize::Fixed(frames),
            ..chosen.config()
        },
        sample,
    })
}

struct Capture {
    end: CaptureEnd,
    faults: Faults,
}

impl Capture {
    fn open<T>(self, device: &Device, format: &Format) -> Result<cpal::Stream, DeviceProblem>
    where
        T: SizedSample,
        f32: FromSample<T>,
    {
        let Self { mut end, faults } = self;
        let channels = usize::from(format.config.channels).max(1);
        let share = 1.0 / channels as f32;
        let stream = device.build_input_stream::<T, _, _>(
            format.config,
            move |samples, info| {
                let times = info.timestamp();
                let latency = latency(times.capture, times.callback);
                let now = Instant::now();
                let heard_at = now.checked_sub(latency).unwrap_or(now);
                let mono = samples.chunks_exact(channels).map(|frame| {
                    let sum: f32 = frame.iter().map(|s| f32::from_sample(*s)).sum();
                    sum * share
                });
                end.push(mono, heard_at);
            },
            move |error| faults.report(fault(&error)),
            Some(PATIENCE),
        );
        stream.map_err(problem)
    }
}

struct Playback {
    end: PlaybackEnd,
    faults: Faults,
}

impl Playback {
    fn open<T>(self, device: &Device, format: &Format) -> Result<cpal::Stream, DeviceProblem>
    where
        T: SizedSample + FromSample<f32>,
    {
        let Self { mut end, faults } = self;
        let channels = usize::from(format.config.channels).max(1);
        let stream = device.build_output_stream::<T, _, _>(
            format.config,
            move |samples, info| {
                let times = info.timestamp();
                let sounds_at = Instant::now() + latency(times.callback, times.playback);
                samples.fill(T::EQUILIBRIUM);
                let frames = samples.len() / channels;
                end.fill(frames, sounds_at, |frame, sample| {
                    let sample = T::from_sample(sample);
                    // The front pair; surround speakers stay silent.
                    let first = frame * channels;
                    for out in &mut samples[first..first + channels.min(2)] {
                        *out = sample;
                    }
                });
            },
            move |error| faults.report(fault(&error)),
            Some(PATIENCE),
        );
        stream.map_err(problem)
    }
}

fn latency(earlier: StreamInstant, later: StreamInstant) -> Duration {
    later
        .saturating_duration_since(earlier)
        .min(LONGEST_LATENCY)
}

fn running(
    device: Device,
    stream: cpal::Stream,
    format: Format,
) -> Result<OpenDevice, DeviceProblem> {
    let described = describe(&device, None).ok_or(DeviceProblem::Gone)?;
    if let Err(error) = stream.play() {
        let problem = problem(error);
        // Not here: dropping may hang.
        std::thread::spawn(move || drop(stream));
        return Err(problem);
    }
    tracing::debug!(rate = format.config.sample_rate, buffer = ?format.config.buffer_size, "open");
    Ok(OpenDevice {
        device: described,
        rate: format.config.sample_rate,
        stream: Box::new(stream),
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "cpal may add kinds; what is not known to be something else is a failure"
)]
fn problem(error: cpal::Error) -> DeviceProblem {
    match error.kind() {
        ErrorKind::DeviceBusy => DeviceProblem::Busy,
        ErrorKind::DeviceNotAvailable => DeviceProblem::Gone,
        ErrorKind::HostUnavailable | ErrorKind::StreamInvalidated => DeviceProblem::NoSoundSystem,
        ErrorKind::PermissionDenied => DeviceProblem::NotAllowed,
        ErrorKind::UnsupportedConfig => DeviceProblem::Unsupported(error.to_string()),
        _ => DeviceProblem::Failed(error.to_string()),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "cpal may add kinds; single ones pass, storms count as broken"
)]
fn fault(error: &cpal::Error) -> Fault {
    match error.kind() {
        ErrorKind::DeviceNotAvailable => Fault::Gone,
        ErrorKind::StreamInvalidated | ErrorKind::HostUnavailable => Fault::Broken,
        ErrorKind::DeviceChanged => Fault::Rerouted,
        _ => Fault::Glitch,
    }
}

impl fmt::Debug for SoundCards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoundCards")
            .field("is_connected", &self.host.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(
        channels: u16,
        rates: std::ops::RangeInclusive<u32>,
        buffer: SupportedBufferSize,
        format: SampleFormat,
    ) -> SupportedStreamConfigRange {
        SupportedStreamConfigRange::new(channels, *rates.start(), *rates.end(), buffer, format)
    }

    #[test]
    fn our_rate_and_floats_are_preferred() {
        let small = SupportedBufferSize::Range { min: 1, max: 9_999 };
        let default = SupportedStreamConfig::new(2, 44_100, small, SampleFormat::I16);
        let ranges = [
            range(1, 8_000..=192_000, small, SampleFormat::F32),
            range(2, 8_000..=192_000, small, SampleFormat::I16),
            range(2, 8_000..=192_000, small, SampleFormat::F32),
        ];
        let format = choose(&default, ranges.into_iter()).unwrap();
        assert_eq!(format.sample, Number::F32);
        assert_eq!(format.config.channels, 2);
        assert_eq!(format.config.sample_rate, 48_000);
        assert_eq!(format.config.buffer_size, BufferSize::Fixed(480));
    }

    #[test]
    fn a_stubborn_device_is_taken_as_it_is() {
        let large = SupportedBufferSize::Range {
            min: 1_024,
            max: 4_096,
        };
        let default = SupportedStreamConfig::new(1, 44_100, large, SampleFormat::I32);
        let ranges = [range(1, 44_100..=44_100, large, SampleFormat::I32)];
        let format = choose(&default, ranges.into_iter()).unwrap();
        assert_eq!(format.sample, Number::I32);
        assert_eq!(format.config.sample_rate, 44_100);
        assert_eq!(format.config.buffer_size, BufferSize::Fixed(1_024));
    }

    #[test]
    fn a_format_nobody_speaks_is_said_to_be_so() {
        let any = SupportedBufferSize::Unknown;
        let default = SupportedStreamConfig::new(1, 48_000, any, SampleFormat::DsdU8);
        let problem = choose(&default, std::iter::empty()).unwrap_err();
        assert!(
            matches!(problem, DeviceProblem::Unsupported(_)),
            "{problem}"
        );
    }
}

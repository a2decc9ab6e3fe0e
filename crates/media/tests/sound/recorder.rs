//! Hears what passes through a virtual device, and when.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};

/// Records a monitor source from its start on.
pub(super) struct Recorder {
    heard: Arc<Mutex<Heard>>,
    _stream: cpal::Stream,
}

#[derive(Default)]
struct Heard {
    samples: Vec<f32>,
    /// For each callback, when the very first sample was heard if none were lost since.
    starts: Vec<Instant>,
}

impl Recorder {
    pub(super) fn start(source: &str) -> Self {
        let host = cpal::host_from_id(cpal::HostId::PulseAudio).unwrap();
        let is_it = |device: &cpal::Device| device.id().is_ok_and(|id| id.id() == source);
        let device = host.devices().unwrap().find(is_it).expect(source);
        let heard = Arc::new(Mutex::new(Heard::default()));
        let writer = heard.clone();
        let config = cpal::StreamConfig {
            channels: 1,
            sample_rate: 48_000,
            buffer_size: cpal::BufferSize::Fixed(2_400),
        };
        let stream = device
            .build_input_stream::<f32, _, _>(
                config,
                move |samples, info| {
                    let times = info.timestamp();
                    let latency = times.callback.saturating_duration_since(times.capture);
                    let mut heard = writer.lock().unwrap();
                    let before = Duration::from_micros(heard.samples.len() as u64 * 1000 / 48);
                    heard.starts.push(Instant::now() - latency - before);
                    heard.samples.extend_from_slice(samples);
                },
                |_| {},
                None,
            )
            .unwrap();
        stream.play().unwrap();
        Self {
            heard,
            _stream: stream,
        }
    }

    pub(super) fn seconds(&self) -> f32 {
        self.heard.lock().unwrap().samples.len() as f32 / 48_000.0
    }

    /// What was heard, and when its first sample was.
    pub(super) fn finish(&self) -> (Instant, Vec<f32>) {
        let mut heard = self.heard.lock().unwrap();
        let middle = heard.starts.len() / 2;
        let (_, start, _) = heard.starts.select_nth_unstable(middle);
        (*start, heard.samples.clone())
    }
}

//! The device check's clip: six seconds of what another person would see and hear, recorded for
//! oneself. The sound goes through the same cleaning and coding as in a call.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread,
    time::Instant,
};

use jasmin_media::{
    audio::decoder::decode_clip,
    clip::{CLIP_LENGTH, Clip, ClipRecorder},
    frame::VideoFrame,
};

/// Pictures that wait for the recorder.
const PICTURES: usize = 4;

/// A finished recording.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) clip: Clip,
    /// The same sound as in the clip, −1 to 1.
    pub(crate) sound: Arc<[f32]>,
}

/// Where the recorder gets its pictures and sound from while it records.
#[derive(Default)]
pub(super) struct ClipTap {
    pictures: Mutex<Option<SyncSender<VideoFrame>>>,
    packets: Mutex<Option<Vec<Vec<u8>>>>,
}

impl ClipTap {
    pub(super) fn picture(&self, frame: &VideoFrame) {
        let pictures = self.pictures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pictures) = &*pictures
            && pictures.try_send(frame.clone()).is_err()
        {
            tracing::trace!("the clip's recorder is behind");
        }
    }

    pub(super) fn packet(&self, data: &[u8]) {
        let mut packets = self.packets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(packets) = &mut *packets {
            packets.push(data.to_vec());
        }
    }

    /// Records for six seconds on a thread of its own, then calls `done`.
    pub(super) fn record(
        self: &Arc<Self>,
        done: impl FnOnce(Result<Recorded, String>) + Send + 'static,
    ) -> std::io::Result<()> {
        let (sender, pictures) = mpsc::sync_channel(PICTURES);
        *self.pictures.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        *self.packets.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
        let tap = Arc::clone(self);
        thread::Builder::new()
            .name("clip".to_owned())
            .spawn(move || done(tap.run(&pictures)))?;
        Ok(())
    }

    /// Ends a recording that nobody waits for any more.
    pub(super) fn stop(&self) {
        *self.pictures.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.packets.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn run(&self, pictures: &Receiver<VideoFrame>) -> Result<Recorded, String> {
        let started = Instant::now();
        let end = started + CLIP_LENGTH;
        let mut recorder = ClipRecorder::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match pictures.recv_timeout(left) {
                Ok(frame) => recorder
                    .push_picture(&frame)
                    .map_err(|error| error.to_string())?,
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return Err("it was given up".to_owned()),
            }
        }
        let packets = self
            .packets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.stop();
        let packets = packets.ok_or("it was given up")?;
        let sound = decode_clip(packets.iter().map(Vec::as_slice)).map_err(|e| e.to_string())?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "clamped to the range of i16"
        )]
        let samples: Vec<i16> = sound
            .iter()
            .map(|sample| (sample.clamp(-1.0, 1.0) * 32_767.0) as i16)
            .collect();
        recorder.push_samples(&samples, started);
        Ok(Recorded {
            clip: recorder.finish(),
            sound: sound.into(),
        })
    }
}

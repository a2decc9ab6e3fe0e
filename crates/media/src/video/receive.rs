//! Encoded pictures waiting for the page.

mod freeze;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use self::freeze::FreezeWatch;
use crate::frame::{Picture, PictureFormat};
use crate::vp8::FrameHeader;

/// More frames than this are never kept.
const MOST_FRAMES: usize = 15;
/// Frames older than this mean that nobody looks.
const MOST_AGE: Duration = Duration::from_millis(500);
/// Time between two requests for the same missing keyframe.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// A page that has not pulled for this long is not looking, so no keyframe is asked for.
const LOOKING: Duration = Duration::from_secs(2);
/// How far sound may lag behind the picture before the picture waits for it. People notice from
/// about 125 ms on (ITU-R BT.1359).
const LAG_ALLOWED: Duration = Duration::from_millis(80);
/// A picture never waits longer than this, whatever the clocks say.
const MOST_HOLD: Duration = Duration::from_millis(400);

/// Media time that jumps back this far belongs to a new stream.
const NEW_STREAM: Duration = Duration::from_secs(3);
/// Distance between the last picture of one stream and the first of the next.
const ONE_FRAME: Duration = Duration::from_millis(33);

/// A complete frame from the network, in the order of the stream.
#[derive(Debug, Clone)]
pub struct ArrivedFrame {
    pub data: Vec<u8>,
    /// Whether nothing is missing between the frame before and this one.
    pub contiguous: bool,
    /// Media time: the unwrapped RTP time of the stream.
    pub media_time: Duration,
    /// When it was captured, on the sender's clock (NTP time of its sender reports), if known.
    pub sender_time: Option<Duration>,
}

/// One moment of the sound: what was recorded at `sender_time` is heard at `heard_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioAnchor {
    /// On the sender's clock, as in [`ArrivedFrame::sender_time`].
    pub sender_time: Duration,
    pub heard_at: Instant,
}

/// How the receiving of video goes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ReceiveStats {
    /// Frames that came from the network.
    pub arrived: u64,
    /// Frames handed to the page.
    pub delivered: u64,
    /// Frames thrown away: damaged, waiting for a keyframe, or nobody looked.
    pub dropped: u64,
    /// Times that the queue was emptied because nobody looked.
    pub overflows: u64,
    pub keyframe_requests: u64,
    /// Pictures a second, over the last two seconds.
    pub fps: f32,
    /// Pauses longer than three mean intervals and 150 ms.
    pub freezes: u64,
    /// Sum of those pauses.
    pub frozen: Duration,
    /// Time since the last picture.
    pub still_for: Duration,
    /// How long the last picture waited for its sound.
    pub held: Duration,
    pub width: u32,
    pub height: u32,
}

/// A bounded queue of VP8 frames between the network and the page.
///
/// Pure: the clock is an argument. When the page does not keep up the queue is emptied, and filled
/// again from the next keyframe on, so that memory stays flat and the picture comes back fresh.
#[derive(Debug, Default)]
pub struct PictureQueue {
    waiting: VecDeque<Waiting>,
    /// The stream cannot go on without a keyframe.
    needs_keyframe: bool,
    started: bool,
    first_media_time: Option<Duration>,
    last_media_time: Option<Duration>,
    /// Time shown before the stream's clock started over.
    base: Duration,
    sequence: u32,
    size: (u32, u32),
    anchor: Option<AudioAnchor>,
    last_due: Option<Instant>,
    last_pull: Option<Instant>,
    last_request: Option<Instant>,
    watch: FreezeWatch,
    stats: ReceiveStats,
}

#[derive(Debug)]
struct Waiting {
    picture: Picture,
    sender_time: Option<Duration>,
    arrived: Instant,
}

impl PictureQueue {
    /// Returns an empty queue that waits for the first keyframe.
    #[must_use]
    pub fn new() -> Self {
        Self {
            needs_keyframe: true,
            ..Self::default()
        }
    }

    /// Takes a frame from the network. Bytes that are no VP8 frame count as a gap.
    pub fn push(&mut self, frame: ArrivedFrame, now: Instant) {
        self.stats.arrived += 1;
        let sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        let mut contiguous = frame.contiguous;
        if let Some(last) = self
            .last_media_time
            .filter(|&last| frame.media_time <= last)
        {
            if last - frame.media_time < NEW_STREAM {
                // Shown, or given up on, already.
                self.stats.dropped += 1;
                return;
            }
            self.base += last.saturating_sub(self.first_media_time.unwrap_or(last)) + ONE_FRAME;
            self.first_media_time = Some(frame.media_time);
            contiguous = false;
        }
        self.last_media_time = Some(frame.media_time);
        let Ok(header) = FrameHeader::parse(&frame.data) else {
            self.stats.dropped += 1;
            self.needs_keyframe = true;
            return;
        };
        let keyframe = header.is_keyframe();
        if let Some(size) = header.size {
            self.size = size;
        }
        if !contiguous {
            self.needs_keyframe = true;
        }
        if keyframe {
            self.needs_keyframe = false;
            self.started = true;
            self.last_request = None;
        }
        if self.is_full(now) {
            self.stats.overflows += 1;
            self.stats.dropped += self.waiting.len() as u64;
            self.waiting.clear();
            self.watch.pause();
            self.needs_keyframe = !keyframe;
        }
        if self.needs_keyframe {
            self.stats.dropped += 1;
            return;
        }
        let first = *self.first_media_time.get_or_insert(frame.media_time);
        let time = self.base + frame.media_time.saturating_sub(first);
        self.waiting.push_back(Waiting {
            picture: Picture {
                format: PictureFormat::Vp8,
                keyframe,
                width: self.size.0,
                height: self.size.1,
                sequence,
                time_us: u64::try_from(time.as_micros()).unwrap_or(u64::MAX),
                data: frame.data,
            },
            sender_time: frame.sender_time,
            arrived: now,
        });
    }

    /// Returns the pictures that are due, oldest first.
    pub fn pull(&mut self, now: Instant) -> Vec<Picture> {
        self.last_pull = Some(now);
        let mut due = Vec::new();
        while let Some(front) = self.waiting.front() {
            let at = self.due(front);
            if at > now {
                break;
            }
            let Some(front) = self.waiting.pop_front() else {
                break;
            };
            self.last_due = Some(at);
            self.stats.held = now.saturating_duration_since(front.arrived);
            due.push(front.picture);
        }
        if !due.is_empty() {
            self.stats.delivered += due.len() as u64;
            // Pictures that leave together are seen as one.
            self.watch.shown(now, due.len());
        }
        due
    }

    /// Returns when the next picture is due, which may be in the past.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.waiting.front().map(|front| self.due(front))
    }

    /// Tells whether the sender should be asked for a keyframe now; asks again after a second.
    ///
    /// Nothing is asked for while the page does not pull.
    pub fn poll_keyframe_request(&mut self, now: Instant) -> bool {
        let looking = self
            .last_pull
            .is_some_and(|pull| now.saturating_duration_since(pull) <= LOOKING);
        let asked = self
            .last_request
            .is_some_and(|request| now.saturating_duration_since(request) < ASK_AGAIN);
        // The first keyframe comes by itself.
        if !self.needs_keyframe || !looking || asked || self.stats.arrived == 0 {
            return false;
        }
        self.last_request = Some(now);
        self.stats.keyframe_requests += 1;
        true
    }

    /// Starts over from a keyframe, as when the page's decoder begins or has failed: from the newest
    /// one that waits here, or else from the next that comes.
    pub fn restart(&mut self) {
        let keyframe = self
            .waiting
            .iter()
            .rposition(|waiting| waiting.picture.keyframe);
        let passed = keyframe.unwrap_or(self.waiting.len());
        self.stats.dropped += passed as u64;
        self.waiting.drain(..passed);
        self.needs_keyframe |= keyframe.is_none();
    }

    /// Sets where the sound is, so that pictures are not seen long before they are heard.
    ///
    /// `None`: pictures are due as they arrive.
    pub fn set_audio_offset(&mut self, anchor: Option<AudioAnchor>) {
        self.anchor = anchor;
    }

    /// How far the sound is behind the picture that waits in front, in milliseconds; negative when
    /// the sound is early, which only the sound can mend.
    #[must_use]
    pub fn audio_lag_ms(&self) -> Option<i64> {
        let front = self.waiting.front()?;
        let heard = self.heard_at(front.sender_time?)?;
        let signed = |d: Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
        Some(match heard.checked_duration_since(front.arrived) {
            Some(lag) => signed(lag),
            None => -signed(front.arrived.saturating_duration_since(heard)),
        })
    }

    /// Returns how it went so far.
    #[must_use]
    pub fn stats(&self, now: Instant) -> ReceiveStats {
        ReceiveStats {
            fps: self.watch.fps(now),
            freezes: self.watch.freezes(),
            frozen: self.watch.frozen(),
            still_for: self.watch.still_for(now),
            width: self.size.0,
            height: self.size.1,
            ..self.stats
        }
    }

    fn is_full(&self, now: Instant) -> bool {
        let old = self
            .waiting
            .front()
            .is_some_and(|front| now.saturating_duration_since(front.arrived) > MOST_AGE);
        old || self.waiting.len() >= MOST_FRAMES
    }

    fn due(&self, waiting: &Waiting) -> Instant {
        let synced = waiting
            .sender_time
            .and_then(|time| self.heard_at(time))
            .and_then(|heard| heard.checked_sub(LAG_ALLOWED));
        let due = synced.map_or(waiting.arrived, |due| {
            due.clamp(waiting.arrived, waiting.arrived + MOST_HOLD)
        });
        // A moved anchor must not change the order.
        self.last_due.map_or(due, |last| due.max(last))
    }

    fn heard_at(&self, sender_time: Duration) -> Option<Instant> {
        let anchor = self.anchor?;
        if let Some(later) = sender_time.checked_sub(anchor.sender_time) {
            anchor.heard_at.checked_add(later)
        } else {
            anchor
                .heard_at
                .checked_sub(anchor.sender_time.saturating_sub(sender_time))
        }
    }
}

#[cfg(test)]
mod tests;

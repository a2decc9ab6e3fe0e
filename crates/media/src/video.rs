//! Video between the camera and the network, and between the network and the page.

mod decode;
mod ladder;
mod mailbox;
mod paint;
mod preview;
mod receive;
mod scale;
mod send;

pub use self::decode::VideoDecode;
pub use self::ladder::{Ladder, Rung};
pub use self::paint::{Area, MOST_CROP, Painter, Pixels, place};
pub use self::preview::Preview;
pub use self::receive::{ArrivedFrame, AudioAnchor, PictureQueue, ReceiveStats};
pub use self::scale::{Scaler, fit};
pub use self::send::{SendStats, VideoSend};
use crate::frame::{I420, PictureError};

/// Why video could not be encoded or decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VideoError {
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error("not a VP8 frame: {0}")]
    Malformed(&'static str),
    #[error("decoding can only start at a keyframe")]
    NeedsKeyframe,
    #[error("the video codec failed: {0}")]
    Codec(String),
    #[error("a video thread could not be started")]
    Thread,
}

/// What an encoder made of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedPicture {
    pub data: Vec<u8>,
    pub keyframe: bool,
}

/// Turns pictures into frames for the network.
pub trait VideoEncoder: Send {
    /// Encodes one picture taken at `time`, counted from any fixed point.
    ///
    /// `None` means that the rate control left the picture out. A picture of another size than the
    /// one before starts a new stream with a keyframe.
    ///
    /// # Errors
    /// When the picture is inconsistent or the codec refuses it.
    fn encode(
        &mut self,
        picture: &I420,
        time: std::time::Duration,
        keyframe: bool,
    ) -> Result<Option<EncodedPicture>, VideoError>;

    /// Changes the target without a restart.
    ///
    /// # Errors
    /// When the codec refuses the rate.
    fn set_bitrate(&mut self, bits_per_second: u32) -> Result<(), VideoError>;

    /// Tells how many pictures a second will come, for the rate control.
    fn set_frame_rate(&mut self, fps: u32);
}

/// Turns frames from the network into pictures.
pub trait VideoDecoder: Send {
    /// Decodes one frame into `picture`, whose buffer is used again.
    ///
    /// `false` means that the frame shows nothing.
    ///
    /// # Errors
    /// When the bytes are no frame, or one that needs others before it.
    fn decode(&mut self, data: &[u8], picture: &mut I420) -> Result<bool, VideoError>;
}

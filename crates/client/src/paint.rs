//! Pictures that the window paints itself, over the page: where the page has kept room for them.
//!
//! Where no web view stands between a decoded picture and the screen, a picture costs a tenth. It is
//! an offer: a window that cannot do this says so, and the page draws, as it pulls.

pub use jasmin_media::{
    frame::VideoFrame,
    stages::{Stage, StageClock},
    video::{Area, MOST_CROP, Painter, Pixels, VideoError, place},
};
use serde::{Deserialize, Serialize};

use crate::frames::Stream;

/// Room for one stream's pictures, in pixels of the screen from the corner of the page, as they would
/// be without a zoom of the web view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Pane {
    /// Whose pictures.
    pub stream: Stream,
    /// The tile.
    pub tile: Round,
    /// Fill the tile at any price; else no more than a fifth of a picture is cut off for it.
    pub filling: bool,
    /// As in a mirror.
    pub mirrored: bool,
    /// What the page shows above the pictures: they keep clear of it.
    pub holes: Vec<Round>,
}

/// A rectangle with round corners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Round {
    /// From the left.
    pub x: i32,
    /// From the top.
    pub y: i32,
    /// Across.
    pub width: u32,
    /// Down.
    pub height: u32,
    /// Of the corners.
    pub radius: u32,
}

/// What the page wants to be covered with pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Cover {
    /// The page can be seen; pictures of a hidden one are not even decoded.
    pub visible: bool,
    /// At most one for each stream; oneself lies above the other side.
    pub panes: Vec<Pane>,
}

/// Tells the page that pictures of another size came to a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PaneSize {
    /// Whose pictures.
    pub stream: Stream,
    /// As they came, in pixels.
    pub width: u32,
    /// As they came, in pixels.
    pub height: u32,
}

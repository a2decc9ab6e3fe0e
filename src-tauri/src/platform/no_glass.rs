//! Where the page draws all pictures.

use jasmin_client::{
    Stream,
    paint::{Pane, VideoFrame},
};
use tauri::WebviewWindow;

/// There is none: the web views of this system draw with the graphics card.
#[derive(Debug)]
pub(crate) enum Glass {}

impl Glass {
    pub(crate) fn over(_window: &WebviewWindow) -> Option<Self> {
        None
    }

    pub(crate) fn is_whole(&self) -> bool {
        match *self {}
    }

    pub(crate) fn lay(&self, _window: &WebviewWindow, _panes: Vec<Pane>) {
        match *self {}
    }

    pub(crate) fn show(&self, _stream: Stream, _frame: Option<VideoFrame>) {
        match *self {}
    }
}

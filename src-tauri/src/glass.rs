//! Pictures over the page, where the window system lets the application paint them itself.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jasmin_client::{
    Controller, Stream,
    paint::{Cover, Pane, PaneSize, VideoFrame},
};
use tauri::{AppHandle, Emitter, Manager, WebviewWindow, async_runtime::JoinHandle};

use crate::{platform::Glass, window};

/// The event that tells the page a [`PaneSize`].
const EVENT: &str = "pane-size";

/// What lies over the window's page.
#[derive(Debug, Default)]
pub(crate) struct Covering(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Known once the page has asked.
    glass: Option<Option<Arc<Glass>>>,
    painters: Vec<JoinHandle<()>>,
    sizes: Arc<Mutex<Sizes>>,
}

/// What the page was told, of the streams that it has panes for.
type Sizes = Vec<(Stream, Option<(u32, u32)>)>;

impl Covering {
    /// Covers what the page wants covered, and tells whether that is done here at all: if not, the
    /// page draws. On the main thread.
    pub(crate) fn lay(
        &self,
        window: &WebviewWindow,
        controller: &Controller,
        cover: Cover,
    ) -> bool {
        let mut inner = self.lock();
        let glass = inner
            .glass
            .get_or_insert_with(|| Glass::over(window).map(Arc::new))
            .clone();
        let Some(glass) = glass.filter(|glass| glass.is_whole()) else {
            inner.stop();
            return false;
        };
        inner.keep_sizes(&cover.panes);
        glass.lay(window, cover.panes);
        if !cover.visible {
            inner.stop();
        } else if inner.painters.is_empty() {
            let painter = |stream| {
                let sizes = Arc::clone(&inner.sizes);
                paint(controller, &glass, stream, sizes, window.app_handle())
            };
            inner.painters = [Stream::Remote, Stream::Own].map(painter).into();
        }
        true
    }

    /// Takes everything away: there is another page.
    pub(crate) fn clear(&self, window: &WebviewWindow) {
        let mut inner = self.lock();
        inner.stop();
        if let Some(Some(glass)) = &inner.glass {
            glass.lay(window, Vec::new());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.0)
    }
}

impl Inner {
    /// A pane that is new has been told nothing.
    fn keep_sizes(&mut self, panes: &[Pane]) {
        let mut sizes = lock(&self.sizes);
        let told = |stream| {
            let known = sizes.iter().find(|(known, _)| *known == stream);
            known.and_then(|(_, size)| *size)
        };
        *sizes = panes
            .iter()
            .map(|pane| (pane.stream, told(pane.stream)))
            .collect();
    }

    fn stop(&mut self) {
        for painter in mem::take(&mut self.painters) {
            painter.abort();
        }
    }
}

/// Brings a stream's pictures to the glass until it is aborted.
fn paint(
    controller: &Controller,
    glass: &Arc<Glass>,
    stream: Stream,
    sizes: Arc<Mutex<Sizes>>,
    app: &AppHandle,
) -> JoinHandle<()> {
    let (controller, glass, app) = (controller.clone(), Arc::clone(glass), app.clone());
    tauri::async_runtime::spawn(async move {
        let show = |frame: Option<VideoFrame>| {
            let size = frame
                .as_ref()
                .map(|frame| (frame.picture.width, frame.picture.height));
            glass.show(stream, frame);
            let Some(size) = size else {
                return;
            };
            let is_news = lock(&sizes)
                .iter_mut()
                .find(|(known, _)| *known == stream)
                .is_some_and(|(_, told)| told.replace(size) != Some(size));
            if is_news {
                tell(&app, stream, size);
            }
        };
        controller.paint(stream, show).await;
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tell(app: &AppHandle, stream: Stream, (width, height): (u32, u32)) {
    let size = PaneSize {
        stream,
        width,
        height,
    };
    if let Err(error) = app.emit_to(window::LABEL, EVENT, size) {
        tracing::warn!(%error, "the page cannot be told of a picture's size");
    }
}

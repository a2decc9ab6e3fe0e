//! Pictures painted over the page, on X11: a window of its own for each pane, a child of the
//! application's, filled from shared memory by a thread with a connection of its own. The web view
//! has no part in it.
//!
//! The windows have no ears: their input shape is empty, so that every press and every movement goes
//! to the page below. What the page shows above a picture is cut out of their bounding shape.

use std::{
    collections::BTreeMap,
    fs::File,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use jasmin_client::{
    Stream,
    paint::{Area, MOST_CROP, Painter, Pane, Pixels, Round, Stage, StageClock, VideoFrame, place},
};
use memmap2::MmapMut;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use tauri::WebviewWindow;
use x11rb::{
    COPY_DEPTH_FROM_PARENT, COPY_FROM_PARENT,
    connection::Connection as _,
    protocol::{
        Event,
        shape::{self, ConnectionExt as _},
        shm::ConnectionExt as _,
        xproto::{
            ClipOrdering, ConfigureWindowAux, ConnectionExt as _, CreateGCAux, CreateWindowAux,
            EventMask, Gcontext, ImageFormat, ImageOrder, Rectangle, StackMode, Window,
            WindowClass,
        },
    },
    rust_connection::RustConnection,
    wrapper::ConnectionExt as _,
};

use super::region;

/// A picture that stands still is looked after this often: another window may have covered it.
const LOOK_AFTER: Duration = Duration::from_millis(250);
/// A small picture of oneself is a mirror and no film: fewer pixels than this,
const SMALL: u32 = 120_000;
/// and no sooner than this after the one before.
const SMALL_REST: Duration = Duration::from_millis(60);
/// A page says each second what it wants covered. One that has fallen silent is not painted over any
/// longer: nobody would take the pictures away.
const PAGE_PATIENCE: Duration = Duration::from_secs(5);

/// The pictures over one window's page.
#[derive(Debug)]
pub(crate) struct Glass {
    desk: Arc<Desk>,
}

/// What waits for the thread.
#[derive(Debug, Default)]
struct Desk {
    waiting: Mutex<Waiting>,
    news: Condvar,
    broken: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    panes: Option<Vec<Pane>>,
    /// The newest of each stream; what was not painted in time is left out.
    frames: BTreeMap<u8, Option<VideoFrame>>,
    ended: bool,
}

/// Says so when the thread has ended, however it did.
struct Breaks(Arc<Desk>);

impl Drop for Breaks {
    fn drop(&mut self) {
        self.0.broken.store(true, Ordering::Relaxed);
    }
}

impl Glass {
    /// Lays glass over a window. `None` where the page has to draw: on Wayland, on a screen of
    /// another computer, or with a frame of the window's own drawing around the page.
    pub(crate) fn over(window: &WebviewWindow) -> Option<Self> {
        match Self::try_over(window) {
            Ok(glass) => Some(glass),
            Err(reason) => {
                tracing::info!("pictures are drawn by the page: {reason:#}");
                None
            }
        }
    }

    fn try_over(window: &WebviewWindow) -> Result<Self> {
        let below = super::x11_window(window).context("this is not X11")?;
        let pen = Pen::new(below)?;
        let desk = Arc::<Desk>::default();
        let its = Arc::clone(&desk);
        thread::Builder::new()
            .name("glass".to_owned())
            .spawn(move || {
                let breaks = Breaks(its);
                if let Err(error) = run(pen, &breaks.0) {
                    tracing::warn!("pictures are drawn by the page from now on: {error:#}");
                }
            })?;
        Ok(Self { desk })
    }

    /// Whether it still paints.
    pub(crate) fn is_whole(&self) -> bool {
        !self.desk.broken.load(Ordering::Relaxed)
    }

    /// Where pictures are wanted, instead of where they were. A pane that is new stays invisible
    /// until a picture comes. On the main thread.
    pub(crate) fn lay(&self, window: &WebviewWindow, mut panes: Vec<Pane>) {
        // The page's `devicePixelRatio` knows nothing of a zoom of the web view.
        let zoom = super::zoom(window);
        for pane in &mut panes {
            pane.tile = scaled(pane.tile, zoom);
            for hole in &mut pane.holes {
                *hole = scaled(*hole, zoom);
            }
        }
        self.desk.lock().panes = Some(panes);
        self.desk.news.notify_one();
    }

    /// The next picture of a stream; `None` takes the last one away.
    pub(crate) fn show(&self, stream: Stream, frame: Option<VideoFrame>) {
        self.desk.lock().frames.insert(key(stream), frame);
        self.desk.news.notify_one();
    }
}

impl Drop for Glass {
    fn drop(&mut self) {
        self.desk.lock().ended = true;
        self.desk.news.notify_one();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to do, or `at_most` so long.
    fn take(&self, at_most: Option<Duration>) -> Waiting {
        let idle = |waiting: &mut Waiting| {
            waiting.panes.is_none() && waiting.frames.is_empty() && !waiting.ended
        };
        let waiting = self.lock();
        let mut waiting = match at_most {
            Some(time) => {
                let waited = self.news.wait_timeout_while(waiting, time, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => {
                let waited = self.news.wait_while(waiting, idle);
                waited.unwrap_or_else(PoisonError::into_inner)
            }
        };
        std::mem::take(&mut waiting)
    }
}

fn scaled(round: Round, zoom: f64) -> Round {
    let place = |at: i32| (f64::from(at) * zoom).round() as i32;
    let size = |side: u32| (f64::from(side) * zoom).round() as u32;
    Round {
        x: place(round.x),
        y: place(round.y),
        width: size(round.width),
        height: size(round.height),
        radius: size(round.radius),
    }
}

fn key(stream: Stream) -> u8 {
    match stream {
        Stream::Remote => 0,
        Stream::Own => 1,
        Stream::Clip => 2,
    }
}

fn run(mut pen: Pen, desk: &Desk) -> Result<()> {
    let mut sheets: BTreeMap<u8, Sheet> = BTreeMap::new();
    let mut told_at = Instant::now();
    loop {
        let shown = !sheets.is_empty();
        let Waiting {
            mut panes,
            frames,
            ended,
        } = desk.take(shown.then_some(LOOK_AFTER));
        if ended {
            return Ok(());
        }
        if panes.is_some() {
            told_at = Instant::now();
        } else if shown && told_at.elapsed() > PAGE_PATIENCE {
            tracing::info!("the page has fallen silent: its pictures are taken away");
            panes = Some(Vec::new());
        }
        if let Some(panes) = panes {
            arrange(&pen, &mut sheets, panes)?;
        }
        for (key, frame) in frames {
            match (sheets.get_mut(&key), frame) {
                (Some(sheet), Some(frame)) => sheet.show(&mut pen, frame)?,
                (Some(sheet), None) => {
                    sheet.hide(&pen)?;
                    pen.forget();
                }
                (None, _) => {}
            }
        }
        let exposed = pen.exposed()?;
        for sheet in sheets.values_mut() {
            if exposed.contains(&sheet.window) {
                sheet.repaint(&mut pen)?;
            }
        }
    }
}

/// Takes the panes that are wanted, and those only.
fn arrange(pen: &Pen, sheets: &mut BTreeMap<u8, Sheet>, panes: Vec<Pane>) -> Result<()> {
    let wanted: BTreeMap<u8, Pane> = panes
        .into_iter()
        .map(|pane| (key(pane.stream), pane))
        .collect();
    for (key, sheet) in sheets.iter() {
        if !wanted.contains_key(key) {
            pen.x.destroy_window(sheet.window)?;
            pen.x.free_gc(sheet.gc)?;
        }
    }
    sheets.retain(|key, _| wanted.contains_key(key));
    for (key, pane) in wanted {
        match sheets.get_mut(&key) {
            Some(sheet) => sheet.pane = pane,
            None => {
                sheets.insert(key, Sheet::new(pen, pane)?);
            }
        }
    }
    for sheet in sheets.values_mut() {
        sheet.fit(pen)?;
    }
    pen.x.flush()?;
    Ok(())
}

/// One pane's window.
#[derive(Debug)]
struct Sheet {
    window: Window,
    gc: Gcontext,
    pane: Pane,
    area: Area,
    /// The shape that the window has been given.
    blocks: Option<Vec<region::Block>>,
    mapped: bool,
    frame: Option<VideoFrame>,
    painted_at: Option<Instant>,
}

impl Sheet {
    fn new(pen: &Pen, pane: Pane) -> Result<Self> {
        let (window, gc) = (pen.x.generate_id()?, pen.x.generate_id()?);
        // No background: what lies below stays until there is a picture.
        let look = CreateWindowAux::new().event_mask(EventMask::EXPOSURE);
        pen.x.create_window(
            COPY_DEPTH_FROM_PARENT,
            window,
            pen.below,
            0,
            0,
            1,
            1,
            0,
            WindowClass::INPUT_OUTPUT,
            COPY_FROM_PARENT,
            &look,
        )?;
        pen.x
            .create_gc(gc, window, &CreateGCAux::new().graphics_exposures(0))?;
        let (all, order) = (shape::SO::SET, ClipOrdering::UNSORTED);
        pen.x
            .shape_rectangles(all, shape::SK::INPUT, order, window, 0, 0, &[])?;
        Ok(Self {
            window,
            gc,
            pane,
            area: Area {
                x: 0,
                y: 0,
                width: 1,
                height: 1,
            },
            blocks: None,
            mapped: false,
            frame: None,
            painted_at: None,
        })
    }

    /// Shows a picture, unless one was shown only just now and it does not matter.
    fn show(&mut self, pen: &mut Pen, frame: VideoFrame) -> Result<()> {
        let tile = self.pane.tile;
        let small = self.pane.stream == Stream::Own && tile.width * tile.height < SMALL;
        let now = Instant::now();
        let early = self.painted_at.is_some_and(|at| now < at + SMALL_REST);
        if small && early && self.mapped {
            return Ok(());
        }
        self.painted_at = Some(now);
        self.frame = Some(frame);
        self.fit(pen)?;
        if !self.mapped {
            self.mapped = true;
            // Oneself lies above the other side.
            let above = match self.pane.stream {
                Stream::Remote => StackMode::BELOW,
                Stream::Own | Stream::Clip => StackMode::ABOVE,
            };
            let stack = ConfigureWindowAux::new().stack_mode(above);
            pen.x.configure_window(self.window, &stack)?;
            pen.x.map_window(self.window)?;
        }
        self.repaint(pen)
    }

    /// Takes the picture from the screen.
    fn hide(&mut self, pen: &Pen) -> Result<()> {
        self.frame = None;
        if self.mapped {
            self.mapped = false;
            pen.x.unmap_window(self.window)?;
            pen.x.flush()?;
        }
        Ok(())
    }

    /// Lays the window where the picture belongs.
    fn fit(&mut self, pen: &Pen) -> Result<()> {
        let Some(frame) = &self.frame else {
            return Ok(());
        };
        let Round {
            x,
            y,
            width,
            height,
            radius,
        } = self.pane.tile;
        let tile = Area {
            x,
            y,
            width,
            height,
        };
        let most_crop = if self.pane.filling { 1.0 } else { MOST_CROP };
        let picture = &frame.picture;
        let area = place(picture.width, picture.height, tile, most_crop);
        let moved = self.area != area;
        if moved {
            let place = ConfigureWindowAux::new()
                .x(area.x)
                .y(area.y)
                .width(area.width)
                .height(area.height);
            pen.x.configure_window(self.window, &place)?;
            self.area = area;
        }
        let holes: Vec<Round> = self
            .pane
            .holes
            .iter()
            .map(|hole| Round {
                x: hole.x - area.x,
                y: hole.y - area.y,
                ..*hole
            })
            .collect();
        let blocks = region::blocks((area.width, area.height), radius, &holes);
        if self.blocks.as_ref() != Some(&blocks) {
            let rectangles: Vec<Rectangle> = blocks
                .iter()
                .map(|&(x, y, width, height)| Rectangle {
                    x,
                    y,
                    width,
                    height,
                })
                .collect();
            let (all, order) = (shape::SO::SET, ClipOrdering::YX_BANDED);
            let kind = shape::SK::BOUNDING;
            pen.x
                .shape_rectangles(all, kind, order, self.window, 0, 0, &rectangles)?;
            self.blocks = Some(blocks);
        }
        Ok(())
    }

    fn repaint(&mut self, pen: &mut Pen) -> Result<()> {
        let Some(frame) = self.frame.clone().filter(|_| self.mapped) else {
            return Ok(());
        };
        pen.paint(self, &frame)
    }
}

/// The connection, and the paper that pictures are painted on.
struct Pen {
    x: RustConnection,
    below: Window,
    depth: u8,
    painter: Painter,
    paper: Option<Paper>,
    painting: StageClock,
    handing: StageClock,
}

/// Memory that the X server sees, too.
struct Paper {
    pixels: MmapMut,
    segment: u32,
}

impl Pen {
    fn new(below: Window) -> Result<Self> {
        let (x, _) = x11rb::connect(None).context("no second connection")?;
        let order = x.setup().image_byte_order;
        ensure!(
            order == ImageOrder::LSB_FIRST,
            "the screen's bytes are turned"
        );
        x.shape_query_version()?
            .reply()
            .context("no shaped windows")?;
        let shm = x.shm_query_version()?.reply().context("no shared memory")?;
        ensure!(
            (shm.major_version, shm.minor_version) >= (1, 2),
            "shared memory cannot be handed over"
        );
        let depth = x.get_geometry(below)?.reply()?.depth;
        let visual = x.get_window_attributes(below)?.reply()?.visual;
        let masks = x
            .setup()
            .roots
            .iter()
            .flat_map(|screen| &screen.allowed_depths)
            .flat_map(|depth| &depth.visuals)
            .find(|kind| kind.visual_id == visual)
            .map(|kind| (kind.red_mask, kind.green_mask, kind.blue_mask));
        ensure!(
            masks == Some((0xff_0000, 0xff00, 0xff)),
            "the screen has other pixels"
        );
        let format = x.setup().pixmap_formats.iter();
        let bits = format
            .filter(|format| format.depth == depth)
            .map(|format| format.bits_per_pixel)
            .next();
        ensure!(bits == Some(32), "the screen has pixels of {bits:?} bits");
        let mut pen = Self {
            x,
            below,
            depth,
            painter: Painter::new(Pixels::Bgra),
            paper: None,
            painting: StageClock::new(Stage::Paint),
            handing: StageClock::new(Stage::HandOver),
        };
        // Shared memory does not reach a screen that is far away: better known now.
        pen.spread(4)?;
        Ok(pen)
    }

    /// Has at least so many bytes of paper.
    fn spread(&mut self, bytes: usize) -> Result<()> {
        if self
            .paper
            .as_ref()
            .is_some_and(|paper| paper.pixels.len() >= bytes)
        {
            return Ok(());
        }
        if let Some(old) = self.paper.take() {
            self.x.shm_detach(old.segment)?;
        }
        let memory = File::from(memfd_create("jasmin-picture", MemfdFlags::CLOEXEC)?);
        ftruncate(&memory, bytes as u64)?;
        #[expect(
            unsafe_code,
            reason = "nobody else has the file but the X server, which only reads, and when told to"
        )]
        let pixels = unsafe { MmapMut::map_mut(&memory)? };
        let segment = self.x.generate_id()?;
        let memory = std::os::fd::OwnedFd::from(memory);
        self.x
            .shm_attach_fd(segment, memory, true)?
            .check()
            .context("the screen is not on this computer")?;
        self.paper = Some(Paper { pixels, segment });
        Ok(())
    }

    fn paint(&mut self, sheet: &Sheet, frame: &VideoFrame) -> Result<()> {
        let Area { width, height, .. } = sheet.area;
        self.spread(width as usize * height as usize * 4)?;
        let Some(paper) = &mut self.paper else {
            return Ok(());
        };
        let (size, mirrored) = ((width, height), sheet.pane.mirrored);
        // The other side's alone: the small picture of oneself comes less often.
        let measured = sheet.pane.stream == Stream::Remote;
        let painting = measured.then(|| self.painting.begin());
        let painted = self
            .painter
            .paint(&frame.picture, size, mirrored, &mut paper.pixels);
        if let Err(error) = painted {
            tracing::debug!(%error, "a picture was left out");
            return Ok(());
        }
        let handing = painting.map(|painting| {
            self.painting.end(painting);
            self.handing.begin()
        });
        let (width, height) = (u16::try_from(width)?, u16::try_from(height)?);
        self.x.shm_put_image(
            sheet.window,
            sheet.gc,
            width,
            height,
            0,
            0,
            width,
            height,
            0,
            0,
            self.depth,
            ImageFormat::Z_PIXMAP.into(),
            false,
            paper.segment,
            0,
        )?;
        // The paper is written on again once the server has read it.
        self.x.sync()?;
        if let Some(handing) = handing {
            self.handing.end(handing);
        }
        Ok(())
    }

    /// Wipes what the last picture was made of.
    fn forget(&mut self) {
        self.painter.forget();
        if let Some(paper) = &mut self.paper {
            paper.pixels.fill(0);
        }
    }

    /// Which windows lost part of their picture.
    fn exposed(&self) -> Result<Vec<Window>> {
        let mut windows = Vec::new();
        while let Some(event) = self.x.poll_for_event()? {
            if let Event::Expose(expose) = event {
                if expose.count == 0 {
                    windows.push(expose.window);
                }
            } else if let Event::Error(error) = event {
                tracing::debug!(?error, "the screen refused something");
            }
        }
        Ok(windows)
    }
}

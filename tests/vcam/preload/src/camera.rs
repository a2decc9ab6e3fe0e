//! An open virtual camera: its buffers and the thread that fills them.

use std::collections::{HashMap, VecDeque};
use std::ffi::c_int;
use std::fs;
use std::os::fd::RawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use jasmin_vcam::barcode::Stamp;
use jasmin_vcam::painter::Painter;
use jasmin_vcam::spec::{self, Layout, Mode, Size};

use crate::world::{log, monotonic_nanos, read_spec};

/// What a camera is set to. Belongs to the device, so it outlives handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) layout: Layout,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Frames per second.
    pub(crate) rate: (u32, u32),
}

/// Settings by camera, with the state of the file they belong to: replugging resets them.
static SETTINGS: Mutex<Option<HashMap<u32, (FileState, Settings)>>> = Mutex::new(None);

type FileState = (u64, i64, i64);
type PainterKey = (Layout, u32, u32, u32);

static PAINTERS: Mutex<Option<HashMap<PainterKey, Arc<Painter>>>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One handle of a camera.
pub(crate) struct Camera {
    folder: PathBuf,
    number: u32,
    memory: RawFd,
    event: RawFd,
    gone: AtomicBool,
    /// Counts streams, so that the thread of an ended one notices.
    stream: AtomicU64,
    spec: Mutex<spec::Camera>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    buffers: Vec<Buffer>,
    length: usize,
    mapping: Option<Arc<Mapping>>,
    queued: VecDeque<usize>,
    done: VecDeque<usize>,
    streaming: bool,
    /// Held while this handle has buffers; other handles are busy then.
    claim: Option<fs::File>,
}

/// What is known about a filled buffer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Buffer {
    pub(crate) used: u32,
    pub(crate) sequence: u32,
    pub(crate) nanos: u64,
}

impl Camera {
    pub(crate) fn new(
        folder: PathBuf,
        number: u32,
        memory: RawFd,
        spec: spec::Camera,
    ) -> Result<Self, c_int> {
        // SAFETY: plain call; the result is checked.
        let event = unsafe {
            libc::eventfd(
                0,
                libc::EFD_SEMAPHORE | libc::EFD_NONBLOCK | libc::EFD_CLOEXEC,
            )
        };
        if event < 0 {
            return Err(libc::ENFILE);
        }
        Ok(Self {
            folder,
            number,
            memory,
            event,
            gone: AtomicBool::new(false),
            stream: AtomicU64::new(0),
            spec: Mutex::new(spec),
            state: Mutex::default(),
        })
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/dev/video{}", self.number))
    }

    /// The file that becomes readable with a picture.
    pub(crate) fn event(&self) -> RawFd {
        self.event
    }

    pub(crate) fn spec(&self) -> spec::Camera {
        lock(&self.spec).clone()
    }

    /// Whether the camera was unplugged since this handle was opened.
    pub(crate) fn is_gone(&self) -> bool {
        if !self.gone.load(Ordering::Acquire) && self.file_state().is_none() {
            self.gone.store(true, Ordering::Release);
        }
        self.gone.load(Ordering::Acquire)
    }

    fn file_state(&self) -> Option<FileState> {
        let metadata = fs::metadata(self.folder.join(format!("video{}", self.number))).ok()?;
        Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec()))
    }

    pub(crate) fn settings(&self) -> Settings {
        let spec = self.spec();
        let size = spec.sizes.first().copied();
        let size = size.unwrap_or(Size {
            width: 640,
            height: 480,
            rate: (30, 1),
        });
        let first = Settings {
            layout: spec.layouts.first().copied().unwrap_or(Layout::Yuyv),
            width: size.width,
            height: size.height,
            rate: spec.rate.unwrap_or(size.rate),
        };
        let state = self.file_state().unwrap_or_default();
        let mut all = lock(&SETTINGS);
        let entry = all
            .get_or_insert_default()
            .entry(self.number)
            .or_insert((state, first));
        if entry.0 != state {
            *entry = (state, first);
        }
        entry.1
    }

    /// Has the pictures of the current settings prepared, so that the first one comes in time.
    pub(crate) fn prepare(&self) {
        let (settings, scene) = (self.settings(), self.spec().scene);
        // Without the thread the first picture comes later.
        let _ = thread::Builder::new()
            .name("vcam-prepare".to_owned())
            .spawn(move || painter(settings, scene));
    }

    pub(crate) fn set(&self, settings: Settings) {
        let state = self.file_state().unwrap_or_default();
        lock(&SETTINGS)
            .get_or_insert_default()
            .insert(self.number, (state, settings));
    }

    /// Fails when another handle, of this or another process, has buffers.
    pub(crate) fn claim(&self) -> Result<fs::File, c_int> {
        if self.spec().mode == Mode::Busy {
            return Err(libc::EBUSY);
        }
        let path = self.folder.join(format!(".claim{}", self.number));
        let file = fs::OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|_| libc::EIO)?;
        file.try_lock().map_err(|_| libc::EBUSY)?;
        Ok(file)
    }

    pub(crate) fn has_buffers(&self) -> bool {
        lock(&self.state).claim.is_some()
    }

    /// Makes `count` buffers, or takes them away.
    pub(crate) fn allocate(&self, count: usize) -> Result<(), c_int> {
        if lock(&self.state).streaming {
            return Err(libc::EBUSY);
        }
        if count == 0 {
            *lock(&self.state) = State::default();
            return Ok(());
        }
        let held = lock(&self.state).claim.take();
        let claim = held.map_or_else(|| self.claim(), Ok)?;
        let Settings {
            layout,
            width,
            height,
            ..
        } = self.settings();
        let length = (layout.length(width, height) as usize).next_multiple_of(4096);
        let mapping = Mapping::new(self.memory, length * count)?;
        *lock(&self.state) = State {
            buffers: vec![Buffer::default(); count],
            length,
            mapping: Some(Arc::new(mapping)),
            claim: Some(claim),
            ..State::default()
        };
        Ok(())
    }

    /// Length and offset of a buffer.
    pub(crate) fn place(&self, index: usize) -> Result<(u32, u32), c_int> {
        let state = lock(&self.state);
        if index >= state.buffers.len() {
            return Err(libc::EINVAL);
        }
        Ok((state.length as u32, (state.length * index) as u32))
    }

    pub(crate) fn queue(&self, index: usize) -> Result<(), c_int> {
        let mut state = lock(&self.state);
        let taken = state.queued.contains(&index) || state.done.contains(&index);
        if index >= state.buffers.len() || taken {
            return Err(libc::EINVAL);
        }
        state.queued.push_back(index);
        Ok(())
    }

    /// Takes the oldest filled buffer.
    pub(crate) fn dequeue(&self) -> Result<(usize, Buffer), c_int> {
        if self.spec().mode == Mode::Eio {
            return Err(libc::EIO);
        }
        let mut state = lock(&self.state);
        if !state.streaming {
            return Err(libc::EINVAL);
        }
        let index = state.done.pop_front().ok_or(libc::EAGAIN)?;
        self.consume();
        Ok((index, state.buffers[index]))
    }

    pub(crate) fn start(self: &Arc<Self>) -> Result<(), c_int> {
        let mut state = lock(&self.state);
        if state.claim.is_none() {
            return Err(libc::EINVAL);
        }
        if state.streaming {
            return Ok(());
        }
        while self.consume() {}
        let stream = self.stream.fetch_add(1, Ordering::AcqRel) + 1;
        let camera = self.clone();
        thread::Builder::new()
            .name("vcam".to_owned())
            .spawn(move || camera.feed(stream))
            .map_err(|_| libc::ENOMEM)?;
        state.streaming = true;
        drop(state);
        log(&self.folder, "start", self.number);
        Ok(())
    }

    /// Ends the stream and wakes whoever waits for a picture.
    pub(crate) fn stop(&self) {
        let mut state = lock(&self.state);
        state.queued.clear();
        state.done.clear();
        self.stream.fetch_add(1, Ordering::AcqRel);
        if std::mem::take(&mut state.streaming) {
            drop(state);
            log(&self.folder, "stop", self.number);
            self.signal();
        }
    }

    fn signal(&self) {
        let one = 1u64;
        // SAFETY: eight bytes, as the event file wants.
        unsafe { libc::write(self.event, (&raw const one).cast(), 8) };
    }

    fn consume(&self) -> bool {
        let mut one = 0u64;
        // SAFETY: eight bytes, as the event file wants.
        unsafe { libc::read(self.event, (&raw mut one).cast(), 8) == 8 }
    }

    /// Fills buffers at the rate of the camera until the stream ends.
    fn feed(&self, stream: u64) {
        let settings = self.settings();
        let painter = painter(settings, self.spec().scene);
        let interval = 1_000_000_000 * u64::from(settings.rate.1) / u64::from(settings.rate.0);
        let mut file = self.file_state();
        let mut due = monotonic_nanos() + interval;
        for number in 0.. {
            thread::sleep(Duration::from_nanos(due.saturating_sub(monotonic_nanos())));
            // A sensor that is late does not hurry afterwards.
            due = (due + interval).max(monotonic_nanos() + interval / 2);
            if self.stream.load(Ordering::Acquire) != stream {
                return;
            }
            let current = self.file_state();
            if current.is_none() {
                self.gone.store(true, Ordering::Release);
                self.signal();
                return;
            }
            if current != file {
                file = current;
                if let Some(spec) = read_spec(&self.folder, self.number) {
                    *lock(&self.spec) = spec;
                }
                // The settings stay: the camera was changed, not replugged.
                self.set(settings);
            }
            match self.spec().mode {
                Mode::Hang => continue,
                Mode::Eio => {
                    self.signal();
                    continue;
                }
                Mode::Ok | Mode::Busy | Mode::Denied => {}
            }
            let (index, length, mapping) = {
                let mut state = lock(&self.state);
                let length = state.length;
                // A program that is too slow misses pictures, as with a real camera.
                let Some(index) = state.queued.pop_front() else {
                    continue;
                };
                let Some(mapping) = state.mapping.clone() else {
                    return;
                };
                (index, length, mapping)
            };
            let nanos = monotonic_nanos();
            let stamp = Stamp {
                millis: (nanos / 1_000_000) as u32,
                camera: (self.number & 15) as u8,
            };
            let used = mapping.with(index * length, length, |out| {
                painter.draw(number, stamp, out)
            });
            let mut state = lock(&self.state);
            if self.stream.load(Ordering::Acquire) != stream || index >= state.buffers.len() {
                return;
            }
            state.buffers[index] = Buffer {
                used: used as u32,
                sequence: number as u32,
                nanos,
            };
            state.done.push_back(index);
            drop(state);
            self.signal();
        }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        // SAFETY: opened in `new`, closed once.
        unsafe { libc::close(self.event) };
    }
}

/// Painters are kept: a camera that is opened again delivers at once.
fn painter(settings: Settings, scene: u32) -> Arc<Painter> {
    let Settings {
        layout,
        width,
        height,
        ..
    } = settings;
    let mut painters = lock(&PAINTERS);
    painters
        .get_or_insert_default()
        .entry((layout, width, height, scene))
        .or_insert_with(|| Arc::new(Painter::new(layout, width, height, scene)))
        .clone()
}

/// The buffers as this side sees them.
struct Mapping {
    start: *mut u8,
    length: usize,
}

// SAFETY: plain memory; a part of it belongs to one thread at a time.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(memory: RawFd, length: usize) -> Result<Self, c_int> {
        let size = i64::try_from(length).map_err(|_| libc::EINVAL)?;
        // SAFETY: plain calls; the results are checked.
        let start = unsafe {
            if libc::ftruncate(memory, size) != 0 {
                return Err(libc::ENOMEM);
            }
            let access = libc::PROT_READ | libc::PROT_WRITE;
            libc::mmap(ptr::null_mut(), length, access, libc::MAP_SHARED, memory, 0)
        };
        if start == libc::MAP_FAILED {
            return Err(libc::ENOMEM);
        }
        Ok(Self {
            start: start.cast(),
            length,
        })
    }

    fn with<T>(&self, offset: usize, length: usize, write: impl FnOnce(&mut [u8]) -> T) -> T {
        let length = length.min(self.length.saturating_sub(offset));
        // SAFETY: inside the mapping, and a queued buffer is left alone by the program.
        write(unsafe { std::slice::from_raw_parts_mut(self.start.add(offset), length) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, unmapped once.
        unsafe { libc::munmap(self.start.cast(), self.length) };
    }
}

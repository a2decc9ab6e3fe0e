//! Cameras through nokhwa's real Linux back-end, on virtual devices.
//!
//! Each test runs itself again in a process that has the devices preloaded.

use std::env;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use jasmin_media::camera::{
    Camera, CameraEvent, CameraProblem, Opened, Patience, PixelFormat, Want, Webcam, list_cameras,
};
use jasmin_media::frame::VideoFrame;
use jasmin_vcam::barcode::{Stamp, read_luma};
use jasmin_vcam::spec::{self, Layout, Mode, Size};
use jasmin_vcam::{Activity, Stand, clock};

/// Nothing takes this long unless it is broken, on a busy machine either.
const LONG: Duration = Duration::from_secs(30);

/// Runs `body` in a process with the devices.
fn with_devices(test: &str, body: impl FnOnce(&Stand)) {
    if let Some(folder) = env::var_os("JASMIN_VCAM") {
        return body(&Stand::new(folder).unwrap());
    }
    let test = test.split_once("::").map_or(test, |(_, test)| test);
    let folder = env::temp_dir().join(format!("jasmin-{}-{}", std::process::id(), clock::nanos()));
    let stand = Stand::new(&folder).unwrap();
    assert!(
        Stand::library().is_some(),
        "the library to be preloaded was not built"
    );
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .envs(stand.environment(None))
        .status()
        .unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    assert!(status.success(), "see above");
}

macro_rules! device_test {
    (fn $name:ident($stand:ident) $body:block) => {
        #[test]
        fn $name() {
            with_devices(concat!(module_path!(), "::", stringify!($name)), |$stand| {
                $body
            });
        }
    };
}

struct Running {
    camera: Camera,
    frames: Receiver<VideoFrame>,
    events: Receiver<CameraEvent>,
}

fn patience() -> Patience {
    Patience {
        stall: Duration::from_secs(4),
        ..Patience::default()
    }
}

fn open(id: Option<&str>) -> Running {
    let (frame, frames) = channel();
    let (event, events) = channel();
    let camera = Camera::open_with(
        Arc::new(Webcam),
        id,
        Want::default(),
        patience(),
        Box::new(move |new| {
            let _ = frame.send(new);
        }),
        Box::new(move |new| {
            let _ = event.send(new);
        }),
    );
    Running {
        camera,
        frames,
        events,
    }
}

impl Running {
    #[track_caller]
    fn expect_opened(&self) -> Opened {
        match self.events.recv_timeout(LONG) {
            Ok(CameraEvent::Opened(opened)) => opened,
            other => panic!("expected an open camera, got {other:?}"),
        }
    }

    #[track_caller]
    fn expect(&self, event: CameraEvent) {
        assert_eq!(self.events.recv_timeout(LONG), Ok(event));
    }

    /// The barcode of the next picture, with its age in milliseconds.
    #[track_caller]
    fn stamp(&self) -> (Stamp, u32) {
        let frame = self.frames.recv_timeout(LONG).unwrap();
        let picture = &frame.picture;
        picture.check().unwrap();
        let stamp = read_luma(picture.y(), picture.width, picture.height);
        let stamp = stamp.expect("no barcode in the picture");
        (stamp, stamp.age_at(clock::millis()))
    }
}

fn camera_with(layout: Layout) -> spec::Camera {
    spec::Camera {
        layouts: vec![layout],
        ..spec::Camera::default()
    }
}

fn pictures_come(stand: &Stand, layout: Layout, format: PixelFormat) {
    stand.plug(0, &camera_with(layout)).unwrap();
    let running = open(None);
    let opened = running.expect_opened();
    assert_eq!(
        opened,
        Opened {
            name: "Virtual camera".to_owned(),
            width: 1280,
            height: 720,
            fps: 30,
            format
        }
    );
    let (mut last, begun) = (running.stamp().0, clock::millis());
    let mut ages = Vec::new();
    for _ in 0..45 {
        let (stamp, age) = running.stamp();
        assert_eq!(stamp.camera, 0);
        assert!(
            last.age_at(stamp.millis).cast_signed() > 0,
            "pictures in order"
        );
        last = stamp;
        ages.push(age);
    }
    let took = clock::millis() - begun;
    // A busy machine makes single pictures late, not all of them.
    ages.sort_unstable();
    assert!(ages[0] < 60, "youngest picture {} ms", ages[0]);
    assert!((1000..10_000).contains(&took), "45 pictures took {took} ms");
    println!(
        "{layout:?}: 45 pictures in {took} ms, age {}/{} ms",
        ages[22], ages[42]
    );
}

device_test! {
    fn yuyv_comes_at_720p30(stand) { pictures_come(stand, Layout::Yuyv, PixelFormat::Yuyv) }
}

device_test! {
    fn nv12_comes_at_720p30(stand) { pictures_come(stand, Layout::Nv12, PixelFormat::Nv12) }
}

device_test! {
    fn mjpeg_comes_at_720p30(stand) { pictures_come(stand, Layout::Mjpg, PixelFormat::Mjpeg) }
}

device_test! {
    fn a_rate_that_is_no_whole_number_does_not_stand_in_the_way(stand) {
        let size = |rate| Size { width: 1280, height: 720, rate };
        let camera = spec::Camera {
            sizes: vec![size((25, 2)), size((30, 1)), size((30_000, 1001))],
            rate: Some((25, 2)),
            ..camera_with(Layout::Yuyv)
        };
        stand.plug(0, &camera).unwrap();
        let running = open(None);
        assert_eq!(running.expect_opened().fps, 30);
        running.stamp();
    }
}

device_test! {
    fn a_camera_without_usable_formats_is_told_apart(stand) {
        let sizes = vec![Size { width: 1280, height: 720, rate: (30_000, 1001) }];
        stand.plug(0, &spec::Camera { sizes, ..camera_with(Layout::Yuyv) }).unwrap();
        open(None).expect(CameraEvent::Failed(CameraProblem::NoFormat));
    }
}

device_test! {
    fn cameras_are_listed_without_opening_them(stand) {
        let named = |name: &str, index| {
            spec::Camera { name: name.to_owned(), index, ..spec::Camera::default() }
        };
        stand.plug(0, &named("Front", 0)).unwrap();
        stand.plug(1, &named("Front", 1)).unwrap();
        stand.plug(2, &named("Back", 0)).unwrap();
        std::fs::write(stand.folder().join("videoX"), "").unwrap();
        std::fs::write(stand.folder().join("video"), "").unwrap();
        let cameras = list_cameras();
        let found: Vec<_> = cameras.iter().map(|c| (c.id.as_str(), c.name.as_str())).collect();
        assert_eq!(found, [("/dev/video0", "Front"), ("/dev/video2", "Back")]);
        assert_eq!(stand.log().unwrap(), []);
        let running = open(Some("/dev/video2"));
        assert_eq!(running.expect_opened().name, "Back");
        assert_eq!(running.stamp().0.camera, 2);
    }
}

/// A camera that cannot be opened at first, and then can.
fn recovers_from(stand: &Stand, mode: Mode, problem: CameraProblem) {
    stand
        .plug(
            0,
            &spec::Camera {
                mode,
                ..spec::Camera::default()
            },
        )
        .unwrap();
    let running = open(None);
    running.expect(CameraEvent::Failed(problem));
    stand.plug(0, &spec::Camera::default()).unwrap();
    running.expect_opened();
    running.expect(CameraEvent::Recovered);
    running.stamp();
    assert_eq!(stand.open_handles(0).unwrap(), 1);
}

device_test! {
    fn a_busy_camera_is_told_and_taken_when_free(stand) {
        recovers_from(stand, Mode::Busy, CameraProblem::Busy);
    }
}

device_test! {
    fn a_denied_camera_is_told_and_taken_when_permitted(stand) {
        recovers_from(stand, Mode::Denied, CameraProblem::Denied);
    }
}

device_test! {
    fn a_missing_camera_is_told_and_taken_when_plugged_in(stand) {
        let running = open(Some("/dev/video3"));
        running.expect(CameraEvent::Failed(CameraProblem::Missing));
        stand.plug(3, &spec::Camera::default()).unwrap();
        running.expect_opened();
        running.expect(CameraEvent::Recovered);
        assert_eq!(running.stamp().0.camera, 3);
    }
}

/// A camera that fails while it is running, and works again.
fn recovers_while_running(stand: &Stand, mode: Mode, problem: CameraProblem) {
    stand.plug(0, &spec::Camera::default()).unwrap();
    let running = open(None);
    running.expect_opened();
    running.stamp();
    stand
        .plug(
            0,
            &spec::Camera {
                mode,
                ..spec::Camera::default()
            },
        )
        .unwrap();
    running.expect(CameraEvent::Failed(problem));
    stand.plug(0, &spec::Camera::default()).unwrap();
    running.expect_opened();
    running.expect(CameraEvent::Recovered);
    while running.frames.try_recv().is_ok() {}
    running.stamp();
    assert_eq!(
        stand.open_handles(0).unwrap(),
        1,
        "the handle that failed is closed"
    );
}

device_test! {
    fn a_camera_that_stops_delivering_is_noticed(stand) {
        recovers_while_running(stand, Mode::Hang, CameraProblem::Stalled);
    }
}

device_test! {
    fn a_camera_that_fails_is_opened_anew(stand) {
        recovers_while_running(stand, Mode::Eio, CameraProblem::Other);
    }
}

device_test! {
    fn an_unplugged_camera_comes_back_by_itself(stand) {
        stand.plug(0, &spec::Camera::default()).unwrap();
        let running = open(None);
        running.expect_opened();
        running.stamp();
        stand.unplug(0).unwrap();
        running.expect(CameraEvent::Failed(CameraProblem::Gone));
        stand.plug(0, &camera_with(Layout::Nv12)).unwrap();
        assert_eq!(running.expect_opened().format, PixelFormat::Nv12);
        running.expect(CameraEvent::Recovered);
        assert_eq!(stand.open_handles(0).unwrap(), 1);
    }
}

/// Closes the camera and returns how long it took until no handle was open, by the device's clock.
fn time_to_close(stand: &Stand, running: &Running) -> Duration {
    let begun = clock::nanos();
    running.camera.close();
    running.expect(CameraEvent::Closed);
    let log = stand.log().unwrap();
    assert_eq!(stand.open_handles(0).unwrap(), 0);
    let last = log
        .iter()
        .rfind(|line| line.activity == Activity::Close)
        .unwrap();
    Duration::from_nanos(last.at.saturating_sub(begun))
}

device_test! {
    fn closing_takes_less_than_200_ms(stand) {
        stand.plug(0, &spec::Camera::default()).unwrap();
        let running = open(None);
        running.expect_opened();
        running.stamp();
        let took = time_to_close(stand, &running);
        println!("closed after {took:?}");
        assert!(took < Duration::from_millis(200), "{took:?}");
    }
}

device_test! {
    fn closing_a_slow_camera_takes_less_than_200_ms(stand) {
        let sizes = vec![Size { width: 640, height: 480, rate: (2, 1) }];
        stand.plug(0, &spec::Camera { sizes, ..camera_with(Layout::Yuyv) }).unwrap();
        let running = open(None);
        running.expect_opened();
        let took = time_to_close(stand, &running);
        println!("closed after {took:?}");
        assert!(took < Duration::from_millis(200), "{took:?}");
    }
}

device_test! {
    fn closing_a_camera_that_hangs_takes_less_than_200_ms(stand) {
        stand.plug(0, &spec::Camera::default()).unwrap();
        let running = open(None);
        running.expect_opened();
        stand.plug(0, &spec::Camera { mode: Mode::Hang, ..spec::Camera::default() }).unwrap();
        while running.frames.recv_timeout(Duration::from_millis(300)).is_ok() {}
        let took = time_to_close(stand, &running);
        println!("closed after {took:?}");
        assert!(took < Duration::from_millis(200), "{took:?}");
    }
}

device_test! {
    fn a_camera_can_be_opened_again_at_once(stand) {
        stand.plug(0, &spec::Camera::default()).unwrap();
        for _ in 0..3 {
            let running = open(None);
            running.expect_opened();
            running.stamp();
            drop(running.camera);
        }
    }
}

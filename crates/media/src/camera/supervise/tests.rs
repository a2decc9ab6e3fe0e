use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::super::{Camera, CameraStream, PixelFormat};
use super::*;
use crate::frame::{I420, VideoFrame};

const LONG: Duration = Duration::from_secs(20);

fn impatient() -> Patience {
    Patience {
        stall: Duration::from_millis(100),
        retry_least: Duration::from_millis(5),
        retry_most: Duration::from_millis(20),
    }
}

/// What a scripted stream does next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Frame,
    Fail(CameraProblem),
    Panic,
    /// Blocks until interrupted or, when that does not work, for ever.
    Hang {
        interruptible: bool,
    },
}

/// One script for each opening; the last one is repeated.
struct Scripted {
    openings: Mutex<VecDeque<Result<Vec<Step>, CameraProblem>>>,
    dropped: Sender<()>,
}

struct ScriptedStream {
    opened: Opened,
    steps: VecDeque<Step>,
    wake: Sender<()>,
    woken: Receiver<()>,
    dropped: Sender<()>,
}

impl CameraBackend for Scripted {
    fn open(&self, _id: Option<&str>, want: Want) -> Result<Box<dyn CameraStream>, CameraProblem> {
        let mut openings = self.openings.lock().unwrap();
        let script = if openings.len() > 1 {
            openings.pop_front()
        } else {
            openings.front().cloned()
        };
        let (wake, woken) = channel();
        Ok(Box::new(ScriptedStream {
            opened: Opened {
                name: "Script".to_owned(),
                width: want.width,
                height: want.height,
                fps: want.fps,
                format: PixelFormat::I420,
            },
            steps: script.unwrap()?.into(),
            wake,
            woken,
            dropped: self.dropped.clone(),
        }))
    }
}

impl CameraStream for ScriptedStream {
    fn opened(&self) -> &Opened {
        &self.opened
    }

    fn next_frame(&mut self) -> Result<VideoFrame, CameraProblem> {
        match self.steps.pop_front().unwrap_or(Step::Hang {
            interruptible: true,
        }) {
            Step::Frame => Ok(VideoFrame {
                picture: Arc::new(I420::black(2, 2).unwrap()),
                captured_at: Instant::now(),
            }),
            Step::Fail(problem) => Err(problem),
            Step::Panic => panic!("as camera libraries do"),
            Step::Hang {
                interruptible: true,
            } => {
                self.woken.recv().unwrap();
                Err(CameraProblem::Other)
            }
            Step::Hang {
                interruptible: false,
            } => loop {
                thread::park();
            },
        }
    }

    fn interrupter(&self) -> Option<Interrupter> {
        let wake = Mutex::new(self.wake.clone());
        Some(Arc::new(move || {
            let _ = wake.lock().unwrap().send(());
        }))
    }
}

impl Drop for ScriptedStream {
    fn drop(&mut self) {
        let _ = self.dropped.send(());
    }
}

struct Run {
    camera: Camera,
    events: Receiver<CameraEvent>,
    frames: Receiver<()>,
    dropped: Receiver<()>,
}

fn run(openings: Vec<Result<Vec<Step>, CameraProblem>>) -> Run {
    run_with(impatient(), openings)
}

fn run_with(patience: Patience, openings: Vec<Result<Vec<Step>, CameraProblem>>) -> Run {
    let (drop_told, dropped) = channel();
    let (frame_told, frames) = channel();
    let (event_told, events) = channel();
    let backend = Scripted {
        openings: Mutex::new(openings.into()),
        dropped: drop_told,
    };
    let camera = Camera::open_with(
        Arc::new(backend),
        None,
        Want::default(),
        patience,
        Box::new(move |_| frame_told.send(()).unwrap()),
        Box::new(move |event| event_told.send(event).unwrap()),
    );
    Run {
        camera,
        events,
        frames,
        dropped,
    }
}

impl Run {
    fn event(&self) -> CameraEvent {
        self.events.recv_timeout(LONG).unwrap()
    }

    #[track_caller]
    fn expect_opened(&self) {
        assert!(matches!(self.event(), CameraEvent::Opened(_)));
    }

    #[track_caller]
    fn expect(&self, event: &CameraEvent) {
        assert_eq!(self.event(), *event);
    }
}

use CameraEvent::{Closed, Failed, Recovered};
use CameraProblem::{Busy, Gone, Missing, Other, Stalled};
use Step::{Fail, Frame, Hang, Panic};

#[test]
fn frames_flow_until_closed() {
    let run = run(vec![Ok(vec![Frame, Frame, Frame])]);
    run.expect_opened();
    for _ in 0..3 {
        run.frames.recv_timeout(LONG).unwrap();
    }
    run.camera.close();
    run.expect(&Closed);
    run.dropped.try_recv().expect("closed means dropped");
    assert!(run.events.recv_timeout(LONG).is_err(), "nothing follows");
}

#[test]
fn a_problem_is_told_once_and_recovers() {
    let run = run(vec![Err(Busy), Err(Busy), Err(Busy), Ok(vec![Frame])]);
    run.expect(&Failed(Busy));
    run.expect_opened();
    run.expect(&Recovered);
}

#[test]
fn an_unplugged_camera_comes_back() {
    let run = run(vec![
        Ok(vec![Frame, Fail(Gone)]),
        Err(Missing),
        Err(Missing),
        Ok(vec![Frame]),
    ]);
    run.expect_opened();
    run.expect(&Failed(Gone));
    run.expect_opened();
    run.expect(&Recovered);
    assert_eq!(run.frames.iter().take(2).count(), 2);
}

#[test]
fn a_camera_that_stops_is_interrupted_and_opened_anew() {
    let run = run(vec![
        Ok(vec![
            Frame,
            Hang {
                interruptible: true,
            },
        ]),
        Ok(vec![Frame]),
    ]);
    run.expect_opened();
    run.expect(&Failed(Stalled));
    run.dropped.recv_timeout(LONG).unwrap();
    run.expect_opened();
    run.expect(&Recovered);
}

#[test]
fn a_camera_that_hangs_for_ever_is_given_up_on() {
    let run = run(vec![
        Ok(vec![Hang {
            interruptible: false,
        }]),
        Ok(vec![Frame]),
    ]);
    run.expect(&Failed(Stalled));
    run.expect_opened();
    run.expect(&Recovered);
}

#[test]
fn a_panic_of_the_library_is_a_failure() {
    // Printing the panic takes its time.
    let patience = Patience {
        stall: LONG,
        ..impatient()
    };
    let run = run_with(patience, vec![Ok(vec![Frame, Panic]), Ok(vec![Frame])]);
    run.expect_opened();
    run.expect(&Failed(Other));
    run.expect_opened();
    run.expect(&Recovered);
}

#[test]
fn closing_interrupts_a_camera_that_blocks() {
    let run = run(vec![Ok(vec![
        Frame,
        Hang {
            interruptible: true,
        },
    ])]);
    run.expect_opened();
    run.camera.close();
    run.expect(&Closed);
    run.dropped.try_recv().unwrap();
}

#[test]
fn dropping_closes_also_while_waiting_to_try_again() {
    let run = run(vec![Err(Missing)]);
    run.expect(&Failed(Missing));
    drop(run.camera);
    assert_eq!(run.events.recv_timeout(LONG), Ok(Closed));
}

//! Cameras of this machine, by nokhwa.

use std::time::Instant;

use super::{
    CameraBackend, CameraProblem, CameraStream, Converter, Interrupter, Opened, RawPicture, Want,
    classify,
};
use crate::frame::{FramePool, VideoFrame};
use crate::platform::{self, OpenDevice};
use crate::stages::{Stage, StageClock};

/// Damaged pictures in a row after which the camera is opened anew.
const MOST_DAMAGED: u32 = 30;

/// Opens the cameras that [`list_cameras`](super::list_cameras) names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Webcam;

impl CameraBackend for Webcam {
    fn open(&self, id: Option<&str>, want: Want) -> Result<Box<dyn CameraStream>, CameraProblem> {
        let mut device = platform::open_camera(id, want)?;
        device
            .camera
            .open_stream()
            .map_err(|error| classify(&error))?;
        let format = device.camera.camera_format();
        let opened = Opened {
            name: device.name.clone(),
            width: format.width(),
            height: format.height(),
            fps: format.frame_rate(),
            format: format.format().into(),
        };
        tracing::info!(
            width = opened.width,
            height = opened.height,
            fps = opened.fps,
            format = opened.format.name(),
            "camera opened"
        );
        Ok(Box::new(WebcamStream {
            device,
            opened,
            converter: Converter::default(),
            pool: FramePool::default(),
            converting: StageClock::new(Stage::Convert),
        }))
    }
}

struct WebcamStream {
    device: OpenDevice,
    opened: Opened,
    converter: Converter,
    pool: FramePool,
    converting: StageClock,
}

impl CameraStream for WebcamStream {
    fn opened(&self) -> &Opened {
        &self.opened
    }

    fn next_frame(&mut self) -> Result<VideoFrame, CameraProblem> {
        let Opened {
            width,
            height,
            format,
            ..
        } = self.opened;
        for _ in 0..MOST_DAMAGED {
            // The bytes stay where the driver put them; `frame()` would copy the whole buffer.
            let data = self.device.camera.frame_raw().map_err(|error| {
                tracing::debug!(%error, "the camera failed");
                classify(&error)
            })?;
            let captured_at = Instant::now();
            let converting = self.converting.begin();
            let (format, stride) = platform::layout(format, width, height, data.len());
            let raw = RawPicture {
                format,
                width,
                height,
                stride,
                data: &data,
            };
            let converter = &mut self.converter;
            match self
                .pool
                .fill(width, height, |target| converter.convert(raw, target))
            {
                Ok(picture) => {
                    self.converting.end(converting);
                    return Ok(VideoFrame {
                        picture,
                        captured_at,
                    });
                }
                Err(error) => tracing::debug!(%error, "a picture of the camera was left out"),
            }
        }
        Err(CameraProblem::Other)
    }

    fn interrupter(&self) -> Option<Interrupter> {
        self.device.interrupter.clone()
    }
}

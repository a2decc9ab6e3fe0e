//! What a virtual camera is like: the text of its file.

use std::fmt::{self, Display, Write};

/// A camera's settings. As text one `key=value` a line; unknown keys are an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Camera {
    pub name: String,
    pub sizes: Vec<Size>,
    pub layouts: Vec<Layout>,
    pub mode: Mode,
    /// Frames per second that the camera is set to before anybody sets it, as a fraction.
    pub rate: Option<(u32, u32)>,
    /// Seed of the picture's content.
    pub scene: u32,
    /// What the kernel notes as the node's index; other than 0 for nodes without pictures.
    pub index: u32,
}

/// A size with the frames per second it is offered at, as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub width: u32,
    pub height: u32,
    pub rate: (u32, u32),
}

/// How the bytes of pictures are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    Yuyv,
    Nv12,
    Mjpg,
}

/// How a camera behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Ok,
    /// Another program has it.
    Busy,
    /// Opening is not permitted.
    Denied,
    /// Delivers nothing.
    Hang,
    /// Every read fails.
    Eio,
}

impl Layout {
    /// The code of Video4Linux.
    #[must_use]
    pub fn fourcc(self) -> [u8; 4] {
        match self {
            Self::Yuyv => *b"YUYV",
            Self::Nv12 => *b"NV12",
            Self::Mjpg => *b"MJPG",
        }
    }

    /// Bytes that a picture of this size takes at most.
    #[must_use]
    pub fn length(self, width: u32, height: u32) -> u32 {
        match self {
            Self::Yuyv | Self::Mjpg => width * height * 2,
            Self::Nv12 => width * height * 3 / 2,
        }
    }
}

impl Default for Camera {
    fn default() -> Self {
        let size = |width, height| Size {
            width,
            height,
            rate: (30, 1),
        };
        Self {
            name: "Virtual camera".to_owned(),
            sizes: vec![size(1280, 720), size(640, 480), size(640, 360)],
            layouts: vec![Layout::Yuyv, Layout::Nv12, Layout::Mjpg],
            mode: Mode::Ok,
            rate: None,
            scene: 1,
            index: 0,
        }
    }
}

impl Camera {
    /// Reads a camera's file.
    ///
    /// # Errors
    /// The line that is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut camera = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let wrong = || line.to_owned();
            let (key, value) = line.split_once('=').ok_or_else(wrong)?;
            match key {
                "name" => camera.name = value.to_owned(),
                "sizes" => camera.sizes = list(value, size).ok_or_else(wrong)?,
                "formats" => camera.layouts = list(value, layout).ok_or_else(wrong)?,
                "mode" => camera.mode = mode(value).ok_or_else(wrong)?,
                "rate" => camera.rate = Some(fraction(value).ok_or_else(wrong)?),
                "scene" => camera.scene = value.parse().map_err(|_| wrong())?,
                "index" => camera.index = value.parse().map_err(|_| wrong())?,
                _ => return Err(wrong()),
            }
        }
        Ok(camera)
    }
}

impl Display for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sizes = String::new();
        for Size {
            width,
            height,
            rate,
        } in &self.sizes
        {
            let comma = if sizes.is_empty() { "" } else { "," };
            write!(sizes, "{comma}{width}x{height}@{}/{}", rate.0, rate.1)?;
        }
        let layouts: Vec<_> = self
            .layouts
            .iter()
            .map(|layout| String::from_utf8_lossy(&layout.fourcc()).into_owned())
            .collect();
        let mode = match self.mode {
            Mode::Ok => "ok",
            Mode::Busy => "busy",
            Mode::Denied => "eacces",
            Mode::Hang => "hang",
            Mode::Eio => "eio",
        };
        writeln!(
            f,
            "name={}\nsizes={sizes}\nformats={}",
            self.name,
            layouts.join(",")
        )?;
        writeln!(f, "mode={mode}\nscene={}\nindex={}", self.scene, self.index)?;
        self.rate
            .map_or(Ok(()), |rate| writeln!(f, "rate={}/{}", rate.0, rate.1))
    }
}

fn list<T>(text: &str, one: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(|part| one(part.trim())).collect()
}

fn size(text: &str) -> Option<Size> {
    let (size, rate) = text.split_once('@')?;
    let (width, height) = size.split_once('x')?;
    let side = |text: &str| text.parse().ok().filter(|side| (2..=4096).contains(side));
    Some(Size {
        width: side(width)?,
        height: side(height)?,
        rate: fraction(rate)?,
    })
}

fn fraction(text: &str) -> Option<(u32, u32)> {
    let (above, below) = text.split_once('/').unwrap_or((text, "1"));
    let number = |text: &str| text.parse().ok().filter(|&number: &u32| number > 0);
    Some((number(above)?, number(below)?))
}

fn layout(text: &str) -> Option<Layout> {
    [Layout::Yuyv, Layout::Nv12, Layout::Mjpg]
        .into_iter()
        .find(|layout| text.as_bytes() == layout.fourcc())
}

fn mode(text: &str) -> Option<Mode> {
    Some(match text {
        "ok" => Mode::Ok,
        "busy" => Mode::Busy,
        "eacces" => Mode::Denied,
        "hang" => Mode::Hang,
        "eio" => Mode::Eio,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let camera = Camera {
            name: "Front camera".to_owned(),
            sizes: vec![Size {
                width: 320,
                height: 240,
                rate: (25, 2),
            }],
            layouts: vec![Layout::Mjpg],
            mode: Mode::Hang,
            rate: Some((30_000, 1001)),
            scene: 7,
            index: 1,
        };
        assert_eq!(Camera::parse(&camera.to_string()), Ok(camera));
        assert_eq!(Camera::parse(""), Ok(Camera::default()));
        assert_eq!(
            Camera::parse("sizes=640x480@30").unwrap().sizes[0].rate,
            (30, 1)
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for line in [
            "mode=odd",
            "sizes=640",
            "sizes=1x1@30",
            "rate=0",
            "size=1",
            "name",
        ] {
            assert_eq!(Camera::parse(line), Err(line.to_owned()));
        }
    }
}

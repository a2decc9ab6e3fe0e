use std::path::Path;

use anyhow::Result;

/// Pixels read out of a page.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Rows of red, green, blue, alpha.
    pub rgba: Vec<u8>,
    /// When they were read: milliseconds since the Unix epoch.
    pub at_ms: u64,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({} × {})", self.width, self.height)
    }
}

impl Picture {
    /// One pixel.
    ///
    /// # Panics
    /// Outside of the picture.
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 4] {
        let at = 4 * (y * self.width + x);
        [
            self.rgba[at],
            self.rgba[at + 1],
            self.rgba[at + 2],
            self.rgba[at + 3],
        ]
    }

    /// Brightness (BT.601, full range), row by row.
    pub fn luma(&self) -> Vec<u8> {
        let luma = |pixel: &[u8; 4]| {
            let [red, green, blue, _] = pixel.map(u32::from);
            ((299 * red + 587 * green + 114 * blue) / 1000) as u8
        };
        self.rgba.as_chunks().0.iter().map(luma).collect()
    }

    /// How much the brightness varies (standard deviation): near 0 for one plain colour.
    pub fn contrast(&self) -> f64 {
        let luma = self.luma();
        let count = luma.len().max(1) as f64;
        let mean = luma.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
        let square = |value: &u8| (f64::from(*value) - mean).powi(2);
        (luma.iter().map(square).sum::<f64>() / count).sqrt()
    }

    /// Writes it as PNG.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let file = std::io::BufWriter::new(std::fs::File::create(path)?);
        let size = (u32::try_from(self.width)?, u32::try_from(self.height)?);
        let mut encoder = png::Encoder::new(file, size.0, size.1);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&self.rgba)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_picture_has_no_contrast() {
        let plain = Picture {
            width: 2,
            height: 1,
            at_ms: 0,
            rgba: vec![9, 9, 9, 255, 9, 9, 9, 255],
        };
        assert!(plain.contrast() < 0.1);
        let mixed = Picture {
            width: 2,
            height: 1,
            at_ms: 0,
            rgba: vec![0, 0, 0, 255, 255, 255, 255, 255],
        };
        assert!(mixed.contrast() > 100.0);
        assert_eq!(mixed.luma(), [0, 255]);
    }
}

//! Loops over planes that the compiler turns into vector instructions.

/// The luma of a row of YUYV; `from` has four bytes for two samples.
pub(super) fn luma_of_yuyv(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.iter_mut().zip(from.chunks_exact(2)) {
        *to = from[0];
    }
}

/// The mean chroma of two rows of YUYV. Whole words, because those fill vector registers.
pub(super) fn chroma_of_yuyv(above: &[u8], below: &[u8], u: &mut [u8], v: &mut [u8]) {
    let words = above.chunks_exact(4).zip(below.chunks_exact(4));
    for ((u, v), (a, b)) in u.iter_mut().zip(v).zip(words) {
        let a = u32::from_le_bytes([a[0], a[1], a[2], a[3]]);
        let b = u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        *u = (((a >> 8 & 0xff) + (b >> 8 & 0xff) + 1) >> 1) as u8;
        *v = (((a >> 24) + (b >> 24) + 1) >> 1) as u8;
    }
}

/// Luma in limited range of full-range RGB (BT.601).
pub(super) fn luma_of_rgb(rgb: [u8; 3]) -> u8 {
    let [r, g, b] = rgb.map(i32::from);
    (((66 * r + 129 * g + 25 * b + 128) >> 8) + 16) as u8
}

/// Chroma in limited range of full-range RGB (BT.601).
pub(super) fn chroma_of_rgb(rgb: [u8; 3]) -> (u8, u8) {
    let [r, g, b] = rgb.map(i32::from);
    let u = ((-38 * r - 74 * g + 112 * b + 128) >> 8) + 128;
    let v = ((112 * r - 94 * g - 18 * b + 128) >> 8) + 128;
    (u as u8, v as u8)
}

/// Luma from full range (0 to 255) to limited (16 to 235).
pub(super) fn limit_luma(from: &[u8], to: &mut [u8]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = ((u16::from(from) * 220 + 128) >> 8) as u8 + 16;
    }
}

/// Chroma from full range to limited (16 to 240).
pub(super) fn limit_chroma(from: &[u8], to: &mut [u8]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = squeeze(from);
    }
}

/// The same of the mean of two rows: 4:2:2 to 4:2:0.
pub(super) fn limit_chroma_rows(above: &[u8], below: &[u8], to: &mut [u8]) {
    for (to, (&a, &b)) in to.iter_mut().zip(above.iter().zip(below)) {
        *to = squeeze(((u16::from(a) + u16::from(b) + 1) >> 1) as u8);
    }
}

/// The same of the mean of two columns; a last odd column stands for itself.
pub(super) fn limit_chroma_columns(from: &[u8], to: &mut [u8]) {
    for (to, pair) in to.iter_mut().zip(from.chunks(2)) {
        let sum: u16 = pair.iter().map(|&sample| u16::from(sample)).sum();
        let count = pair.len() as u16;
        *to = squeeze(((sum + count / 2) / count) as u8);
    }
}

fn squeeze(sample: u8) -> u8 {
    ((u16::from(sample) * 225 + 128 * 31 + 128) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_and_the_middle_are_exact() {
        let mut out = [0; 3];
        limit_luma(&[0, 128, 255], &mut out);
        assert_eq!(out, [16, 126, 235]);
        limit_chroma(&[0, 128, 255], &mut out);
        assert_eq!(out, [16, 128, 240]);
        limit_chroma_rows(&[0, 100, 255], &[0, 156, 255], &mut out);
        assert_eq!(out, [16, 128, 240]);
        limit_chroma_columns(&[0, 0, 100, 156, 255], &mut out);
        assert_eq!(out, [16, 128, 240]);
    }
}

//! Loops over planes that the compiler turns into vector instructions.

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

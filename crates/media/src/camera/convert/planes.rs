//! Loops over planes that the compiler turns into vector instructions.

#[cfg(not(target_arch = "x86_64"))]
mod plain;
#[cfg(target_arch = "x86_64")]
mod sse2;

#[cfg(not(target_arch = "x86_64"))]
use self::plain as vector;
#[cfg(target_arch = "x86_64")]
use self::sse2 as vector;

/// The luma of a row of YUYV; `from` has four bytes for two samples.
pub(super) fn luma_of_yuyv(from: &[u8], to: &mut [u8]) {
    let done = vector::firsts(from, to);
    for (to, from) in to[done..].iter_mut().zip(from[done * 2..].chunks_exact(2)) {
        *to = from[0];
    }
}

/// The mean chroma of two rows of YUYV.
pub(super) fn chroma_of_yuyv(above: &[u8], below: &[u8], u: &mut [u8], v: &mut [u8]) {
    let done = vector::second_and_fourth(above, below, u, v);
    let words = above[done * 4..]
        .chunks_exact(4)
        .zip(below[done * 4..].chunks_exact(4));
    for ((u, v), (a, b)) in u[done..].iter_mut().zip(&mut v[done..]).zip(words) {
        let mean = |at: usize| (u16::from(a[at]) + u16::from(b[at])).div_ceil(2) as u8;
        (*u, *v) = (mean(1), mean(3));
    }
}

/// Chroma that comes as pairs.
pub(super) fn chroma_of_nv12(from: &[u8], u: &mut [u8], v: &mut [u8]) {
    let done = vector::both(from, u, v);
    let pairs = from[done * 2..].chunks_exact(2);
    for ((u, v), pair) in u[done..].iter_mut().zip(&mut v[done..]).zip(pairs) {
        (*u, *v) = (pair[0], pair[1]);
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
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_of_any_length_are_taken_apart(
            above in prop::collection::vec(any::<u8>(), 4..600), seed in any::<u8>(),
        ) {
            let length = above.len() / 4;
            let row = &above[..length * 4];
            let below: Vec<u8> = row.iter().map(|&byte| byte.wrapping_mul(seed)).collect();
            let (mut y, mut u, mut v) = (vec![0; length * 2], vec![0; length], vec![0; length]);
            luma_of_yuyv(row, &mut y);
            chroma_of_yuyv(row, &below, &mut u, &mut v);
            let mean = |at: usize| (u16::from(row[at]) + u16::from(below[at])).div_ceil(2) as u8;
            for index in 0..length {
                prop_assert_eq!((y[index * 2], y[index * 2 + 1]), (row[index * 4], row[index * 4 + 2]));
                prop_assert_eq!((u[index], v[index]), (mean(index * 4 + 1), mean(index * 4 + 3)));
            }
            let (mut u, mut v) = (vec![0; length * 2], vec![0; length * 2]);
            chroma_of_nv12(row, &mut u, &mut v);
            for (index, pair) in row.chunks_exact(2).enumerate() {
                prop_assert_eq!([u[index], v[index]], pair);
            }
        }
    }

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

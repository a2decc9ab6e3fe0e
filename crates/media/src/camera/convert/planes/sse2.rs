//! The loops over interleaved samples for x86-64, where the compiler does not find the
//! instructions for them. Each function returns how many samples it has written; the rest is for
//! the plain loops.
#![expect(
    unsafe_code,
    reason = "vector instructions; SSE2 is part of every x86-64"
)]

use std::arch::x86_64::{
    __m128i, _mm_and_si128, _mm_avg_epu8, _mm_loadu_si128, _mm_packus_epi16, _mm_set1_epi16,
    _mm_srli_epi16, _mm_storeu_si128,
};

/// Every first of two bytes.
pub(super) fn firsts(from: &[u8], to: &mut [u8]) -> usize {
    #[target_feature(enable = "sse2")]
    fn run(from: &[[u8; 32]], to: &mut [[u8; 16]]) {
        for (to, from) in to.iter_mut().zip(from) {
            let [a, b] = load(from);
            store(even(a, b), to);
        }
    }
    let (from, to) = (from.as_chunks().0, to.as_chunks_mut().0);
    // SAFETY: SSE2 is part of x86-64.
    unsafe { run(from, to) };
    from.len().min(to.len()) * 16
}

/// The first and the second of every two bytes.
pub(super) fn both(from: &[u8], first: &mut [u8], second: &mut [u8]) -> usize {
    #[target_feature(enable = "sse2")]
    fn run(from: &[[u8; 32]], first: &mut [[u8; 16]], second: &mut [[u8; 16]]) {
        for ((first, second), from) in first.iter_mut().zip(second).zip(from) {
            let [a, b] = load(from);
            store(even(a, b), first);
            store(odd(a, b), second);
        }
    }
    let (from, _) = from.as_chunks();
    let (first, second) = (first.as_chunks_mut().0, second.as_chunks_mut().0);
    let count = from.len().min(first.len()).min(second.len());
    // SAFETY: SSE2 is part of x86-64.
    unsafe { run(from, first, second) };
    count * 16
}

/// The mean of two rows of four bytes a time: of every second byte, and of every fourth.
pub(super) fn second_and_fourth(
    above: &[u8],
    below: &[u8],
    second: &mut [u8],
    fourth: &mut [u8],
) -> usize {
    #[target_feature(enable = "sse2")]
    fn run(
        above: &[[u8; 64]],
        below: &[[u8; 64]],
        second: &mut [[u8; 16]],
        fourth: &mut [[u8; 16]],
    ) {
        let rows = above.iter().zip(below);
        for ((second, fourth), (above, below)) in second.iter_mut().zip(fourth).zip(rows) {
            let (above, below): ([_; 4], [_; 4]) = (load(above), load(below));
            let mean = |at: usize| _mm_avg_epu8(above[at], below[at]);
            let (a, b) = (odd(mean(0), mean(1)), odd(mean(2), mean(3)));
            store(even(a, b), second);
            store(odd(a, b), fourth);
        }
    }
    let (above, below) = (above.as_chunks().0, below.as_chunks().0);
    let (second, fourth) = (second.as_chunks_mut().0, fourth.as_chunks_mut().0);
    let count = above
        .len()
        .min(below.len())
        .min(second.len())
        .min(fourth.len());
    // SAFETY: SSE2 is part of x86-64.
    unsafe { run(above, below, second, fourth) };
    count * 16
}

/// `M` times sixteen of the `N` bytes.
#[inline]
#[target_feature(enable = "sse2")]
fn load<const N: usize, const M: usize>(from: &[u8; N]) -> [__m128i; M] {
    const { assert!(N == M * 16) };
    let from: *const __m128i = from.as_ptr().cast();
    // SAFETY: there are `M` of them, and this instruction takes any address.
    std::array::from_fn(|index| unsafe { _mm_loadu_si128(from.add(index)) })
}

#[inline]
#[target_feature(enable = "sse2")]
fn store(value: __m128i, to: &mut [u8; 16]) {
    // SAFETY: sixteen bytes, and this instruction takes any address.
    unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), value) };
}

#[inline]
#[target_feature(enable = "sse2")]
fn even(a: __m128i, b: __m128i) -> __m128i {
    let low = _mm_set1_epi16(0xff);
    _mm_packus_epi16(_mm_and_si128(a, low), _mm_and_si128(b, low))
}

#[inline]
#[target_feature(enable = "sse2")]
fn odd(a: __m128i, b: __m128i) -> __m128i {
    _mm_packus_epi16(_mm_srli_epi16::<8>(a), _mm_srli_epi16::<8>(b))
}

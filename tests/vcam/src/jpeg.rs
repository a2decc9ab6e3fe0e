//! JPEGs whose top can be replaced without encoding the rest again.
//!
//! Baseline, 4:2:2 as cameras do, with a restart marker after each row of blocks, so that every
//! row stands for itself. The rows below the barcode are encoded once. Those of the barcode
//! consist of flat blocks, which take a few bits each, and are written for every picture.

use crate::barcode::{self, Stamp};

/// A block covers 16 by 8 pixels: two of luma, one of each chroma.
const BLOCK: (usize, usize) = (16, 8);
/// One quantiser for all frequencies above the first, and a finer one for that.
const QUANTISER: i32 = 14;
const QUANTISER_DC: i32 = 8;

/// A JPEG without its barcode.
#[derive(Debug)]
pub(crate) struct Encoded {
    width: usize,
    height: usize,
    head: Vec<u8>,
    /// How many rows of blocks the barcode covers.
    top: usize,
    /// The other rows, each with the marker in front of it.
    rest: Vec<u8>,
}

impl Encoded {
    /// Encodes a picture in NV12.
    pub(crate) fn new(nv12: &[u8], width: usize, height: usize) -> Self {
        let rows = height.div_ceil(BLOCK.1);
        let top = (barcode::lines(height as u32) as usize).div_ceil(BLOCK.1);
        let table = DctTable::new();
        let mut rest = Vec::new();
        for row in top..rows {
            marker(&mut rest, row);
            encode_row(&mut rest, &table, nv12, (width, height), row);
        }
        rest.extend([0xff, 0xd9]);
        Self {
            width,
            height,
            head: head(width, height),
            top,
            rest,
        }
    }

    /// Writes the picture with a barcode and returns its length; 0 when it does not fit.
    pub(crate) fn write(&self, stamp: Stamp, out: &mut [u8]) -> usize {
        let mut top = Vec::with_capacity(8192);
        for row in 0..self.top {
            if row > 0 {
                marker(&mut top, row);
            }
            self.flat_row(&mut top, stamp, row);
        }
        let length = self.head.len() + top.len() + self.rest.len();
        let Some(out) = out.get_mut(..length) else {
            return 0;
        };
        let (head, tail) = out.split_at_mut(self.head.len());
        head.copy_from_slice(&self.head);
        tail[..top.len()].copy_from_slice(&top);
        tail[top.len()..].copy_from_slice(&self.rest);
        length
    }

    fn flat_row(&self, out: &mut Vec<u8>, stamp: Stamp, row: usize) {
        let mut bits = Bits::new(out);
        let mut before = 0;
        let middle = (row * BLOCK.1 + BLOCK.1 / 2) as u32;
        let cell_row = barcode::row_at(middle, self.height as u32);
        for x in (0..self.width).step_by(BLOCK.0) {
            for half in [4, 12] {
                let column = barcode::column_at((x + half) as u32, self.width as u32);
                let shade = i32::from(barcode::shade(stamp.cell(column, cell_row)));
                // The first coefficient of a flat block is eight times its value.
                let value = (shade - 128) * 8 / QUANTISER_DC;
                bits.dc(value - before);
                bits.end_of_block();
                before = value;
            }
            for _ in 0..2 {
                bits.dc(0);
                bits.end_of_block();
            }
        }
        bits.finish();
    }
}

/// The marker in front of a row of blocks; they count from 0 to 7.
fn marker(out: &mut Vec<u8>, row: usize) {
    out.extend([0xff, 0xd0 + ((row + 7) % 8) as u8]);
}

fn head(width: usize, height: usize) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    let mut segment = |kind: u8, content: &[u8]| {
        out.extend([0xff, kind]);
        out.extend((content.len() as u16 + 2).to_be_bytes());
        out.extend(content);
    };
    let mut quantisers = vec![0, QUANTISER_DC as u8];
    quantisers.extend([QUANTISER as u8; 63]);
    segment(0xdb, &quantisers);
    let side = |side: usize| (side as u16).to_be_bytes();
    let mut frame = vec![8];
    frame.extend(side(height));
    frame.extend(side(width));
    frame.extend([3, 1, 0x21, 0, 2, 0x11, 0, 3, 0x11, 0]);
    segment(0xc0, &frame);
    // DC: 12 codes of 4 bits. AC: the end of block as 2 bits, the rest as 8 (runs up to 5 of up
    // to 8 bits, and the longest run) or 9 bits: simple, and not much longer than better codes.
    let mut dc = vec![0x00, 0, 0, 0, 12];
    dc.extend([0; 12]);
    dc.extend(0..12u8);
    segment(0xc4, &dc);
    let mut ac = vec![0x10, 0, 1, 0, 0, 0, 0, 0, SHORT as u8, 113];
    ac.extend([0; 7]);
    ac.push(0);
    ac.extend((0..161).map(ac_symbol));
    segment(0xc4, &ac);
    segment(0xdd, &side(width.div_ceil(BLOCK.0)));
    segment(0xda, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
    out
}

/// Codes of eight bits.
const SHORT: usize = 48;

/// The symbols after the end of block, the frequent ones first.
fn ac_symbol(index: usize) -> u8 {
    match index {
        0..48 => ((index / 8) << 4 | (index % 8 + 1)) as u8,
        48 => 0xf0,
        49..61 => {
            let index = index - 49;
            ((index / 2) << 4 | (index % 2 + 9)) as u8
        }
        _ => {
            let index = index - 61;
            ((6 + index / 10) << 4 | (index % 10 + 1)) as u8
        }
    }
}

fn ac_code(run: usize, size: usize) -> (u32, u32) {
    let index = match (run, size) {
        (15, 0) => 48,
        (0..6, 1..=8) => run * 8 + size - 1,
        (0..6, _) => 49 + run * 2 + size - 9,
        _ => 61 + (run - 6) * 10 + size - 1,
    };
    // Canonical: counted up from the code before, and doubled where the length grows. The end of
    // block is 00, so codes of eight bits start at 01000000.
    if index < SHORT {
        (0x40 + index as u32, 8)
    } else {
        ((0x40 + SHORT as u32) * 2 + (index - SHORT) as u32, 9)
    }
}

fn encode_row(
    out: &mut Vec<u8>,
    table: &DctTable,
    nv12: &[u8],
    (width, height): (usize, usize),
    row: usize,
) {
    let (luma, chroma) = nv12.split_at(width * height);
    let mut bits = Bits::new(out);
    let mut before = [0; 3];
    let y0 = row * BLOCK.1;
    for x0 in (0..width).step_by(BLOCK.0) {
        for half in [0, 8] {
            let sample = |x: usize, y: usize| {
                let (x, y) = ((x0 + half + x).min(width - 1), (y0 + y).min(height - 1));
                luma[y * width + x]
            };
            bits.block(&table.coefficients(sample), &mut before[0]);
        }
        for plane in 0..2 {
            let sample = |x: usize, y: usize| {
                let x = (x0 / 2 + x).min(width / 2 - 1);
                let y = ((y0 + y) / 2).min(height / 2 - 1);
                chroma[y * width + x * 2 + plane]
            };
            bits.block(&table.coefficients(sample), &mut before[1 + plane]);
        }
    }
    bits.finish();
}

/// The cosine transform of blocks of eight by eight.
struct DctTable {
    basis: [[f32; 8]; 8],
}

impl DctTable {
    fn new() -> Self {
        let mut basis = [[0.0; 8]; 8];
        for (frequency, row) in basis.iter_mut().enumerate() {
            let scale = if frequency == 0 {
                (0.125f32).sqrt()
            } else {
                0.5
            };
            for (position, value) in row.iter_mut().enumerate() {
                let angle = (2 * position + 1) as f32 * frequency as f32;
                *value = scale * (angle * std::f32::consts::PI / 16.0).cos();
            }
        }
        Self { basis }
    }

    /// Quantised coefficients, row by row.
    fn coefficients(&self, sample: impl Fn(usize, usize) -> u8) -> [i32; 64] {
        let mut half = [[0.0; 8]; 8];
        for (y, row) in half.iter_mut().enumerate() {
            let samples: [f32; 8] = std::array::from_fn(|x| f32::from(sample(x, y)) - 128.0);
            for (basis, value) in self.basis.iter().zip(row) {
                *value = basis.iter().zip(samples).map(|(b, s)| b * s).sum();
            }
        }
        std::array::from_fn(|index| {
            let (v, u) = (index / 8, index % 8);
            let sum: f32 = self.basis[v]
                .iter()
                .zip(&half)
                .map(|(b, row)| b * row[u])
                .sum();
            let quantiser = if index == 0 { QUANTISER_DC } else { QUANTISER };
            (sum / quantiser as f32).round() as i32
        })
    }
}

/// Where the coefficient with this place in the order of the file is in the block.
fn zigzag() -> impl Iterator<Item = usize> {
    (0..15).flat_map(|diagonal: usize| {
        let along = diagonal.saturating_sub(7)..=diagonal.min(7);
        let upwards = diagonal.is_multiple_of(2);
        let (low, high) = (*along.start(), *along.end());
        along.map(move |step| {
            let row = if upwards { high - (step - low) } else { step };
            row * 8 + (diagonal - row)
        })
    })
}

/// Entropy-coded data being written.
struct Bits<'a> {
    out: &'a mut Vec<u8>,
    pending: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            pending: 0,
            count: 0,
        }
    }

    fn put(&mut self, value: u32, count: u32) {
        self.pending = self.pending << count | u64::from(value & ((1 << count) - 1));
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.pending >> self.count) as u8;
            self.out.push(byte);
            if byte == 0xff {
                self.out.push(0);
            }
        }
    }

    fn magnitude(&mut self, value: i32, size: u32) {
        // Negative numbers are written one less, without their sign.
        self.put((if value < 0 { value - 1 } else { value }) as u32, size);
    }

    fn dc(&mut self, difference: i32) {
        let size = bits_of(difference);
        self.put(size, 4);
        self.magnitude(difference, size);
    }

    fn end_of_block(&mut self) {
        self.put(0, 2);
    }

    fn block(&mut self, coefficients: &[i32; 64], before: &mut i32) {
        self.dc(coefficients[0] - *before);
        *before = coefficients[0];
        let mut run = 0;
        for index in zigzag().skip(1) {
            let value = coefficients[index];
            if value == 0 {
                run += 1;
                continue;
            }
            while run > 15 {
                let (code, length) = ac_code(15, 0);
                self.put(code, length);
                run -= 16;
            }
            let size = bits_of(value);
            let (code, length) = ac_code(run, size as usize);
            self.put(code, length);
            self.magnitude(value, size);
            run = 0;
        }
        if run > 0 {
            self.end_of_block();
        }
    }

    /// Fills the last byte with ones.
    fn finish(mut self) {
        if self.count > 0 {
            let fill = 8 - self.count;
            self.put((1 << fill) - 1, fill);
        }
    }
}

fn bits_of(value: i32) -> u32 {
    32 - value.unsigned_abs().leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_agree_with_the_table_in_the_header() {
        let symbols: Vec<u8> = (0..161).map(ac_symbol).collect();
        assert_eq!(symbols.iter().collect::<HashSet<_>>().len(), 161);
        for (index, &symbol) in symbols.iter().enumerate() {
            let (code, length) = ac_code(usize::from(symbol >> 4), usize::from(symbol & 15));
            let expected = if index < SHORT {
                0x40 + index
            } else {
                0xe0 + index - SHORT
            };
            assert_eq!(
                (code as usize, length),
                (expected, if index < SHORT { 8 } else { 9 })
            );
        }
        assert!(ac_code(15, 10).0 < 0x1ff, "all ones is not allowed");
    }

    #[test]
    fn the_order_of_the_file_is_a_zigzag() {
        let order: Vec<_> = zigzag().collect();
        assert_eq!(order[..10], [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]);
        assert_eq!(order.iter().collect::<HashSet<_>>().len(), 64);
        assert_eq!(order[63], 63);
    }
}

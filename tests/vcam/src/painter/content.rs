//! Drawing the parts of the picture, once.

/// A picture with chroma at half size both ways.
#[derive(Debug, Clone)]
pub(super) struct Planes {
    width: usize,
    height: usize,
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl Planes {
    /// Both sides even.
    fn draw(
        width: usize,
        height: usize,
        luma: impl Fn(f32, f32) -> f32,
        chroma: impl Fn(f32, f32) -> (f32, f32),
    ) -> Self {
        let (width, height) = (width & !1, height & !1);
        let y = doubled(width, height, |column, row| {
            luma(column as f32, row as f32).clamp(18.0, 232.0) as u8
        });
        let (mut u, mut v) = (Vec::new(), Vec::new());
        for row in 0..height / 2 {
            for column in 0..width / 2 {
                let (blue, red) = chroma(column as f32 * 2.0, row as f32 * 2.0);
                u.push(blue as u8);
                v.push(red as u8);
            }
        }
        Self {
            width,
            height,
            y,
            u,
            v,
        }
    }

    pub(super) fn nv12(&self) -> Vec<u8> {
        let mut out = self.y.clone();
        out.extend(self.u.iter().zip(&self.v).flat_map(|(&u, &v)| [u, v]));
        out
    }

    pub(super) fn yuyv(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.width * self.height * 2);
        let half = self.width / 2;
        for (row, luma) in self.y.chunks_exact(self.width).enumerate() {
            let chroma = row / 2 * half;
            let pairs = self.u[chroma..chroma + half]
                .iter()
                .zip(&self.v[chroma..chroma + half]);
            for (pair, (&u, &v)) in luma.chunks_exact(2).zip(pairs) {
                out.extend([pair[0], u, pair[1], v]);
            }
        }
        out
    }
}

/// Draws every second column of every second row and fills in between: the content is soft enough,
/// and the first picture of a camera waits for this.
fn doubled(width: usize, height: usize, shade: impl Fn(usize, usize) -> u8) -> Vec<u8> {
    let columns = width / 2 + 1;
    let coarse: Vec<u8> = (0..height / 2 + 1)
        .flat_map(|row| (0..columns).map(move |column| (column * 2, row * 2)))
        .map(|(column, row)| shade(column, row))
        .collect();
    let mut fine = vec![0; width * height];
    let mean = |a: u8, b: u8| ((u16::from(a) + u16::from(b)) / 2) as u8;
    for (row, line) in fine.chunks_exact_mut(width).enumerate() {
        let above = &coarse[row / 2 * columns..][..columns];
        let below = &coarse[row.div_ceil(2) * columns..][..columns];
        let pairs = above.windows(2).zip(below.windows(2));
        for (out, (above, below)) in line.chunks_exact_mut(2).zip(pairs) {
            let here = mean(above[0], below[0]);
            out[0] = here;
            out[1] = mean(here, mean(above[1], below[1]));
        }
    }
    fine
}

/// A wall with soft light, a shelf and somebody's shoulders.
pub(super) fn backdrop(width: usize, height: usize, scene: u32) -> Planes {
    let unit = height as f32 / 720.0;
    let soft = Grid::new(width, height, 150.0 * unit, scene);
    let softer = Grid::new(width, height, 45.0 * unit, scene ^ 0x51);
    let fine = Grid::new(width, height, 7.0 * unit, scene ^ 0xa7);
    let (columns, rows) = (width as f32, height as f32);
    let in_shoulders = move |x: f32, y: f32| {
        let (dx, dy) = ((x / columns - 0.5) / 0.36, (y / rows - 1.08) / 0.36);
        dx * dx + dy * dy < 1.0
    };
    let in_shelf = move |x: f32, y: f32| x / columns > 0.78 && (y / rows * 5.0).fract() > 0.86;
    Planes::draw(
        width,
        height,
        |x, y| {
            let texture = 20.0 * soft.at(x, y) + 11.0 * softer.at(x, y) + 4.0 * fine.at(x, y);
            let base = if in_shoulders(x, y) {
                62.0
            } else if in_shelf(x, y) {
                84.0
            } else {
                142.0 - 30.0 * y / rows
            };
            base + texture
        },
        |x, y| {
            let tint = 7.0 * soft.at(x, y);
            if in_shoulders(x, y) {
                (142.0 + tint, 116.0)
            } else {
                (122.0 + tint, 132.0 - tint)
            }
        },
    )
}

/// A face: skin, hair, two eyes.
pub(super) fn head(width: usize, height: usize, scene: u32) -> Planes {
    let unit = height as f32 / 430.0;
    let soft = Grid::new(width, height, 60.0 * unit, scene ^ 0x1234);
    let fine = Grid::new(width, height, 5.0 * unit, scene ^ 0x4321);
    let (columns, rows) = (width as f32, height as f32);
    let hair = move |x: f32, y: f32| {
        let (dx, dy) = (x / columns - 0.5, y / rows - 0.62);
        dx * dx / 0.16 + dy * dy / 0.20 > 1.0 && y / rows < 0.62
    };
    let eye = move |x: f32, y: f32| {
        let (dx, dy) = (
            ((x / columns - 0.5).abs() - 0.17) / 0.055,
            (y / rows - 0.46) / 0.022,
        );
        dx * dx + dy * dy < 1.0
    };
    Planes::draw(
        width,
        height,
        |x, y| {
            let light = 26.0 * (1.0 - x / columns);
            let texture = 9.0 * soft.at(x, y) + 5.0 * fine.at(x, y);
            if hair(x, y) {
                46.0 + texture * 1.4
            } else if eye(x, y) {
                40.0
            } else {
                138.0 + light + texture
            }
        },
        |x, y| {
            if hair(x, y) {
                (124.0, 132.0)
            } else {
                (108.0 + 3.0 * soft.at(x, y), 150.0)
            }
        },
    )
}

/// The same with the noise of a sensor; each `number` gives another.
pub(super) fn grained(planes: &Planes, number: usize) -> Planes {
    let mut grained = planes.clone();
    let mut state = 0x9e37_79b9u32 ^ (number as u32 + 1).wrapping_mul(0x85eb_ca6b);
    for samples in grained.y.chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        for (place, sample) in samples.iter_mut().enumerate() {
            // The sum of two is closer to a sensor than one: small deviations most of the time.
            let bits = state >> (place * 4);
            let noise = (bits & 3) as i16 + (bits >> 2 & 3) as i16 - 3;
            *sample = (i16::from(*sample) + noise / 2).clamp(16, 235) as u8;
        }
    }
    grained
}

/// Smooth random values on a grid, between -1 and 1.
struct Grid {
    values: Vec<f32>,
    columns: usize,
    cell: f32,
}

impl Grid {
    fn new(width: usize, height: usize, cell: f32, seed: u32) -> Self {
        let cell = cell.max(2.0);
        let columns = (width as f32 / cell) as usize + 3;
        let rows = (height as f32 / cell) as usize + 3;
        let mut state = seed.wrapping_mul(0x9e37_79b1) | 1;
        let values = (0..columns * rows)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state as f32 / u32::MAX as f32 * 2.0 - 1.0
            })
            .collect();
        Self {
            values,
            columns,
            cell,
        }
    }

    fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x / self.cell, y / self.cell);
        let (column, row) = (x as usize, y as usize);
        let ease = |t: f32| t * t * (3.0 - 2.0 * t);
        let (fx, fy) = (ease(x - column as f32), ease(y - row as f32));
        let at = row * self.columns + column;
        let value = |at: usize| self.values.get(at).copied().unwrap_or(0.0);
        let above = value(at) * (1.0 - fx) + value(at + 1) * fx;
        let below = value(at + self.columns) * (1.0 - fx) + value(at + self.columns + 1) * fx;
        above * (1.0 - fy) + below * fy
    }
}

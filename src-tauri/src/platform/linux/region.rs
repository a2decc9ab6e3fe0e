//! What remains of a rectangle with round corners when others are cut out of it.

use jasmin_client::paint::Round;

/// A rectangle of the region, in pixels: left, top, width, height.
pub(super) type Block = (i16, i16, u16, u16);

/// The blocks of `size` with corners of `radius`, without the `holes`, from top to bottom and from
/// left to right. Holes are measured from the corner of the rectangle.
pub(super) fn blocks(size: (u32, u32), radius: u32, holes: &[Round]) -> Vec<Block> {
    let whole = Round {
        x: 0,
        y: 0,
        width: size.0,
        height: size.1,
        radius,
    };
    let mut blocks: Vec<Block> = Vec::new();
    // The spans of the last line, and where their blocks begin.
    let (mut last, mut first) = (Vec::new(), 0);
    for line in 0..i32::try_from(size.1).unwrap_or(0) {
        let spans = spans(whole, line, holes);
        if line > 0 && spans == last {
            for block in &mut blocks[first..] {
                block.3 += 1;
            }
            continue;
        }
        first = blocks.len();
        let short = |value: i32| i16::try_from(value).unwrap_or(i16::MAX);
        blocks.extend(spans.iter().map(|&(from, to)| {
            let width = u16::try_from(to - from).unwrap_or(u16::MAX);
            (short(from), short(line), width, 1)
        }));
        last = spans;
    }
    blocks
}

/// What remains of one line: from the first pixel to the one behind the last.
fn spans(whole: Round, line: i32, holes: &[Round]) -> Vec<(i32, i32)> {
    let mut spans = Vec::from_iter(span(whole, line));
    for cut in holes.iter().filter_map(|hole| span(*hole, line)) {
        spans = spans
            .into_iter()
            .flat_map(|(from, to)| [(from, to.min(cut.0)), (from.max(cut.1), to)])
            .filter(|(from, to)| from < to)
            .collect();
    }
    spans
}

/// The part of a line that lies in a rectangle with round corners.
fn span(round: Round, line: i32) -> Option<(i32, i32)> {
    let Round {
        x, width, height, ..
    } = round;
    let (width, height) = (i32::try_from(width).ok()?, i32::try_from(height).ok()?);
    let line = line - round.y;
    if !(0..height).contains(&line) {
        return None;
    }
    let radius = f64::from(round.radius).min(f64::from(width.min(height)) / 2.0);
    let middle = f64::from(line) + 0.5;
    let beyond = (radius - middle)
        .max(middle - (f64::from(height) - radius))
        .max(0.0);
    let inset = (radius - (radius * radius - beyond * beyond).max(0.0).sqrt()).round() as i32;
    (inset < width - inset).then_some((x + inset, x + width - inset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: i32, y: i32, side: u32) -> Round {
        Round {
            x,
            y,
            width: side,
            height: side,
            radius: 0,
        }
    }

    fn area(blocks: &[Block]) -> u32 {
        let of = |block: &Block| u32::from(block.2) * u32::from(block.3);
        blocks.iter().map(of).sum()
    }

    #[test]
    fn a_plain_rectangle_is_one_block() {
        assert_eq!(blocks((640, 360), 0, &[]), [(0, 0, 640, 360)]);
        assert_eq!(blocks((0, 0), 0, &[]), []);
    }

    #[test]
    fn a_hole_leaves_four_sides() {
        assert_eq!(
            blocks((10, 10), 0, &[square(3, 4, 2)]),
            [(0, 0, 10, 4), (0, 4, 3, 2), (5, 4, 5, 2), (0, 6, 10, 4)]
        );
    }

    #[test]
    fn holes_may_reach_beyond_and_over_each_other() {
        let holes = [square(-5, -5, 10), square(3, 3, 4), square(90, 90, 100)];
        assert_eq!(area(&blocks((20, 20), 0, &holes)), 400 - 25 - 16 + 4);
        assert_eq!(blocks((20, 20), 0, &[square(-1, -1, 30)]), []);
    }

    #[test]
    fn round_corners_take_what_a_circle_leaves() {
        let found = blocks((100, 60), 20, &[]);
        let corners = (1.0 - std::f64::consts::FRAC_PI_4) * 40.0 * 40.0;
        let missing = f64::from(6000 - area(&found));
        assert!((missing - corners).abs() < 20.0, "{missing}, {corners}");
        assert_eq!(found.first(), Some(&(16, 0, 68, 1)));
        // Circles are the same from all sides.
        assert_eq!(found.last(), Some(&(16, 59, 68, 1)));
    }

    #[test]
    fn a_radius_is_no_more_than_half_a_side() {
        let all = blocks((10, 4), 500, &[]);
        assert_eq!(all.iter().map(|block| block.3).sum::<u16>(), 4);
    }
}

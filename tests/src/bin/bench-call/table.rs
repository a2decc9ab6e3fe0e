//! The figures beside each other, with what they should be.

use crate::{
    figures::{Measured, Round, SideFigures, SoundFigures, median},
    options::Who,
    size::Sizes,
};

/// What a figure of the app should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    /// At most so much of the peer's.
    Ratio(f64),
    /// At most so much.
    AtMost(f64),
    /// No lower than the peer's.
    NoLower,
    /// It is only told.
    None,
}

/// One line of the table; a figure that is not there is told why, once.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) digits: usize,
    pub(crate) own: Measured<f64>,
    pub(crate) peer: Measured<f64>,
    pub(crate) limit: Limit,
}

impl Row {
    /// The app's figure as a part of the peer's.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let (own, peer) = (self.own.as_ref().ok()?, self.peer.as_ref().ok()?);
        let both = *peer > 0.0 && *own >= 0.0 && own.is_finite() && peer.is_finite();
        both.then(|| own / peer)
    }

    /// Whether the limit is kept; `None` where there is none, or nothing to compare.
    pub(crate) fn holds(&self) -> Option<bool> {
        let own = *self.own.as_ref().ok()?;
        match self.limit {
            Limit::Ratio(most) => Some(self.ratio()? <= most),
            Limit::AtMost(most) => Some(own <= most),
            Limit::NoLower => Some(own >= *self.peer.as_ref().ok()?),
            Limit::None => None,
        }
    }

    /// Its cells: name, app, peer, ratio, limit, verdict.
    pub(crate) fn cells(&self) -> [String; 6] {
        let number = |figure: &Measured<f64>| match figure {
            Ok(number) if number.is_infinite() => "never".to_owned(),
            Ok(number) => format!("{number:.*} {}", self.digits, self.unit),
            Err(_) => "not measured".to_owned(),
        };
        let limit = match self.limit {
            Limit::Ratio(most) => format!("ratio <= {most}"),
            Limit::AtMost(most) => format!("<= {most} {}", self.unit),
            Limit::NoLower => "no lower".to_owned(),
            Limit::None => String::new(),
        };
        let verdict = match self.holds() {
            Some(true) => "ok",
            Some(false) => "short",
            None if self.limit == Limit::None => "",
            None => "open",
        };
        let ratio = self.ratio().map(|ratio| format!("{ratio:.2}"));
        [
            self.name.to_owned(),
            number(&self.own).trim().to_owned(),
            number(&self.peer).trim().to_owned(),
            ratio.unwrap_or_default(),
            limit,
            verdict.to_owned(),
        ]
    }
}

/// All lines: medians over rounds and sides.
pub(crate) fn rows(rounds: &[Round], sizes: &Sizes) -> Vec<Row> {
    let of = |who: Who| -> Vec<&Round> { rounds.iter().filter(|round| round.who == who).collect() };
    let (own, peer) = (of(Who::Jasmin), of(Who::Chromium));
    let row = |name, unit, digits, limit, pick: &dyn Fn(&[&Round]) -> Measured<f64>| Row {
        name,
        unit,
        digits,
        own: pick(&own),
        peer: pick(&peer),
        limit,
    };
    let sides = |pick: fn(&SideFigures) -> f64| {
        move |rounds: &[&Round]| middle(rounds.iter().flat_map(|round| &round.sides).map(pick))
    };
    let side = |number: usize| {
        move |rounds: &[&Round]| middle(rounds.iter().map(|round| round.sides[number].setup_ms))
    };
    // A size that never came took for ever.
    let full = sides(|side| side.to_720_ms.unwrap_or(f64::INFINITY));
    let few = Limit::Ratio(0.7);
    vec![
        row("set-up, at the callee", "ms", 0, few, &side(1)),
        row("set-up, at the caller", "ms", 0, few, &side(0)),
        row(
            "camera to screen, median",
            "ms",
            0,
            few,
            &sides(|side| side.pictures.latency_ms.0),
        ),
        row(
            "camera to screen, 95th percentile",
            "ms",
            0,
            few,
            &sides(|side| side.pictures.latency_ms.1),
        ),
        row(
            "pictures a second on the screen",
            "",
            1,
            Limit::None,
            &sides(|side| side.pictures.fps),
        ),
        row(
            "freezes (over 200 ms) a minute",
            "",
            1,
            Limit::None,
            &sides(|side| side.pictures.freezes_a_minute),
        ),
        row(
            "first picture to 720 lines",
            "ms",
            0,
            Limit::AtMost(2000.0),
            &full,
        ),
        row("mouth to ear", "ms", 0, few, &|rounds| {
            sound(rounds, |sound| {
                sound
                    .arrivals
                    .iter()
                    .map(|one| one.as_ref().map(|one| one.delay_ms))
            })
        }),
        row("speech (wideband PESQ)", "", 2, Limit::NoLower, &|rounds| {
            sound(rounds, |sound| {
                sound.pesq.iter().map(|one| one.as_ref().copied())
            })
        }),
        row(
            "echo return while both talk",
            "dB",
            0,
            Limit::AtMost(-45.0),
            &|rounds| {
                sound(rounds, |sound| {
                    std::iter::once(sound.echo.as_ref().map(|echo| echo.both_db))
                })
            },
        ),
        row(
            "echo return while one talks",
            "dB",
            0,
            Limit::None,
            &|rounds| {
                sound(rounds, |sound| {
                    std::iter::once(sound.echo.as_ref().map(|echo| echo.alone_db))
                })
            },
        ),
        row(
            "processor, of one core",
            "%",
            1,
            few,
            &sides(|side| side.usage.total()),
        ),
        row(
            "memory (PSS)",
            "MB",
            0,
            few,
            &sides(|side| side.usage.memory_total() as f64 / 1e6),
        ),
        row(
            "on the wire, each way",
            "kbit/s",
            0,
            Limit::None,
            &|rounds| middle(rounds.iter().map(|round| round.wire_kbps)),
        ),
        Row {
            name: "package (.deb)",
            unit: "MB",
            digits: 1,
            own: sizes.package_mb.clone(),
            peer: Err("a browser is more than a call".to_owned()),
            limit: Limit::AtMost(20.0),
        },
        Row {
            name: "installed",
            unit: "MB",
            digits: 0,
            own: sizes.installed_mb.clone(),
            peer: sizes.peer_installed_mb.clone(),
            limit: Limit::None,
        },
    ]
}

/// The lines as a table of plain text, and why figures are missing.
pub(crate) fn plain(rows: &[Row]) -> String {
    let heads = ["", "Jasmin", "Chromium", "ratio", "limit", ""].map(str::to_owned);
    let cells: Vec<[String; 6]> = std::iter::once(heads)
        .chain(rows.iter().map(Row::cells))
        .collect();
    let width = |column: usize| {
        let lengths = cells.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut text = String::new();
    for row in &cells {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            line += &match column {
                1..=3 => format!("{cell:>width$}  "),
                _ => format!("{cell:<width$}  "),
            };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text + &missing(rows)
}

/// Why figures are missing, one line each.
pub(crate) fn missing(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        for (who, figure) in [(Who::Jasmin, &row.own), (Who::Chromium, &row.peer)] {
            if let Err(why) = figure
                && why != NO_ROUND
            {
                text += &format!("not measured: {}, {}: {why}\n", row.name, who.name());
            }
        }
    }
    text
}

const NO_ROUND: &str = "no round";

fn middle(values: impl IntoIterator<Item = f64>) -> Measured<f64> {
    let found = median(&values.into_iter().collect::<Vec<_>>());
    if found.is_nan() {
        Err(NO_ROUND.to_owned())
    } else {
        Ok(found)
    }
}

/// The median of what was measured of sound; the first reason when nothing was.
fn sound<'a, I>(rounds: &[&'a Round], pick: impl Fn(&'a SoundFigures) -> I) -> Measured<f64>
where
    I: IntoIterator<Item = Result<f64, &'a String>>,
{
    let mut why = NO_ROUND.to_owned();
    let mut values = Vec::new();
    for round in rounds {
        match &round.sound {
            None => "sound was left out".clone_into(&mut why),
            Some(sound) => {
                for figure in pick(sound) {
                    match figure {
                        Ok(value) => values.push(value),
                        Err(reason) => why.clone_from(reason),
                    }
                }
            }
        }
    }
    middle(values).map_err(|_| why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(own: f64, peer: f64, limit: Limit) -> Row {
        Row {
            name: "x",
            unit: "ms",
            digits: 0,
            own: Ok(own),
            peer: Ok(peer),
            limit,
        }
    }

    #[test]
    fn limits_are_held_against_the_right_side() {
        assert_eq!(row(60.0, 100.0, Limit::Ratio(0.7)).holds(), Some(true));
        assert_eq!(row(80.0, 100.0, Limit::Ratio(0.7)).holds(), Some(false));
        assert_eq!(row(-50.0, -60.0, Limit::AtMost(-45.0)).holds(), Some(true));
        assert_eq!(row(4.0, 4.1, Limit::NoLower).holds(), Some(false));
        assert_eq!(row(1.0, 1.0, Limit::None).holds(), None);
        let never = row(f64::INFINITY, 1.0, Limit::AtMost(2000.0));
        assert_eq!(never.holds(), Some(false));
        assert_eq!(never.cells()[1], "never");
    }

    #[test]
    fn what_is_missing_is_told_with_its_reason() {
        let mut one = row(1.0, 1.0, Limit::Ratio(0.7));
        one.own = Err("no ears".to_owned());
        assert_eq!(one.cells()[5], "open");
        let text = plain(&[one]);
        assert!(text.contains("not measured: x, Jasmin: no ears"), "{text}");
    }
}

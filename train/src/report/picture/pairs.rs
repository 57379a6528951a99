//! Samples on a manifold that has no chart: projections onto pairs of coordinates.

use ircpm_manifolds::{AnyManifold, Coordinates};
use plotters::style::Color;

use super::Head;
use super::Picture;
use super::PictureError;
use super::figure::{Figure, Panel};
use super::heat::DOT;
use super::square::axis;
use super::turn::Turn;
use crate::data::{Notation, Unit};
use crate::report::Report;

/// Most panels in a picture.
const PANELS: usize = 6;
const SIZE: (u32, u32) = (300, 300);

/// The name of a column, what is shown along its axis, and where numbers are seen.
struct Column {
    name: String,
    kind: Kind,
}

/// What a column holds.
enum Kind {
    /// An angle, in the unit and range of the axis.
    Turn(Turn),
    /// A number in a range.
    Range([f64; 2]),
}

/// Scatter plots of the first pairs of columns.
pub(super) fn draw(
    manifold: &AnyManifold,
    samples: &[f64],
    notation: &Notation,
    report: &Report,
) -> Result<Picture, PictureError> {
    let rows = notation.rows(manifold, samples);
    let all = columns(manifold, &rows, notation);
    let n = all.len();
    let pairs: Vec<(usize, usize)> =
        (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).take(PANELS).collect();
    let pairs = if pairs.is_empty() { vec![(0, 0)] } else { pairs };
    let columns = pairs.len().min(3);
    let mut figure = Figure::new(&Head::of(report), SIZE, columns, pairs.len().div_ceil(columns), false);
    for (panel, &(i, j)) in pairs.iter().enumerate() {
        let (a, b) = (&all[i], &all[j]);
        figure.panel(panel, &format!("samples, {} and {}", a.name, b.name), |panel| {
            a.axis(panel, true)?;
            b.axis(panel, false)?;
            panel.border()?;
            let mut points = rows.chunks_exact(n);
            points.try_for_each(|p| panel.dot((a.fraction(p[i]), b.fraction(p[j])), DOT.mix(0.35)))
        })?;
    }
    figure.finish("samples.png")
}

impl Column {
    fn fraction(&self, x: f64) -> f64 {
        match &self.kind {
            Kind::Turn(turn) => turn.fraction_of(x),
            Kind::Range([low, high]) => (x - low) / (high - low),
        }
    }

    fn axis(&self, panel: &Panel<'_>, lower: bool) -> Result<(), PictureError> {
        let [low, high] = match &self.kind {
            Kind::Turn(turn) => return turn.draw(panel, lower),
            Kind::Range(range) => *range,
        };
        let decimals = (2.0 - (high - low).log10().floor()).clamp(0.0, 12.0) as usize;
        let tick = |i: i32| {
            let t = f64::from(i) / 4.0;
            (t, format!("{:.decimals$}", low + t * (high - low)).replace('-', "−"))
        };
        axis(panel, lower, &self.name, &(0..=4).map(tick).collect::<Vec<_>>())
    }
}

/// Names and ranges of all columns of the rows; columns of Rⁿ are as wide as the samples.
fn columns(manifold: &AnyManifold, rows: &[f64], notation: &Notation) -> Vec<Column> {
    let own = notation.own_names(manifold);
    let width = notation.column_names(manifold).len();
    let (mut all, mut angles, mut contexts, mut others) = (Vec::with_capacity(width), 0, 0, 0);
    let own_or = |i: usize, usual: String| own.map_or(usual, |names| names[i].clone());
    for block in manifold.coordinates() {
        if notation.lat_lon && block == Coordinates::UnitVector(3) {
            let kind = Kind::Range([-90.0, 90.0]);
            all.push(Column { name: own_or(all.len(), "latitude".to_owned()), kind });
            let name = own_or(all.len(), "longitude".to_owned());
            let degrees = Notation { unit: Unit::Degrees, ..notation.clone() };
            all.push(Column { kind: Kind::Turn(Turn::new(name.clone(), &degrees)), name });
            continue;
        }
        for _ in 0..block.len() {
            let (letter, count) = match block {
                Coordinates::Angles(_) => ('θ', &mut angles),
                Coordinates::Context(_) => ('c', &mut contexts),
                _ => ('y', &mut others),
            };
            *count += 1;
            let name = own_or(all.len(), format!("{letter}{}", subscript(*count)));
            let kind = match block {
                Coordinates::Angles(_) => Kind::Turn(Turn::new(notation.label(&name), notation)),
                Coordinates::UnitVector(_) => Kind::Range([-1.0, 1.0]),
                _ => Kind::Range(range(rows.iter().skip(all.len()).step_by(width))),
            };
            all.push(Column { name, kind });
        }
    }
    all
}

/// From the smallest number to the largest, with some room.
fn range<'a>(numbers: impl Iterator<Item = &'a f64>) -> [f64; 2] {
    let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
    // Without numbers, or where all are one.
    if high <= low {
        let middle = if low.is_finite() { low } else { 0.0 };
        let room = middle.abs().max(1.0);
        return [middle - room, middle + room];
    }
    let room = 0.04 * (high - low);
    [low - room, high + room]
}

/// A number in subscript digits.
fn subscript(n: usize) -> String {
    n.to_string().bytes().filter_map(|digit| char::from_u32(0x2080 + u32::from(digit - b'0'))).collect()
}

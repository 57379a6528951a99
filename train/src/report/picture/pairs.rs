//! Samples on a manifold that has no chart: projections onto pairs of coordinates.

use ircpm_manifolds::{AnyManifold, Coordinates};
use plotters::style::Color;

use super::Head;
use super::Picture;
use super::PictureError;
use super::figure::Figure;
use super::heat::DOT;
use super::square::{axis, turn};
use crate::report::Report;

/// Most panels in a picture.
const PANELS: usize = 6;
const SIZE: (u32, u32) = (300, 300);

/// The name of an ambient coordinate, and the range that is shown.
struct Coordinate {
    name: String,
    low: f64,
    high: f64,
    angle: bool,
}

/// Scatter plots of the first pairs of coordinates.
pub(super) fn draw(
    manifold: &AnyManifold,
    samples: &[f64],
    report: &Report,
) -> Result<Picture, PictureError> {
    let coordinates = coordinates(manifold, samples);
    let n = coordinates.len();
    let pairs: Vec<(usize, usize)> =
        (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).take(PANELS).collect();
    let pairs = if pairs.is_empty() { vec![(0, 0)] } else { pairs };
    let columns = pairs.len().min(3);
    let mut figure = Figure::new(&Head::of(report), SIZE, columns, pairs.len().div_ceil(columns), false);
    for (panel, &(i, j)) in pairs.iter().enumerate() {
        let (a, b) = (&coordinates[i], &coordinates[j]);
        figure.panel(panel, &format!("samples, {} and {}", a.name, b.name), |panel| {
            a.axis(panel, true)?;
            b.axis(panel, false)?;
            panel.border()?;
            let mut points = samples.chunks_exact(n);
            points.try_for_each(|p| panel.dot((a.fraction(p[i]), b.fraction(p[j])), DOT.mix(0.35)))
        })?;
    }
    figure.finish("samples.png")
}

impl Coordinate {
    fn fraction(&self, x: f64) -> f64 {
        (x - self.low) / (self.high - self.low)
    }

    fn axis(&self, panel: &super::figure::Panel<'_>, lower: bool) -> Result<(), PictureError> {
        if self.angle {
            return turn(panel, lower, &format!("{} (rad)", self.name));
        }
        let tick = |i: i32| {
            let t = f64::from(i) / 4.0;
            (t, format!("{:.1}", self.low + t * (self.high - self.low)).replace('-', "−"))
        };
        axis(panel, lower, &self.name, &(0..=4).map(tick).collect::<Vec<_>>())
    }
}

/// Names and ranges of all ambient coordinates; those of Rⁿ are as wide as the samples.
fn coordinates(manifold: &AnyManifold, samples: &[f64]) -> Vec<Coordinate> {
    let ambient = manifold.ambient();
    let mut all: Vec<Coordinate> = Vec::with_capacity(ambient);
    let (mut angles, mut units, mut contexts) = (0, 0, 0);
    for block in manifold.coordinates() {
        for _ in 0..block.len() {
            let widest =
                samples.iter().skip(all.len()).step_by(ambient).fold(1.0, |w: f64, x| w.max(x.abs()));
            let angle = matches!(block, Coordinates::Angles(_));
            let (letter, count) = match block {
                Coordinates::Angles(_) => ('θ', &mut angles),
                Coordinates::Context(_) => ('c', &mut contexts),
                _ => ('y', &mut units),
            };
            *count += 1;
            let name = format!("{letter}{}", subscript(*count));
            let (low, high) = match block {
                Coordinates::Angles(_) => (0.0, std::f64::consts::TAU),
                Coordinates::UnitVector(_) => (-1.0, 1.0),
                _ => (-widest, widest),
            };
            all.push(Coordinate { name, low, high, angle });
        }
    }
    all
}

/// A number in subscript digits.
fn subscript(n: usize) -> String {
    n.to_string().bytes().filter_map(|digit| char::from_u32(0x2080 + u32::from(digit - b'0'))).collect()
}

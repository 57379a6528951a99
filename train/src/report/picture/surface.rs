//! Functions on one surface side by side, each in its own range of colours, with points and ways marked.

use ircpm_manifolds::AnyManifold;

use super::colour::Scale;
use super::figure::Figure;
use super::grid::Grid;
use super::{Head, Picture, PictureError, chart, heat};
use crate::data::Notation;

/// What colours a function has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Those of densities, from zero.
    Density,
    /// Those of potentials and energies, from the smallest value to the largest.
    Potential,
}

/// A function on a surface, known at [`nodes`].
#[derive(Clone, Debug, PartialEq)]
pub struct Surface {
    /// What stands above it, before its range.
    pub title: String,
    /// One value per node; NaN where there is none.
    pub values: Vec<f64>,
    /// Its colours.
    pub kind: Kind,
    /// Points with a ring around them.
    pub marks: Vec<Vec<f64>>,
    /// Curves, each as points close to each other, that end in a dot.
    pub ways: Vec<Vec<Vec<f64>>>,
}

/// Points of a surface at which [`surfaces`] takes values, `[node][coordinate]`; none where no chart is known.
pub fn nodes(manifold: &AnyManifold) -> Option<Vec<f64>> {
    Some(chart(manifold, &Notation::default())?.nodes())
}

/// Draws functions on one surface in rows of so many columns, panels of `share` of the usual size.
///
/// # Errors
/// [`PictureError::Drawing`] if the drawing library fails, or the manifold has no chart.
///
/// # Panics
/// If there are no surfaces, or one has another number of values than there are nodes.
pub fn surfaces(
    name: &str,
    title: &str,
    manifold: &AnyManifold,
    all: &[Surface],
    columns: usize,
    share: f64,
) -> Result<Picture, PictureError> {
    let missing = || PictureError::Drawing {
        name: name.to_owned(),
        message: format!("{manifold} has no chart in the plane"),
    };
    let chart = chart(manifold, &Notation::default()).ok_or_else(missing)?;
    let chart = chart.as_ref();
    let (width, height) = chart.size();
    let panel = [width, height].map(|pixels| (f64::from(pixels) * share) as u32);
    let head = Head { title: title.to_owned(), mark: None };
    let mut figure = Figure::new(&head, (panel[0], panel[1]), columns, all.len().div_ceil(columns), false);
    for (i, surface) in all.iter().enumerate() {
        let grid = Grid::new(chart.shape(), surface.values.clone());
        let range = grid.range();
        let scale = match surface.kind {
            Kind::Density => Scale::density(range.1),
            Kind::Potential => Scale::potential(range),
        };
        let title = format!("{}: {}", surface.title, between(range));
        figure.panel(i, &title, |panel| {
            heat::draw(panel, chart, &grid, &scale)?;
            for way in &surface.ways {
                let places: Vec<(f64, f64)> = way.iter().map(|point| chart.place(point)).collect();
                for ends in places.windows(2).filter(|ends| is_near(ends[0], ends[1])) {
                    panel.line(ends, WAY)?;
                }
                places.last().map_or(Ok(()), |&end| panel.disc(end, WAY))?;
            }
            surface.marks.iter().try_for_each(|point| panel.ring(chart.place(point)))
        })?;
    }
    figure.finish(name)
}

/// Ink of curves: white on the colours of potentials.
const WAY: plotters::style::RGBAColor = plotters::style::RGBAColor(0xff, 0xff, 0xff, 0.9);

/// Whether no seam of the chart lies between two places.
fn is_near(a: (f64, f64), b: (f64, f64)) -> bool {
    (a.0 - b.0).abs() < 0.3 && (a.1 - b.1).abs() < 0.3
}

/// A range in words, to three digits.
fn between((low, high): (f64, f64)) -> String {
    let decimals = (2.0 - (high - low).abs().max(1e-9).log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{low:.decimals$} to {high:.decimals$}").replace('-', "−")
}

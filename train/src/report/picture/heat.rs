//! What a panel shows of a surface: a function as colours, or points as dots.

use plotters::style::{Color, RGBColor, TRANSPARENT};

use super::PictureError;
use super::chart::Chart;
use super::colour::Scale;
use super::figure::Panel;
use super::grid::Grid;

/// A function on the surface, as colours.
pub(super) fn draw(
    panel: &Panel<'_>,
    chart: &dyn Chart,
    grid: &Grid,
    scale: &Scale,
) -> Result<(), PictureError> {
    panel.fill(|x, y| chart.at(x, y).map_or(TRANSPARENT, |(u, v)| scale.colour(grid.at(u, v)).into()))?;
    chart.axes(panel, true)
}

/// Points on the surface, as dots.
pub(super) fn dots(panel: &Panel<'_>, chart: &dyn Chart, points: &[f64]) -> Result<(), PictureError> {
    chart.axes(panel, false)?;
    let ambient = chart.point(0.5, 0.5).len();
    points.chunks_exact(ambient).try_for_each(|point| panel.dot(chart.place(point), DOT.mix(0.55)))
}

/// Dots are dense where there are many: partly transparent violet, from the middle of the density's colours.
pub(super) const DOT: RGBColor = RGBColor(0x5b, 0x2a, 0x86);

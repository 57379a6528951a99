//! A surface drawn in the plane.

use super::PictureError;
use super::figure::Panel;

/// A surface drawn in a rectangle.
///
/// *Chart coordinates* `(u, v)` in the unit square parametrise the surface; *places* `(x, y)` in the unit square, from
/// the lower left corner, are where the picture shows it.
pub(super) trait Chart {
    /// Width and height of the rectangle in pixels.
    fn size(&self) -> (u32, u32);

    /// Number of nodes along `u` and `v` at which functions are evaluated.
    fn shape(&self) -> (usize, usize);

    /// The point with these chart coordinates.
    fn point(&self, u: f64, v: f64) -> Vec<f64>;

    /// Chart coordinates of what is seen at a place; `None` outside of the picture.
    fn at(&self, x: f64, y: f64) -> Option<(f64, f64)>;

    /// Where a point is seen.
    fn place(&self, point: &[f64]) -> (f64, f64);

    /// Draws border, ticks and labels.
    fn axes(&self, panel: &Panel<'_>, on_dark: bool) -> Result<(), PictureError>;

    /// Points at all nodes, `[v][u][coordinate]`.
    fn nodes(&self) -> Vec<f64> {
        let (columns, rows) = self.shape();
        let fraction = |i: usize, n: usize| i as f64 / (n - 1) as f64;
        let row = |v: f64| (0..columns).flat_map(move |i| self.point(fraction(i, columns), v));
        (0..rows).flat_map(|j| row(fraction(j, rows))).collect()
    }
}

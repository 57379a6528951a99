//! The sphere in Mollweide's projection: equal areas stay equal, so densities look as dense as they are.
//!
//! With longitude `λ` from the middle meridian, latitude `φ` and the auxiliary angle `2ϑ + sin 2ϑ = π sin φ`, a point
//! is seen at `(λ cos ϑ / π, sin ϑ)` in an ellipse with half axes 1 (Snyder 1987, *Map projections: a working manual*,
//! p. 249).

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use plotters::style::{Color, RGBAColor, WHITE};

use super::PictureError;
use super::chart::Chart;
use super::figure::{Anchor, INK, Panel};
use crate::data::Notation;

/// Azimuth 0 to 2π from left to right, or −π to π if it is signed; the north pole (third coordinate 1) above.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mollweide {
    signed: bool,
    /// Whether the azimuth is called the longitude.
    lat_lon: bool,
}

impl Mollweide {
    /// The globe as points are written.
    pub(super) fn new(notation: &Notation) -> Self {
        let Notation { signed, lat_lon, .. } = *notation;
        Self { signed: signed && lat_lon, lat_lon }
    }

    /// Azimuth of the left edge.
    fn start(self) -> f64 {
        if self.signed { -PI } else { 0.0 }
    }

    /// Place of an azimuth and a latitude in the unit square.
    fn seen(self, azimuth: f64, latitude: f64) -> (f64, f64) {
        seen(azimuth - self.start(), latitude)
    }
}

impl Chart for Mollweide {
    fn size(&self) -> (u32, u32) {
        (640, 320)
    }

    fn shape(&self) -> (usize, usize) {
        (193, 97)
    }

    fn point(&self, u: f64, v: f64) -> Vec<f64> {
        let (azimuth, latitude) = (self.start() + TAU * u, PI * (v - 0.5));
        vec![latitude.cos() * azimuth.cos(), latitude.cos() * azimuth.sin(), latitude.sin()]
    }

    fn at(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (x, y) = (2.0 * x - 1.0, 2.0 * y - 1.0);
        if x * x + y * y > 1.0 {
            return None;
        }
        let angle = y.asin();
        let latitude = ((2.0 * angle + (2.0 * angle).sin()) / PI).clamp(-1.0, 1.0).asin();
        let turn = x / angle.cos().max(f64::MIN_POSITIVE);
        Some((0.5 + 0.5 * turn, 0.5 + latitude / PI))
    }

    fn place(&self, point: &[f64]) -> (f64, f64) {
        let from_left = (point[1].atan2(point[0]) - self.start()).rem_euclid(TAU);
        seen(from_left, point[2].clamp(-1.0, 1.0).asin())
    }

    fn axes(&self, panel: &Panel<'_>, on_dark: bool) -> Result<(), PictureError> {
        let (faint, ink) = if on_dark { (WHITE.mix(0.3), WHITE) } else { (INK.mix(0.2), INK) };
        for latitude in [-60, -30, 0, 30, 60] {
            let radians = f64::from(latitude).to_radians();
            panel.line(&[seen(0.0, radians), seen(TAU, radians)], faint)?;
            let (x, y) = seen(0.0, radians);
            let label = format!("{latitude}°").replace('-', "−");
            panel.text(&label, (x - 0.022, y), Anchor::Right, 13.0, INK)?;
        }
        for from_left in [60, 120, 180, 240, 300] {
            panel.line(&meridian(f64::from(from_left).to_radians()), faint)?;
            let azimuth = if self.signed { from_left - 180 } else { from_left };
            let (x, y) = self.seen(f64::from(azimuth).to_radians(), 0.0);
            panel.text(
                &format!("{azimuth}°").replace('-', "−"),
                (x + 0.006, y - 0.03),
                Anchor::Left,
                11.0,
                ink,
            )?;
        }
        for azimuth in [0.0, TAU] {
            panel.line(&meridian(azimuth), RGBAColor(INK.0, INK.1, INK.2, 1.0))?;
        }
        panel.text(
            if self.lat_lon { "longitude" } else { "azimuth" },
            (0.5, -0.07),
            Anchor::Middle,
            14.0,
            INK,
        )?;
        panel.vertical_text("latitude", (-52, panel.height() / 2))
    }
}

/// Place of an azimuth, counted from the left edge, and a latitude in the unit square.
fn seen(azimuth: f64, latitude: f64) -> (f64, f64) {
    let angle = auxiliary(latitude);
    (0.5 + 0.5 * (azimuth - PI) / PI * angle.cos(), 0.5 + 0.5 * angle.sin())
}

/// Pieces of a meridian: few, because transparent ink is drawn twice where two meet.
const MERIDIAN: i32 = 36;

fn meridian(azimuth: f64) -> Vec<(f64, f64)> {
    (0..=MERIDIAN).map(|i| seen(azimuth, PI * (f64::from(i) / f64::from(MERIDIAN) - 0.5))).collect()
}

/// The `ϑ` with `2ϑ + sin 2ϑ = π sin φ`, by bisection: Newton's method is slow at the poles, where the derivative
/// vanishes.
fn auxiliary(latitude: f64) -> f64 {
    let target = PI * latitude.sin();
    let (mut low, mut high) = (-FRAC_PI_2, FRAC_PI_2);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if 2.0 * middle + (2.0 * middle).sin() < target { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mollweide_place_inverts_at_everywhere_but_at_the_poles() {
        for signed in [false, true] {
            let chart = Mollweide { signed, lat_lon: signed };
            for (u, v) in [(0.1, 0.2), (0.5, 0.5), (0.93, 0.81), (0.02, 0.97)] {
                let (x, y) = chart.place(&chart.point(u, v));
                let (back_u, back_v) = chart.at(x, y).expect("inside the ellipse");
                // Bisection leaves 2⁻⁵⁰ of ϑ; near the poles dφ/dϑ and 1/cos ϑ multiply it by some ten.
                assert!((back_u - u).abs() < 1e-12 && (back_v - v).abs() < 1e-12, "({u}, {v})");
            }
        }
    }

    #[test]
    fn signed_longitudes_have_greenwich_in_the_middle() {
        let chart = Mollweide { signed: true, lat_lon: true };
        let (x, y) = chart.place(&[1.0, 0.0, 0.0]);
        assert!((x - 0.5).abs() < 1e-12 && (y - 0.5).abs() < 1e-12, "({x}, {y})");
        let (x, _) = chart.place(&[0.0, -1.0, 0.0]);
        assert!((x - 0.25).abs() < 1e-12, "90° west: {x}");
        assert_eq!(chart.seen(-PI / 2.0, 0.0).0, x);
    }

    #[test]
    fn mollweide_sees_equal_areas_as_equal() {
        // The cap above latitude φ has the share (1 − sin φ)/2 of the sphere; count the pixels of the ellipse above it.
        let (n, latitude) = (800, 0.5_f64);
        let (mut above, mut all) = (0, 0);
        for i in 0..n * n {
            let place = ((i % n) as f64 + 0.5, (i / n) as f64 + 0.5);
            if let Some((_, v)) = Mollweide::default().at(place.0 / n as f64, place.1 / n as f64) {
                all += 1;
                above += usize::from(PI * (v - 0.5) > latitude);
            }
        }
        let share = above as f64 / all as f64;
        // Pixels resolve the cap's edge to 1/n.
        assert!((share - 0.5 * (1.0 - latitude.sin())).abs() < 2.0 / n as f64, "share {share}");
    }
}

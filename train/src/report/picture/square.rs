//! The flat torus as a square of angles.

use std::f64::consts::TAU;

use super::PictureError;
use super::chart::Chart;
use super::figure::{Anchor, INK, Panel};

/// `θ₁` to the right, `θ₂` upwards, both from 0 to 2π.
pub(super) struct Square;

/// Labels at quarters of a turn.
const TICKS: [&str; 5] = ["0", "π/2", "π", "3π/2", "2π"];

impl Chart for Square {
    fn size(&self) -> (u32, u32) {
        (440, 440)
    }

    fn shape(&self) -> (usize, usize) {
        (161, 161)
    }

    fn point(&self, u: f64, v: f64) -> Vec<f64> {
        vec![TAU * u, TAU * v]
    }

    fn at(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((x, y))
    }

    fn place(&self, point: &[f64]) -> (f64, f64) {
        (point[0] / TAU, point[1] / TAU)
    }

    fn axes(&self, panel: &Panel<'_>, _: bool) -> Result<(), PictureError> {
        turn(panel, true, "θ₁ (rad)")?;
        turn(panel, false, "θ₂ (rad)")?;
        panel.border()
    }
}

/// Ticks and labels of one angle, along the lower or the left edge.
pub(super) fn turn(panel: &Panel<'_>, lower: bool, name: &str) -> Result<(), PictureError> {
    let ticks: Vec<(f64, String)> =
        TICKS.iter().enumerate().map(|(i, t)| (i as f64 / 4.0, (*t).to_owned())).collect();
    axis(panel, lower, name, &ticks)
}

/// Ticks at fractions of the lower or the left edge, their labels, and the axis's name.
pub(super) fn axis(
    panel: &Panel<'_>,
    lower: bool,
    name: &str,
    ticks: &[(f64, String)],
) -> Result<(), PictureError> {
    let (width, height) = (panel.width(), panel.height());
    for (t, label) in ticks {
        let (t, length) = (*t, 5.0);
        if lower {
            panel.line(&[(t, 0.0), (t, -length / f64::from(height))], INK.into())?;
            panel.text_at(label, ((t * f64::from(width)) as i32, height + 15), Anchor::Middle, 13.0, INK)?;
        } else {
            panel.line(&[(0.0, t), (-length / f64::from(width), t)], INK.into())?;
            panel.text_at(label, (-9, ((1.0 - t) * f64::from(height)) as i32), Anchor::Right, 13.0, INK)?;
        }
    }
    if lower {
        panel.text_at(name, (width / 2, height + 37), Anchor::Middle, 14.0, INK)
    } else {
        panel.vertical_text(name, (-52, height / 2))
    }
}

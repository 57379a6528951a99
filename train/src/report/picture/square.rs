//! The flat torus as a square of angles.

use std::f64::consts::TAU;

use ircpm_manifolds::AnyManifold;

use super::PictureError;
use super::chart::Chart;
use super::figure::{Anchor, INK, Panel};
use super::turn::Turn;
use crate::data::Notation;

/// The first angle to the right, the second upwards, each from the beginning of its turn to the end.
pub(super) struct Square([Turn; 2]);

impl Square {
    /// The square with the names, unit and range of a notation.
    pub(super) fn new(manifold: &AnyManifold, notation: &Notation) -> Self {
        let own = notation.own_names(manifold);
        let label = |i: usize, usual: &str| notation.label(own.map_or(usual, |names| &names[i]));
        Self([(0, "θ₁"), (1, "θ₂")].map(|(i, usual)| Turn::new(label(i, usual), notation)))
    }
}

impl Chart for Square {
    fn size(&self) -> (u32, u32) {
        (440, 440)
    }

    fn shape(&self) -> (usize, usize) {
        (161, 161)
    }

    fn point(&self, u: f64, v: f64) -> Vec<f64> {
        let Self([right, up]) = self;
        vec![right.start() + TAU * u, up.start() + TAU * v]
    }

    fn at(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((x, y))
    }

    fn place(&self, point: &[f64]) -> (f64, f64) {
        let Self([right, up]) = self;
        (right.fraction(point[0]), up.fraction(point[1]))
    }

    fn axes(&self, panel: &Panel<'_>, _: bool) -> Result<(), PictureError> {
        let Self([right, up]) = self;
        right.draw(panel, true)?;
        up.draw(panel, false)?;
        panel.border()
    }
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

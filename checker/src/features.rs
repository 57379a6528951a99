//! What a network or a dictionary sees of a point.

use crate::ball::Ball;
use crate::chart::Point;
use crate::functions::sin_cos;
use crate::jet::{Jet, Layout};
use crate::manifold::Manifold;
use crate::map::{Element, Feature};

/// `Σ mₖ θₖ + shift` over the angles among the directions of a chart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Phase {
    /// One integer per direction, zero for those of spheres.
    m: Vec<f64>,
    shift: Ball,
}

/// A feature of the image of a point under a group element, as a function of the point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Input {
    /// `cos` and `sin` of a phase.
    Wave(Phase),
    /// `Σ mᵢ xᵢ` over coordinates of a unit vector: number of the coordinate, and factor.
    Coordinate(Vec<(usize, f64)>),
}

impl Phase {
    /// The phase of a row of integers, one per angle.
    pub(crate) fn new(row: &[i32], manifold: &Manifold) -> Self {
        let mut m = vec![0.0; manifold.dimension()];
        manifold.angles().zip(row).for_each(|(run, &factor)| m[run.directions.start] = f64::from(factor));
        Self { m, shift: Ball::ZERO }
    }

    /// The phase of a row at the image of a point: `m · (M θ + b) = (Mᵀ m) · θ + m · b`.
    fn at_image(row: &[i32], element: &Element, manifold: &Manifold) -> Self {
        let n = manifold.coordinates();
        let mut image = Self { m: vec![0.0; manifold.dimension()], shift: Ball::ZERO };
        for (run, &m) in manifold.angles().zip(row) {
            let i = run.coordinates.start;
            for other in manifold.angles() {
                // Entries are −1, 0 and 1, so that all numbers are integers.
                let entry = element.matrix[i * n + other.coordinates.start];
                image.m[other.directions.start] += f64::from(m) * entry;
            }
            image.shift = image.shift + Ball::exact(element.shift[i]) * f64::from(m);
        }
        image
    }

    /// Jets of `cos` and `sin` of the phase, one after the other.
    pub(crate) fn wave(&self, layout: &Layout, point: &Point, out: &mut [Ball]) {
        let sum = |sum, (&m, &x): (&f64, &Ball)| if m == 0.0 { sum } else { sum + x * m };
        let (sin, cos) = sin_cos(self.m.iter().zip(&point.sides).fold(self.shift, sum));
        let (first, second) = out.split_at_mut(out.len() / 2);
        layout.along(&[cos, -sin, -cos, sin], &self.m, first);
        layout.along(&[sin, cos, -sin, -cos], &self.m, second);
    }
}

impl Input {
    /// A feature at the image under an element that the format's reader has accepted.
    pub(crate) fn at_image(feature: &Feature, element: &Element, manifold: &Manifold) -> Self {
        match feature {
            Feature::Wave(row) => Self::Wave(Phase::at_image(row, element, manifold)),
            Feature::Coordinate(i) => {
                let n = manifold.coordinates();
                let row = element.matrix[i * n..(i + 1) * n].iter().copied().enumerate();
                Self::Coordinate(row.filter(|(_, m)| *m != 0.0).collect())
            }
        }
    }

    /// Number of values.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Wave(_) => 2,
            Self::Coordinate(_) => 1,
        }
    }

    /// The jets of its values, one after the other.
    pub(crate) fn write(&self, layout: &Layout, point: &Point, out: &mut [Ball]) {
        match self {
            Self::Wave(phase) => phase.wave(layout, point, out),
            Self::Coordinate(row) => {
                combine(row.iter().map(|&(i, m)| (&point.coordinates[i], Ball::exact(m))), out);
            }
        }
    }
}

/// Writes a linear combination of jets.
pub(crate) fn combine<'a>(terms: impl Iterator<Item = (&'a Jet, Ball)>, out: &mut [Ball]) {
    out.fill(Ball::ZERO);
    for (jet, factor) in terms {
        for (sum, &x) in out.iter_mut().zip(jet) {
            *sum = *sum + x * factor;
        }
    }
}

//! Cosines and sines of multiples of all angles, from one sine and cosine per angle.

use ircpm_ad::Real;
use ircpm_ad::elementary::transcendental::sin_cos;

use super::{Group, Program, Shape};
use crate::lanes::resize;

/// `cos mφ` and `sin mφ` of every angle `φ`, for `m` from 1 to its largest charge, in the places of
/// [`Program::tables`].
#[derive(Clone, Debug)]
pub(crate) struct Harmonics<R> {
    cos: Vec<R>,
    sin: Vec<R>,
}

impl<R> Default for Harmonics<R> {
    fn default() -> Self {
        Self { cos: vec![], sin: vec![] }
    }
}

impl<R: Real> Harmonics<R> {
    /// Number of packs that are allocated.
    pub(crate) fn packs(&self) -> usize {
        self.cos.len() + self.sin.len()
    }

    /// Fills the tables at the points `y`.
    #[inline(always)]
    pub(crate) fn evaluate(&mut self, program: &Program, y: &[R]) {
        let len = program.tables[program.angles()];
        resize(&mut self.cos, len);
        resize(&mut self.sin, len);
        for angle in 0..program.angles() {
            let (start, end) = (program.tables[angle], program.tables[angle + 1]);
            if start == end {
                continue;
            }
            let mut phase = R::zero();
            if angle < program.sites {
                phase = y[angle];
            } else {
                for &(site, q) in &program.combinations[angle - program.sites].entries {
                    phase += y[site] * q;
                }
            }
            let (sin, cos) = sin_cos(phase);
            (self.cos[start], self.sin[start]) = (cos, sin);
            for m in start + 1..end {
                let (c, s) = (self.cos[m - 1], self.sin[m - 1]);
                self.cos[m] = c.mul_add(cos, -(s * sin));
                self.sin[m] = s.mul_add(cos, c * sin);
            }
        }
    }

    /// `cos(q · y)` and `sin(q · y)` of a term on `K` angles.
    #[inline(always)]
    pub(super) fn term<const K: usize>(&self, group: &Group, shape: &Shape) -> (R, R) {
        let first = group.tables[0] + shape.harmonics[0];
        let (mut c, mut s) = (self.cos[first], self.sin[first]);
        for j in 1..K {
            let place = group.tables[j] + shape.harmonics[j];
            let (cos, sin) = (self.cos[place], self.sin[place] * shape.signs[j]);
            (c, s) = (c.mul_add(cos, -(s * sin)), s.mul_add(cos, c * sin));
        }
        (c, s)
    }
}

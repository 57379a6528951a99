//! Cosines and sines of multiples of all angles and differences, from one sine and cosine per angle.

use std::ops::Range;

use ircpm_ad::Real;
use ircpm_ad::elementary::transcendental::sin_cos;

use super::{Program, Shape, WIDEST};

/// `cos mφ` and `sin mφ` of every angle `φ`, for `m` from 1 to its largest charge, and likewise of every difference, in the
/// places of [`Program::tables`].
#[derive(Clone, Debug)]
pub(crate) struct Harmonics<R> {
    /// Cosine and sine.
    table: Vec<[R; 2]>,
}

impl<R> Default for Harmonics<R> {
    fn default() -> Self {
        Self { table: vec![] }
    }
}

impl<R: Real> Harmonics<R> {
    /// Number of packs that are allocated.
    pub(crate) fn packs(&self) -> usize {
        2 * self.table.len()
    }

    /// Fills the tables at the points `y`.
    #[inline(always)]
    pub(crate) fn evaluate(&mut self, program: &Program, y: &[R]) {
        let len = program.tables[program.tables.len() - 1];
        if self.table.len() != len {
            self.table.resize(len, [R::zero(); 2]);
        }
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
            self.fill(start..end, cos, sin);
        }
        for (number, difference) in program.differences.iter().enumerate() {
            let number = program.angles() + number;
            let (start, end) = (program.tables[number], program.tables[number + 1]);
            if start == end {
                continue;
            }
            let [i, j] = difference.sites.map(|site| program.tables[site]);
            let (ci, si, cj, sj) = (self.table[i][0], self.table[i][1], self.table[j][0], self.table[j][1]);
            self.fill(start..end, ci.mul_add(cj, si * sj), si.mul_add(cj, -(ci * sj)));
        }
    }

    /// Writes the harmonics of one phase, whose first is given.
    #[inline(always)]
    fn fill(&mut self, places: Range<usize>, cos: R, sin: R) {
        let (mut c, mut s) = (cos, sin);
        let first = &mut self.table[places.start];
        (first[0], first[1]) = (c, s);
        for entry in &mut self.table[places.start + 1..places.end] {
            (c, s) = (c.mul_add(cos, -(s * sin)), s.mul_add(cos, c * sin));
            (entry[0], entry[1]) = (c, s);
        }
    }

    /// `cos(q · y)` and `sin(q · y)` of a term on `K` angles.
    #[inline(always)]
    pub(super) fn term<const K: usize>(&self, places: &[u32; WIDEST], shape: &Shape) -> (R, R) {
        let first = &self.table[places[0] as usize];
        let (mut c, mut s) = (first[0], first[1]);
        for f in 1..K {
            if f == shape.factors {
                break;
            }
            let factor = &self.table[places[f] as usize];
            let (cos, sin) = (factor[0], factor[1] * shape.signs[f]);
            (c, s) = (c.mul_add(cos, -(s * sin)), s.mul_add(cos, c * sin));
        }
        (c, s)
    }
}

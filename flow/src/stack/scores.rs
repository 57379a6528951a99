//! Densities of given points and their gradients in the parameters, sample by sample: what least squares needs.
//!
//! `log q(y)` is explicit in `y` through the closed-form inverse, in a stack as well, so its gradient takes no solve:
//! the pull-back of [`crate::map::pull_back`] with one gradient in the parameters per sample.

use std::ops::Range;

use rayon::prelude::*;

use super::{Flow, Records, least, parts};
use crate::lanes::Workspace;
use crate::map::{Direction, ThetaGradient};

/// Number of samples whose gradients stand side by side: a multiple of a tile.
pub const BLOCK: usize = 256;

/// Densities of given points, under a floor on the eigenvalues of `H`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// `log q(y)`, with the logarithm of every eigenvalue below the floor continued by its tangent; NaN where the
    /// sample is not `inside`.
    pub log_q: Vec<f64>,
    /// Smallest eigenvalue of `H` over the layers where it is below the floor, else the floor. NaN where the sample is
    /// not `inside`.
    pub lowest: Vec<f64>,
    /// Whether the point lies on the manifold, and its preimages are finite and within the injectivity radius.
    pub inside: Vec<bool>,
}

/// Gradients of weighted log-densities in the parameters, one column per sample.
#[derive(Clone, Debug, Default)]
pub struct Jacobian {
    parameters: usize,
    samples: usize,
    /// `[block][parameter][sample]`.
    columns: Vec<f64>,
}

impl Jacobian {
    /// A Jacobian from its numbers, `[block][parameter][sample]`.
    ///
    /// # Panics
    /// If there are not `samples · parameters` numbers.
    pub fn new(samples: usize, parameters: usize, columns: Vec<f64>) -> Self {
        assert_eq!(columns.len(), samples * parameters, "a Jacobian of {samples} samples");
        Self { parameters, samples, columns }
    }

    /// A Jacobian whose blocks `fill(samples, columns)` writes, `[parameter][sample]`.
    pub fn from_columns(
        samples: usize,
        parameters: usize,
        fill: impl Fn(Range<usize>, &mut [f64]) + Sync,
    ) -> Self {
        let mut columns = vec![0.0; samples * parameters];
        columns.par_chunks_mut((BLOCK * parameters).max(1)).enumerate().for_each(|(block, columns)| {
            let start = block * BLOCK;
            fill(start..samples.min(start + BLOCK), columns);
        });
        Self { parameters, samples, columns }
    }

    /// The numbers, `[block][parameter][sample]`.
    pub fn into_columns(self) -> Vec<f64> {
        self.columns
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Blocks of up to [`BLOCK`] samples in their order, each `[parameter][sample]`.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.columns.chunks((BLOCK * self.parameters).max(1))
    }
}

impl Flow {
    /// `log q` at given points `y` (`[sample][coordinate]`), with the eigenvalues of `H` clamped from below at `floor`
    /// as [`Scores`] says.
    ///
    /// # Panics
    /// If `theta` or `y` has the wrong length, or `floor` is not positive and finite.
    pub fn scores(&self, theta: &[f64], y: &[f64], floor: f64) -> Scores {
        let n = self.manifold.ambient();
        let parts = parts::map(parts::fine(self.samples(theta, y)), |samples| {
            let y = &y[samples.start * n..samples.end * n];
            let mut records = self.run(Direction::Inverse, theta, y);
            let mut lowest = self.clamp_eigenvalues(floor, &mut records);
            let (log_q, inside) = self.densities(y, &records);
            lowest.iter_mut().zip(&inside).filter(|(_, inside)| !**inside).for_each(|(l, _)| *l = f64::NAN);
            Scores { log_q, lowest, inside }
        });
        let mut out = Scores::default();
        for part in parts {
            out.log_q.extend(part.log_q);
            out.lowest.extend(part.lowest);
            out.inside.extend(part.inside);
        }
        out
    }

    /// Gradients of `weight · log q` at given points, with the floor of [`Flow::scores`]; zero where a sample is not
    /// inside. `jacobian` is overwritten, its memory used again.
    ///
    /// # Panics
    /// If `theta`, `y` or `weights` (one per sample) has the wrong length, or `floor` is not positive and finite.
    pub fn jacobian(&self, theta: &[f64], y: &[f64], weights: &[f64], floor: f64, jacobian: &mut Jacobian) {
        let (n, samples) = (self.manifold.ambient(), self.samples(theta, y));
        assert_eq!(weights.len(), samples, "weights of log-densities");
        jacobian.parameters = self.parameters();
        jacobian.samples = samples;
        jacobian.columns.resize(samples * self.parameters(), 0.0);
        if self.parameters() == 0 {
            return;
        }
        let blocks = jacobian.columns.par_chunks_mut(BLOCK * self.parameters());
        blocks.zip(y.par_chunks(BLOCK * n)).zip(weights.par_chunks(BLOCK)).for_each(
            |((columns, y), weights)| {
                self.jacobian_block(theta, y, weights, floor, columns);
            },
        );
    }

    /// As [`Flow::jacobian`], for one block of any number of samples on the calling thread: `columns` is
    /// `[parameter][sample]`, overwritten.
    ///
    /// # Panics
    /// If a slice has the wrong length, or `floor` is not positive and finite.
    pub fn jacobian_block(&self, theta: &[f64], y: &[f64], weights: &[f64], floor: f64, columns: &mut [f64]) {
        let samples = self.samples(theta, y);
        assert_eq!(columns.len(), samples * self.parameters(), "a block of a Jacobian");
        assert_eq!(weights.len(), samples, "weights of log-densities");
        columns.fill(0.0);
        Workspace::lend(|records: &mut Records| {
            self.run_saving(Direction::Inverse, theta, y, records);
            self.clamp_eigenvalues(floor, records);
            let (_, inside) = self.densities(y, records);
            let bars = (vec![0.0; y.len()], weights.to_vec());
            self.pull_back(Direction::Inverse, theta, records, &inside, bars, ThetaGradient::Each(columns));
        });
    }

    /// Applies the floor to the records of given points; returns the smallest eigenvalue of every sample, as in
    /// [`Scores`].
    pub(super) fn clamp_eigenvalues(&self, floor: f64, records: &mut Records) -> Vec<f64> {
        assert!(floor > 0.0 && floor.is_finite(), "a floor of {floor}");
        let samples = records[0].samples();
        let (mut lowest, mut of_layer) = (vec![floor; samples], vec![0.0; samples]);
        for (map, record) in self.maps.iter().zip(records) {
            map.clamp_eigenvalues(floor, record, &mut of_layer);
            lowest.iter_mut().zip(&of_layer).for_each(|(all, &one)| *all = least(*all, one));
        }
        lowest
    }
}

//! The residuals of a step and their Jacobian, one row per point: those of the fit, and then those of the penalty.

use std::ops::Range;

use ircpm_flow::Jacobian;
use nalgebra::DVector;

use super::Collocation;
use super::penalty::Excess;
use crate::optimiser::{Check, Harmed, LeastSquares, Squares};
use crate::ranks::Ranks;

impl LeastSquares for Collocation<'_> {
    fn ranks(&self) -> &Ranks {
        &self.sampler.ranks
    }

    fn samples(&self) -> usize {
        self.batch.u.len() + self.penalised()
    }

    fn at(&self, theta: &[f64]) -> Option<Squares> {
        let (squares, _) = self.residuals_of(theta, &self.batch)?;
        if self.penalised() == 0 {
            return Some(squares);
        }
        let Excess { value, slope } = self.excess(theta);
        let nuisance = join(&squares.nuisance, &vec![0.0; value.len()]);
        let (value, slope) = (join(&squares.value, &value), join(&squares.slope, &slope));
        let mean_square = value.norm_squared() / value.len() as f64;
        mean_square.is_finite().then_some(Squares { value, slope, nuisance, mean_square })
    }

    fn check(&self, theta: &[f64]) -> Option<Check> {
        let (squares, outside) = self.residuals_of(theta, &self.check)?;
        let excess = self.excess_square(theta, &self.check.y) / self.check.u.len() as f64;
        Some(Check { mean_square: squares.mean_square + excess, outside })
    }

    fn looks_for_harm(&self) -> bool {
        self.growth.is_some()
    }

    fn harmed(&self, start: &[f64], trial: &[f64], known: &[usize]) -> Option<Harmed> {
        self.harmed_by(start, trial, known)
    }

    fn jacobian(&self, theta: &[f64], at: &Squares, jacobian: &mut Jacobian) {
        if self.penalised() == 0 {
            self.flow.jacobian(theta, &self.batch.y, at.slope.as_slice(), self.floor(), jacobian);
        } else {
            let fill = |samples, columns: &mut [f64]| self.columns(theta, at, samples, columns);
            *jacobian = Jacobian::from_columns(self.samples(), theta.len(), fill);
        }
    }

    fn columns(&self, theta: &[f64], at: &Squares, samples: Range<usize>, columns: &mut [f64]) {
        let points = self.batch.u.len();
        if samples.end <= points {
            return self.fitted_columns(theta, at, samples, columns);
        }
        // A block may begin with residuals of the fit and end with those of the penalty.
        let (start, end) = (samples.start.min(points), samples.start.max(points));
        let mut fitted = vec![0.0; (points - start) * theta.len()];
        self.fitted_columns(theta, at, start..points, &mut fitted);
        let mut low = vec![0.0; (samples.end - end) * theta.len()];
        let slope = &at.slope.as_slice()[end..samples.end];
        self.penalty_columns(theta, slope, end - points..samples.end - points, &mut low);
        for (k, column) in columns.chunks_exact_mut(samples.len()).enumerate() {
            let (first, last) = column.split_at_mut(points - start);
            first.copy_from_slice(&fitted[k * first.len()..(k + 1) * first.len()]);
            last.copy_from_slice(&low[k * last.len()..(k + 1) * last.len()]);
        }
    }
}

impl Collocation<'_> {
    /// Gradients of the residuals at the points of this step, `[parameter][sample]`.
    fn fitted_columns(&self, theta: &[f64], at: &Squares, samples: Range<usize>, columns: &mut [f64]) {
        let n = self.flow.manifold().ambient();
        let y = &self.batch.y[samples.start * n..samples.end * n];
        self.flow.jacobian_block(theta, y, &at.slope.as_slice()[samples], self.floor(), columns);
    }
}

/// One vector after the other.
fn join(first: &DVector<f64>, last: &[f64]) -> DVector<f64> {
    DVector::from_iterator(first.len() + last.len(), first.iter().chain(last).copied())
}

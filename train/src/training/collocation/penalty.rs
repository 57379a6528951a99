//! A penalty that keeps the smallest eigenvalue of `H` above a floor.
//!
//! A target may ask for eigenvalues next to zero where a density hardly notices them. They make inner solves slow and
//! proofs of the map long, so `training.min_eigenvalue` asks for more. Let `f` be that floor, and let `ℓ_f(λ)` be `log λ`,
//! continued by its tangent below `f`. The excess of one eigenvalue is
//!
//! ```text
//! p = ℓ_f(λ) − log λ = λ/f − 1 − log(λ/f),    zero from f on, (1 − λ/f)²/2 in second order below
//! ```
//!
//! and that of a point is the sum over eigenvalues and layers: the difference of two log-densities that the flow knows,
//! with its gradient. Every point of a step with a low eigenvalue adds a residual `W √(2p)`, about `W (1 − λ/f)`. Training
//! then ends as it does after a fold (`ending`): what the penalty leaves below the floor is removed exactly, by carrying
//! the map towards the identity, if the KL stays within its limit.

use std::ops::Range;

use ircpm_flow::Scores;

use super::Collocation;

/// Weight `W`: it leaves eigenvalues below the floor by about a hundredth of what the target asks for, in logarithms.
const WEIGHT: f64 = 10.0;
/// What the penalty aims at, in units of the floor: points that no survey has seen may have lower eigenvalues.
const AIM: f64 = 1.02;
/// Eigenvalues below this many floors have a residual: those that a step may push below the floor are among them.
const NEAR: f64 = 1.5;
/// Excess below which a point counts as one at the floor: above the rounding of two log-densities.
const LEAST_EXCESS: f64 = 1e-10;

/// What eigenvalues are kept above, and the points of the present step that are near it.
#[derive(Clone, Debug)]
pub(super) struct Penalty {
    /// Smallest eigenvalue of `H` that is asked for.
    pub(super) floor: f64,
    /// Points with a residual of their own, `[point][coordinate]`.
    pub(super) y: Vec<f64>,
}

impl Penalty {
    /// A penalty of eigenvalues below `floor`.
    pub(super) fn new(floor: f64) -> Self {
        Self { floor, y: Vec::new() }
    }

    /// The eigenvalue below which the penalty begins.
    fn aim(&self) -> f64 {
        AIM * self.floor
    }
}

/// Residuals of the penalty at some points, and their derivatives in the excess.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Excess {
    pub(super) value: Vec<f64>,
    pub(super) slope: Vec<f64>,
}

impl Collocation<'_> {
    /// Chooses the points of this step that have a residual of the penalty, from those at which the model is fitted.
    pub(super) fn choose_penalised(&mut self, theta: &[f64]) {
        let Some(Penalty { floor, .. }) = self.penalty else { return };
        let n = self.flow.manifold().ambient();
        let lowest = self.sampler.ranks.scores(&self.flow, theta, &self.batch.y, NEAR * floor).lowest;
        // A point beyond the injectivity radius has no eigenvalue, and a residual already.
        let near = self.batch.y.chunks_exact(n).zip(lowest).filter(|&(_, lowest)| lowest < NEAR * floor);
        let y = near.flat_map(|(y, _)| y.iter().copied()).collect();
        self.penalty = Some(Penalty { floor, y });
    }

    /// Number of residuals of the penalty.
    pub(super) fn penalised(&self) -> usize {
        self.penalty.as_ref().map_or(0, |penalty| penalty.y.len() / self.flow.manifold().ambient())
    }

    /// Residuals of the penalty at the points of this step; none without one.
    pub(super) fn excess(&self, theta: &[f64]) -> Excess {
        self.penalty
            .as_ref()
            .map_or_else(Excess::default, |penalty| self.excess_at(penalty, theta, &penalty.y))
    }

    /// Sum of the squares of the penalty's residuals at given points; zero without one.
    pub(super) fn excess_square(&self, theta: &[f64], y: &[f64]) -> f64 {
        let excess = self.penalty.as_ref().map(|penalty| self.excess_at(penalty, theta, y));
        excess.map_or(0.0, |excess| excess.value.iter().map(|value| value * value).sum())
    }

    fn excess_at(&self, penalty: &Penalty, theta: &[f64], y: &[f64]) -> Excess {
        let Scores { log_q: high, .. } = self.sampler.ranks.scores(&self.flow, theta, y, penalty.aim());
        let Scores { log_q: low, .. } = self.sampler.ranks.scores(&self.flow, theta, y, self.lower(penalty));
        let mut out = Excess::default();
        for (high, low) in high.iter().zip(&low) {
            let p = high - low;
            // False for the NaN of a point beyond the injectivity radius.
            let root = if p > LEAST_EXCESS { (2.0 * p).sqrt() } else { 0.0 };
            out.value.push(WEIGHT * root);
            out.slope.push(if root > 0.0 { WEIGHT / root } else { 0.0 });
        }
        out
    }

    /// The floor below which the excess is straight: that of the residuals, and well below the other one.
    fn lower(&self, penalty: &Penalty) -> f64 {
        self.floor().min(0.1 * penalty.floor)
    }

    /// Gradients of the penalty's residuals, `[parameter][sample]`; `slope` is that of [`Excess`].
    pub(super) fn penalty_columns(
        &self,
        theta: &[f64],
        slope: &[f64],
        samples: Range<usize>,
        columns: &mut [f64],
    ) {
        let Some(penalty) = &self.penalty else { return };
        let n = self.flow.manifold().ambient();
        let y = &penalty.y[samples.start * n..samples.end * n];
        let negative: Vec<f64> = slope.iter().map(|slope| -slope).collect();
        let mut low = vec![0.0; columns.len()];
        self.flow.jacobian_block(theta, y, slope, penalty.aim(), columns);
        self.flow.jacobian_block(theta, y, &negative, self.lower(penalty), &mut low);
        columns.iter_mut().zip(low).for_each(|(high, low)| *high += low);
    }
}

//! When training on the Monge–Ampère residual ends, and the last look for folds.
//!
//! Folds are rarer near the end than any number of points of a step can show, and where the target holds little mass they
//! cost the residual nothing. So before training ends a *survey* looks at many more points. A small fold that it finds is
//! undone by carrying the map a little way towards the identity ([`ircpm_flow::Flow::rescale`]), if the model is then as
//! good as was asked; points of a large one become hard points, and training goes on.

use ircpm_manifolds::Manifold;

use super::{Collocation, MOST_CHECKS};
use crate::estimate::{Estimate, Estimates};

/// Fresh base points of a survey; more beyond four dimensions.
const SURVEY: [usize; 2] = [1 << 16, 1 << 19];
/// Images: folds are rare where the mass is, and every solve of a step looks for them.
const IMAGES: usize = 1 << 16;
/// Steps without progress beyond the standard error after which training ends.
const PATIENCE: usize = 12;
/// Largest part of the potential that is given up to undo a fold.
const MOST_GIVEN_UP: f64 = 0.05;
/// Where points are sparse a smallest eigenvalue below this counts as a fold: a survey of some 10⁶ points misses the lowest
/// one by about as much (of five T⁸ runs that ended at any positive one, one folded by 3e-4 at other points).
const MARGIN: f64 = 2e-3;
/// Factor on KL that undoing a fold may cost a model that falls short of its goal.
const BEARABLE_LOSS: f64 = 1.1;

/// What a survey saw.
struct Survey {
    /// Smallest eigenvalue of `H` where it is below [`MARGIN`], else that; NaN if a point is beyond the injectivity
    /// radius.
    lowest: f64,
    /// Points of folds.
    folds: Vec<f64>,
}

impl Collocation<'_> {
    /// Whether training is at its end: KL is below the goal beyond doubt and a survey shows no fold, or KL has stopped
    /// falling beyond its standard error. `theta` moves where a fold was undone.
    pub fn is_done(&mut self, theta: &mut [f64]) -> bool {
        let Some(kl) = self.quality.as_ref().map(|quality| quality.kl) else { return false };
        let reached = surely(kl) <= self.goal;
        if !reached && !self.has_stalled(kl.standard_error) {
            return false;
        }
        let survey = self.survey(theta);
        if self.is_clear(&survey) {
            return true;
        }
        let limit = if reached { self.goal } else { self.goal.max(BEARABLE_LOSS * surely(kl)) };
        if let Some((unfolded, quality)) = self.unfolded(theta, survey.lowest, limit) {
            theta.copy_from_slice(&unfolded);
            self.quality = Some(quality);
            return true;
        }
        self.hard.extend(survey.folds);
        !reached
    }

    /// Whether the last steps brought nothing beyond the standard error.
    fn has_stalled(&self, standard_error: f64) -> bool {
        let (before, recent) = self.history.split_at(self.history.len().saturating_sub(PATIENCE));
        let least = |part: &[f64]| part.iter().copied().fold(f64::INFINITY, f64::min);
        !before.is_empty() && least(recent) > least(before) - standard_error
    }

    /// Looks for folds at fresh points of either kind.
    fn survey(&mut self, theta: &[f64]) -> Survey {
        let n = self.flow.manifold().ambient();
        let mut survey = Survey { lowest: f64::INFINITY, folds: Vec::new() };
        let base = SURVEY[usize::from(self.is_sparse())] / MOST_CHECKS;
        for batch in 0..base + IMAGES / MOST_CHECKS {
            let (base, images) = if batch < base { (MOST_CHECKS, 0) } else { (0, MOST_CHECKS) };
            let y = self.draw(theta, base, images);
            // Eigenvalues above the margin cost nothing here.
            for (y, lowest) in y.chunks_exact(n).zip(self.flow.scores(theta, &y, MARGIN).lowest) {
                survey.lowest = lower(survey.lowest, lowest);
                if lowest <= 0.0 || lowest.is_nan() {
                    survey.folds.extend(y);
                }
            }
        }
        survey
    }

    /// Whether a survey shows no fold, nor points close to one where they are sparse.
    fn is_clear(&self, survey: &Survey) -> bool {
        if self.is_sparse() { survey.lowest >= MARGIN } else { survey.lowest > 0.0 }
    }

    /// Parameters of a map nearer to the identity, by as much as undoes a fold that is twice as far from clear as the deepest
    /// one seen, and the model's quality there; nothing if it is not clear then, or its KL is above `limit`.
    fn unfolded(&mut self, theta: &[f64], lowest: f64, limit: f64) -> Option<(Vec<f64>, Estimates)> {
        let given_up = MARGIN + 2.0 * (MARGIN - lowest);
        let mut smaller = theta.to_vec();
        // Written so that a NaN is refused.
        if !(given_up <= MOST_GIVEN_UP && self.flow.rescale(&mut smaller, 1.0 - given_up)) {
            return None;
        }
        let quality = self.fresh_quality(&smaller)?;
        if surely(quality.kl) > limit {
            return None;
        }
        let survey = self.survey(&smaller);
        self.is_clear(&survey).then_some((smaller, quality))
    }

    /// Estimates from fresh images.
    fn fresh_quality(&mut self, theta: &[f64]) -> Option<Estimates> {
        let y = self.draw(theta, 0, MOST_CHECKS);
        let images = self.with_energies(y).ok()?;
        let pulled = self.flow.inverse(theta, &images.y);
        if pulled.ok.iter().any(|ok| !ok) {
            return None;
        }
        let log_weights: Vec<f64> =
            images.u.iter().zip(&pulled.log_q).map(|(u, log_q)| -self.beta * u - log_q).collect();
        Estimates::new(&log_weights, 0, self.log_z_exact).ok()
    }
}

/// The lower one; NaN if either is, which `f64::min` would pass over.
fn lower(a: f64, b: f64) -> f64 {
    if a.is_nan() || a < b { a } else { b }
}

/// The value and twice its standard error.
fn surely(kl: Estimate) -> f64 {
    kl.value + 2.0 * kl.standard_error
}

//! How the target sharpens: `β` rises from the residual alone.

use super::Collocation;
use crate::loss::LossError;

/// Root mean square of the residuals, in nats, below which `β` may rise; less where points are sparse, beyond four
/// dimensions.
pub(super) const SOLVED: [f64; 2] = [0.2, 0.15];
/// Root mean square that a rise of `β` may lead to.
const BEARABLE: f64 = 0.3;
/// Steps that must make the residual at one `β` a twentieth smaller; else it is as small as the model can make it, and `β`
/// rises all the same.
pub(super) const STUCK: usize = 4;
/// Share of base points at which the map folds that makes the target defended.
const MANY_FOLDS: f64 = 0.01;
/// Halvings that find the largest bearable `β`, each at the cost of the residuals.
const HALVINGS: usize = 40;
/// Least rise of `β`, as parts of its end and of itself.
const LEAST_RISE: [f64; 2] = [1e-3, 0.02];

impl Collocation<'_> {
    /// Defends the target from now on if the map folds at so many base points.
    pub(super) fn defend_target(&mut self, lowest: &[f64]) {
        let folded = lowest.iter().filter(|e| e.is_nan() || **e <= 0.0).count();
        if !self.defended && folded as f64 > MANY_FOLDS * lowest.len() as f64 {
            self.defended = true;
            self.levels.clear();
            self.history.clear();
        }
    }

    /// Raises `β` if the residuals allow it, or if they have stopped falling.
    ///
    /// # Errors
    /// [`LossError::TooSharp`] if none is bearable to begin with.
    pub(super) fn raise_beta(&mut self, log_q: &[f64]) -> Result<(), LossError> {
        if self.beta >= self.beta_max {
            return Ok(());
        }
        let now = self.check_rms(log_q, self.beta);
        let before = self.levels.len().checked_sub(STUCK).map_or(f64::INFINITY, |i| self.levels[i]);
        if self.beta > 0.0 && now > SOLVED[usize::from(self.is_sparse())] && now < 0.95 * before {
            self.levels.push(now);
        } else {
            self.beta = self.largest_usable_beta(log_q)?;
            self.levels.clear();
        }
        Ok(())
    }

    /// The largest `β` at which residuals are bearable, but more than the present one.
    fn largest_usable_beta(&self, log_q: &[f64]) -> Result<f64, LossError> {
        if self.check_rms(log_q, self.beta_max) <= BEARABLE {
            return Ok(self.beta_max);
        }
        let (mut low, mut high) = (self.beta, self.beta_max);
        for _ in 0..HALVINGS {
            // As fine as a rise need be.
            if high - low <= 1e-2 * high {
                break;
            }
            let middle = 0.5 * (low + high);
            if self.check_rms(log_q, middle) <= BEARABLE { low = middle } else { high = middle }
        }
        let small = LEAST_RISE[0] * self.beta_max;
        if low > 0.0 {
            return Ok(low.max(self.beta + small.min(LEAST_RISE[1] * self.beta)).min(self.beta_max));
        }
        // Either the target asks for too much, or the first parameters are far from the identity.
        if self.check_rms(log_q, 0.0) <= BEARABLE {
            Err(LossError::TooSharp { beta: high })
        } else {
            Ok(small)
        }
    }

    /// Root mean square of the residuals at the check points.
    pub(super) fn check_rms(&self, log_q: &[f64], beta: f64) -> f64 {
        self.residuals_at(log_q, &self.check.u, beta).mean_square().sqrt()
    }
}

//! The continuation in `β`: the target becomes sharper as the residuals allow.

use crate::loss::LossError;

/// Root mean square of the residuals, in nats, below which `β` may rise; less above four dimensions, where points are
/// sparse.
pub(super) const SOLVED: [f64; 2] = [0.2, 0.15];
/// Largest root mean square of the residuals that a rise of `β` may lead to, in nats.
const LARGEST_RMS: f64 = 0.3;
/// Steps that must make the residual at one `β` a twentieth smaller; else it is as small as the model can make it, and
/// `β` rises all the same.
pub(super) const STUCK: usize = 4;
/// Share of base points at which the map folds above which the target is raised.
const MANY_FOLDS: f64 = 0.01;
/// Halvings that find the largest usable `β`, each at the cost of the residuals.
const HALVINGS: usize = 40;
/// Least rise of `β`, as parts of its end and of itself.
const LEAST_RISE: [f64; 2] = [1e-3, 0.02];

/// The target that the present step is trained against.
#[derive(Clone, Debug)]
pub(super) struct Continuation {
    pub(super) beta: f64,
    /// Last value of `β`.
    pub(super) beta_max: f64,
    /// Whether the target's density is raised where it is nearly empty, against folds there.
    pub(super) target_raised: bool,
    /// Root mean squares of the residuals at the check points, since `β` last rose.
    pub(super) levels: Vec<f64>,
    /// Largest root mean square at which `β` may rise.
    solved: f64,
}

impl Continuation {
    /// A continuation from the flat target to `β = beta_max`.
    pub(super) fn new(beta_max: f64, is_sparse: bool) -> Self {
        let solved = SOLVED[usize::from(is_sparse)];
        Self { beta: 0.0, beta_max, target_raised: false, levels: Vec::new(), solved }
    }

    /// Whether `β` is at its end.
    pub(super) fn is_complete(&self) -> bool {
        self.beta >= self.beta_max
    }

    /// Raises the target from now on if the map folds at many of the base points, whose smallest eigenvalues are given.
    /// Says whether this has changed the target.
    pub(super) fn raise_target(&mut self, lowest: &[f64]) -> bool {
        let folded = lowest.iter().filter(|e| e.is_nan() || **e <= 0.0).count();
        let changed = !self.target_raised && folded as f64 > MANY_FOLDS * lowest.len() as f64;
        if changed {
            self.target_raised = true;
            self.levels.clear();
        }
        changed
    }

    /// Raises `β` if the residuals allow it, or if they have stopped falling; `rms` gives their root mean square at any
    /// `β`.
    ///
    /// # Errors
    /// [`LossError::TooSharp`] if not even the smallest `β` is usable.
    pub(super) fn raise_beta(&mut self, rms: impl Fn(f64) -> f64) -> Result<(), LossError> {
        if self.is_complete() {
            return Ok(());
        }
        let now = rms(self.beta);
        let before = self.levels.len().checked_sub(STUCK).map_or(f64::INFINITY, |i| self.levels[i]);
        if self.beta > 0.0 && now > self.solved && now < 0.95 * before {
            self.levels.push(now);
        } else {
            self.beta = self.largest_usable_beta(rms)?;
            self.levels.clear();
        }
        Ok(())
    }

    /// The largest `β` whose residuals are small enough, but more than the present one.
    fn largest_usable_beta(&self, rms: impl Fn(f64) -> f64) -> Result<f64, LossError> {
        if rms(self.beta_max) <= LARGEST_RMS {
            return Ok(self.beta_max);
        }
        let (mut low, mut high) = (self.beta, self.beta_max);
        for _ in 0..HALVINGS {
            // A finer bound would not make a better rise.
            if high - low <= 1e-2 * high {
                break;
            }
            let middle = 0.5 * (low + high);
            if rms(middle) <= LARGEST_RMS { low = middle } else { high = middle }
        }
        let small = LEAST_RISE[0] * self.beta_max;
        if low > 0.0 {
            return Ok(low.max(self.beta + small.min(LEAST_RISE[1] * self.beta)).min(self.beta_max));
        }
        // Either the target asks for too much, or the first parameters are far from the identity.
        if rms(0.0) <= LARGEST_RMS { Err(LossError::TooSharp { beta: high }) } else { Ok(small) }
    }
}

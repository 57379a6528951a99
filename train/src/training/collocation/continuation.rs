//! The continuation: the target becomes sharper as the residuals allow.
//!
//! `β` rises to its end. A stack that grows has a *guard* besides: the density, in units of the uniform one, that it is
//! asked for where the target is nearly empty. The guard stays at a hundredth while `β` rises, and falls to a
//! ten-thousandth then, as an interior-point method lowers its barrier: the shape of the modes is learned first, and how
//! empty the space between them is afterwards.

use crate::loss::LossError;
use crate::loss::monge_ampere::Offsets;

/// Root mean square of the residuals, in nats, below which `β` may rise; less above four dimensions, where points are
/// sparse.
pub(super) const SOLVED: [f64; 2] = [0.2, 0.15];
/// Largest root mean square of the residuals that a rise of `β` may lead to, in nats.
const LARGEST_RMS: f64 = 0.3;
/// As [`SOLVED`] and [`LARGEST_RMS`], for falls of the guard. Twice as much led the four modes of κ = 50 on the sphere to
/// an effective sample of 98.7 % in place of 99.95 %.
const GUARD_RMS: [f64; 2] = [0.1, 0.2];
/// Steps that must make the residual at one target a twentieth smaller; else it is as small as the model can make it,
/// and the target becomes sharper all the same.
pub(super) const STUCK: usize = 4;
/// Share of base points at which the map folds above which the target is raised.
const MANY_FOLDS: f64 = 0.01;
/// Halvings that find the largest usable `β`, each at the cost of the residuals.
const HALVINGS: usize = 40;
/// Least rise of `β`, as parts of its end and of itself.
const LEAST_RISE: [f64; 2] = [1e-2, 0.02];
/// The first guard, and the last.
pub(super) const GUARDS: [f64; 2] = [1e-2, 1e-4];
/// Width of the bend from the target to the guard while `β` rises, in nats. With the sum of both, four layers for the modes of
/// κ = 1000 on the sphere came to κ = 660 in 190 steps, and to 880 with this.
const BEND: f64 = 2.0;
/// Least fall of the guard, as a part of itself.
const LEAST_FALL: f64 = 0.05;

/// The target that the present step is trained against.
#[derive(Clone, Debug)]
pub(super) struct Continuation {
    pub(super) beta: f64,
    /// Last value of `β`.
    pub(super) beta_max: f64,
    /// Whether the target's density is raised where it is nearly empty, against folds there.
    pub(super) target_raised: bool,
    /// The guard of a stack that grows.
    pub(super) guard: Option<f64>,
    /// Root mean squares of the residuals at the check points, since the target last became sharper.
    pub(super) levels: Vec<f64>,
    /// Whether the target has sharp modes, with next to nothing between them.
    pub(super) has_sharp_modes: bool,
    /// Largest root mean square at which `β` may rise.
    solved: f64,
}

impl Continuation {
    /// A continuation from the flat target to `β = beta_max`.
    pub(super) fn new(beta_max: f64, is_sparse: bool) -> Self {
        let solved = SOLVED[usize::from(is_sparse)];
        Self {
            beta: 0.0,
            beta_max,
            target_raised: false,
            guard: None,
            levels: Vec::new(),
            has_sharp_modes: false,
            solved,
        }
    }

    /// The same continuation from the flat target and the first guard on.
    pub(super) fn guarded(self) -> Self {
        Self { beta: 0.0, guard: Some(GUARDS[0]), levels: Vec::new(), ..self }
    }

    /// Whether `β` is at its end.
    pub(super) fn has_full_beta(&self) -> bool {
        self.beta >= self.beta_max
    }

    /// Whether the target has sharp modes, whose shape is still learned.
    pub(super) fn learns_sharp_modes(&self) -> bool {
        self.has_sharp_modes && !self.has_full_beta()
    }

    /// Whether the target is as sharp as it becomes.
    pub(super) fn is_complete(&self) -> bool {
        self.has_full_beta() && self.guard.is_none_or(|guard| guard <= GUARDS[1])
    }

    /// How sharp the target is: `β`, divided by the guard.
    pub(super) fn sharpness(&self) -> f64 {
        self.beta / self.guard.unwrap_or(1.0)
    }

    /// Offsets of the densities that are compared.
    pub(super) fn offsets(&self) -> Offsets {
        match (self.guard, self.target_raised) {
            (Some(guard), _) => {
                let bend = if self.learns_sharp_modes() { BEND } else { 1.0 };
                Offsets { model: 0.0, target: guard, bend }
            }
            (None, true) => Offsets::RAISED,
            (None, false) => Offsets::PLAIN,
        }
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

    /// Raises `β`, or lowers the guard once `β` is at its end, if the residuals allow it or have stopped falling; `rms`
    /// gives their root mean square at any such target. Says whether the target has become sharper although the residuals
    /// were still large.
    ///
    /// # Errors
    /// [`LossError::TooSharp`] if not even the smallest `β` is usable.
    pub(super) fn sharpen(&mut self, rms: impl Fn(&Self) -> f64) -> Result<bool, LossError> {
        if self.is_complete() {
            return Ok(false);
        }
        let now = rms(self);
        let before = self.levels.len().checked_sub(STUCK).map_or(f64::INFINITY, |i| self.levels[i]);
        let solved = if self.has_full_beta() { GUARD_RMS[0] } else { self.solved };
        let is_large = self.beta > 0.0 && now > solved;
        if is_large && now < 0.95 * before {
            self.levels.push(now);
            return Ok(false);
        }
        match self.guard {
            Some(guard) if self.has_full_beta() => {
                self.guard = Some(self.least_usable_guard(guard, rms));
            }
            _ => self.beta = self.largest_usable_beta(|beta| rms(&Self { beta, ..self.clone() }))?,
        }
        self.levels.clear();
        Ok(is_large)
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

    /// The smallest guard whose residuals are small enough, but less than the present one.
    fn least_usable_guard(&self, guard: f64, rms: impl Fn(&Self) -> f64) -> f64 {
        let is_usable = |guard: f64| rms(&Self { guard: Some(guard), ..self.clone() }) <= GUARD_RMS[1];
        if is_usable(GUARDS[1]) {
            return GUARDS[1];
        }
        let (mut low, mut high) = (GUARDS[1].ln(), guard.ln());
        while high - low > 1e-2 {
            let middle = 0.5 * (low + high);
            if is_usable(middle.exp()) { high = middle } else { low = middle }
        }
        high.exp().min(guard * (1.0 - LEAST_FALL)).max(GUARDS[1])
    }
}

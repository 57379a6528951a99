//! Stacks that grow: when the layers that are there are exhausted, and one more in front of them.
//!
//! One layer cannot lower a density below its smallest eigenvalue, so the depth that a target needs follows from its
//! dynamic range. Training begins with one layer. While `β` rises, a layer is added where the residual is stuck, where
//! `β` hardly rises, or where the map folds at many base points; once `β` is at its end, where the residual no longer
//! falls and is still large, or where the survey keeps finding folds. The new layer acts on base points first. It
//! begins as the identity, so that the density does not change, and all layers are then trained together. A layer that
//! does not pay is taken back, and training ends.

use ircpm_flow::Flow;

use super::{Collocation, is_sparse};
use crate::loss::monge_ampere::Offsets;
use crate::optimiser::{StateError, Tensors, tensor};
use crate::training::End;

/// Most layers of a stack that grows.
pub(super) const MOST_LAYERS: usize = 8;
/// Most parameters of a stack that grows: the Jacobian at the most points of a step then takes a gigabyte.
const MOST_PARAMETERS: usize = 20_000;
/// Share of base points at which the map folds that counts as many.
const MANY_FOLDS: f64 = 0.01;
/// Steps in a row with many folds after which a layer is added.
const FOLDED_STEPS: usize = 4;
/// `β` must rise by [`LEAST_GROWTH`] within this many steps, else a layer is added.
const SLOW_STEPS: usize = 20;
const LEAST_GROWTH: f64 = 1.5;
/// Factor by which one more layer raises the `β` that a stack can follow, at least.
const PER_LAYER: f64 = 20.0;
/// Steps within which the residual's mean square must fall by [`FALLING`] once `β` is at its end.
const PATIENCE: usize = 8;
const FALLING: f64 = 0.6;
/// Loss of effective sample size above which a stack whose residual is stuck gets one more layer.
const ROUGH: f64 = 5e-4;
/// Half the mean square, in nats, below which the guard alone decides about the KL, and training ends.
const FINE: f64 = 1e-5;
/// Half the mean square, in nats, below which the guard is lowered once `β` is at its end.
const ADVANCED: f64 = 1e-3;
/// A layer pays if it makes the mean square smaller by this factor.
const PAYS: f64 = 0.6;
/// Surveys with folds after which a layer is added.
const FOLDED_SURVEYS: usize = 3;

/// What is known about the present depth.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Growth {
    /// `β` after each step at this depth.
    betas: Vec<f64>,
    /// Mean squares at the check points at this depth, since `β` is at its end.
    squares: Vec<f64>,
    /// Steps in a row whose map folds at many base points.
    folded_steps: usize,
    /// Surveys at this depth that found folds.
    folded_surveys: usize,
    /// Whether the residual is stuck at the present `β`.
    pub(super) stuck: bool,
    /// Parameters before the last layer was added, where `β` was at its end; else empty.
    shallower: Vec<f64>,
    /// Mean square at those parameters.
    shallower_square: f64,
    /// Whether the guard is at its last level.
    is_guard_low: bool,
}

impl Growth {
    /// Offsets of the guarded target.
    pub(super) fn offsets(&self) -> Offsets {
        if self.is_guard_low { Offsets::GUARDED } else { Offsets::RAISED }
    }

    /// Takes up the smallest eigenvalues at the base points of a step, and `β`.
    pub(super) fn record(&mut self, lowest: &[f64], beta: f64, square: Option<f64>) {
        let folded = lowest.iter().filter(|e| e.is_nan() || **e <= 0.0).count();
        let many = folded as f64 > MANY_FOLDS * lowest.len() as f64;
        self.folded_steps = if many { self.folded_steps + 1 } else { 0 };
        self.betas.push(beta);
        self.squares.extend(square);
    }

    /// Whether the layers cannot follow the target on its way to the last `β`.
    fn is_exhausted(&self) -> bool {
        let slow = self.betas.len() > SLOW_STEPS && {
            let now = self.betas[self.betas.len() - 1];
            now < LEAST_GROWTH * self.betas[self.betas.len() - 1 - SLOW_STEPS]
        };
        slow
    }

    /// Whether the residual no longer falls at the last `β`.
    fn has_stalled(&self) -> bool {
        let (before, recent) = self.squares.split_at(self.squares.len().saturating_sub(PATIENCE));
        let least = |part: &[f64]| part.iter().copied().fold(f64::INFINITY, f64::min);
        !before.is_empty() && least(recent) > FALLING * least(before)
    }

    /// The least mean square at this depth.
    fn least_square(&self) -> f64 {
        self.squares.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// State for a checkpoint.
    pub(super) fn state(&self) -> Tensors {
        let Self { folded_steps, folded_surveys, stuck, shallower_square, is_guard_low, .. } = *self;
        let (stuck, low) = (f64::from(stuck), f64::from(is_guard_low));
        let numbers = vec![folded_steps as f64, folded_surveys as f64, stuck, shallower_square, low];
        Tensors::from([
            ("growth".to_owned(), numbers),
            ("growth_betas".to_owned(), self.betas.clone()),
            ("growth_squares".to_owned(), self.squares.clone()),
            ("growth_shallower".to_owned(), self.shallower.clone()),
        ])
    }

    /// The saved state.
    ///
    /// # Errors
    /// [`StateError`] if it does not fit.
    pub(super) fn restored(state: &Tensors) -> Result<Self, StateError> {
        let valid = |x: f64| x.is_finite() && x >= 0.0;
        let numbers = tensor(state, "growth", Some(5), valid)?;
        Ok(Self {
            folded_steps: numbers[0] as usize,
            folded_surveys: numbers[1] as usize,
            stuck: numbers[2] > 0.0,
            shallower_square: numbers[3],
            is_guard_low: numbers[4] > 0.0,
            betas: tensor(state, "growth_betas", None, valid)?.to_vec(),
            squares: tensor(state, "growth_squares", None, valid)?.to_vec(),
            shallower: tensor(state, "growth_shallower", None, f64::is_finite)?.to_vec(),
        })
    }
}

/// The flow with as many layers as `parameters` are for, each like the first of `flow`; none if no number of layers has
/// so many.
pub(crate) fn with_parameters(flow: &Flow, parameters: usize) -> Option<Flow> {
    let mut flow = flow.clone();
    while flow.parameters() < parameters && flow.layers() < MOST_LAYERS {
        flow = flow.deepened()?;
    }
    (flow.parameters() == parameters).then_some(flow)
}

impl Collocation<'_> {
    /// Whether one more layer may be added.
    pub(super) fn may_deepen(&self) -> bool {
        let per_layer = self.flow.parameters() / self.flow.layers();
        self.growth.is_some()
            && self.flow.layers() < MOST_LAYERS
            && self.flow.parameters() + per_layer <= MOST_PARAMETERS
    }

    /// Goes on with `added` more layers, all from fresh parameters and the flat target.
    ///
    /// Layers that are exhausted have eigenvalues near zero, and one more that begins as the identity cannot undo that:
    /// on the sine density training from such a start was still above a KL of 10⁻² after a hundred steps, while
    /// fresh parameters came below 10⁻³ in fifty.
    fn deepen(&mut self, theta: &mut Vec<f64>, added: usize, shallower: Vec<f64>, shallower_square: f64) {
        for _ in 0..added {
            if self.may_deepen()
                && let Some(flow) = self.flow.deepened()
            {
                self.flow = flow;
            }
        }
        *theta = self.flow.initial(self.sampler.generator.next_u64());
        if std::env::var("TRACE").is_ok() {
            eprintln!("deepen to {} at beta {}", self.flow.layers(), self.continuation.beta);
        }
        (self.sampler.count, self.log_z) = (self.first_count, self.log_volume);
        self.sampler.hard.clear();
        self.growth = Some(Growth { shallower, shallower_square, ..Growth::default() });
        self.continuation.beta = 0.0;
        self.continuation.levels.clear();
        self.ending.history.clear();
    }

    /// Adds a layer where the present ones are exhausted. Says whether training is at its end, and why.
    pub(super) fn grow_or_end(&mut self, theta: &mut Vec<f64>, last: bool) -> Option<End> {
        self.ending.surveyed = None;
        let out_of_steps = last.then_some(End::Steps);
        let growth = self.growth.as_ref()?;
        if !self.continuation.is_complete() {
            if growth.is_exhausted() && self.may_deepen() && !last {
                let left = (self.continuation.beta_max / self.continuation.beta).ln();
                let added = 1 + (left / PER_LAYER.ln()) as usize;
                self.deepen(theta, added, Vec::new(), 0.0);
            }
            return out_of_steps;
        }
        let Some(kl) = self.ending.quality.as_ref().map(|quality| quality.kl) else { return out_of_steps };
        if !growth.is_guard_low && growth.squares.last().is_some_and(|square| 0.5 * square < ADVANCED) {
            self.lower_guard();
            return out_of_steps;
        }
        let (square, stalled) = (growth.squares.last().copied()?, growth.has_stalled());
        let reached = kl.value + 2.0 * kl.standard_error <= self.ending.goal;
        let fine = 0.5 * square <= FINE && kl.value > 5.0 * square;
        if !(reached || fine || stalled || last) {
            return None;
        }
        if stalled && !reached && !fine && !last {
            return self.take_stock(theta);
        }
        let end = if reached {
            End::Goal
        } else if fine || stalled {
            End::Stalled
        } else {
            End::Steps
        };
        self.conclude(theta, end, last)
    }

    /// Lowers the guard to its last level.
    fn lower_guard(&mut self) {
        if let Some(growth) = &mut self.growth {
            growth.is_guard_low = true;
            growth.squares.clear();
            growth.folded_surveys = 0;
        }
        self.ending.history.clear();
    }

    /// What follows when the residual no longer falls: one more layer, the stack before the last one, or the end.
    fn take_stock(&mut self, theta: &mut Vec<f64>) -> Option<End> {
        let growth = self.growth.as_ref()?;
        let (least, before) = (growth.least_square(), growth.shallower_square);
        let paid = growth.shallower.is_empty() || least < PAYS * before;
        if !paid && least >= before {
            let shallower = growth.shallower.clone();
            // The last layer is in front.
            if let Some(flow) = with_parameters(&self.first, shallower.len()) {
                (self.flow, *theta) = (flow, shallower);
            }
            return self.conclude(theta, End::Stalled, true);
        }
        let rough = self.ending.quality.as_ref().is_none_or(|quality| 1.0 - quality.ess.value > ROUGH);
        if paid && rough && self.may_deepen() {
            self.deepen(theta, 1, theta.clone(), least);
            return None;
        }
        self.conclude(theta, End::Stalled, false)
    }

    /// Ends training if a survey shows no fold, or one that can be undone; adds hard points, or at last a layer,
    /// otherwise.
    fn conclude(&mut self, theta: &mut Vec<f64>, end: End, last: bool) -> Option<End> {
        let Some((end, clear)) = self.end_after_survey(theta, end) else { return last.then_some(End::Steps) };
        if clear || last {
            return Some(end);
        }
        let growth = self.growth.as_mut()?;
        growth.folded_surveys += 1;
        if growth.folded_surveys >= FOLDED_SURVEYS {
            if !self.may_deepen() {
                return Some(End::Stalled);
            }
            self.deepen(theta, 1, Vec::new(), 0.0);
        }
        None
    }

    /// The floor under eigenvalues, relative to that of a stack of fixed depth: lower at the end, where it keeps
    /// eigenvalues of a density that is nearly empty above zero.
    pub(super) fn relative_floor(&self) -> f64 {
        if self.growth.as_ref().is_some_and(|growth| growth.is_guard_low) && !is_sparse(&self.flow) {
            0.1
        } else {
            1.0
        }
    }
}

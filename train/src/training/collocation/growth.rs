//! Stacks that grow: when the layers of a stack are exhausted, and training of a deeper one.
//!
//! One layer cannot lower a density below its smallest eigenvalue, so the depth that a target needs follows from its
//! dynamic range. Training begins with one layer. A deeper stack is trained where `β` hardly rises; where the residual
//! no longer falls at the last `β`, and the effective sample is still small; or where surveys keep finding folds. A
//! layer that does not pay is taken back, and training ends with the stack before.
//!
//! The target is *guarded* against folds where it is nearly empty: the model is asked for a thousandth of the uniform
//! density there while `β` rises, and for a ten-thousandth at the end, as an interior-point method lowers its barrier.

use ircpm_flow::Flow;

use super::{Collocation, is_sparse};
use crate::loss::monge_ampere::Offsets;
use crate::optimiser::{StateError, Tensors, tensor};
use crate::training::End;

/// Most layers of a stack that grows.
pub(super) const MOST_LAYERS: usize = 8;
/// Most parameters of a stack that grows: the Jacobian at the most points of a step then takes a gigabyte.
const MOST_PARAMETERS: usize = 20_000;
/// `β` must rise by [`LEAST_GROWTH`] within this many steps, else a layer is added.
const SLOW_STEPS: usize = 20;
const LEAST_GROWTH: f64 = 1.5;
/// Factor by which one more layer raises the `β` that a stack can follow, at least.
const PER_LAYER: f64 = 4.0;
/// Steps within which the residual's mean square must fall by [`FALLING`] once `β` is at its end.
const PATIENCE: usize = 14;
const FALLING: f64 = 0.7;
/// Loss of effective sample size above which a stack whose residual is stuck gets one more layer; more above four
/// dimensions, where points are sparse and a layer costs minutes.
const ROUGH: [f64; 2] = [8e-4, 5e-3];
/// Half the mean square, in nats, below which the guard alone decides about the KL, and training ends.
const FINE: f64 = 1e-5;
/// Half the mean square, in nats, below which the guard is lowered once `β` is at its end.
const ADVANCED: f64 = 2e-3;
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
    /// Surveys at this depth that found folds.
    folded_surveys: usize,
    /// Parameters before the last layer was added, where `β` was at its end; else empty.
    shallower: Vec<f64>,
    /// Mean square at those parameters.
    shallower_square: f64,
    /// Whether the guard is at its last level.
    is_guard_low: bool,
    /// Whether it was so at the shallower stack.
    is_shallower_low: bool,
    /// Whether no more layers are added for the sake of the residual.
    is_settled: bool,
}

impl Growth {
    /// Offsets of the guarded target.
    pub(super) fn offsets(&self) -> Offsets {
        if self.is_guard_low { Offsets::GUARDED } else { Offsets::RAISED }
    }

    /// Takes up `β` of a step, and the mean square at the check points where `β` is at its end.
    pub(super) fn record(&mut self, beta: f64, square: Option<f64>) {
        self.betas.push(beta);
        self.squares.extend(square);
    }

    /// Whether the layers cannot follow the target on its way to the last `β`.
    fn is_exhausted(&self) -> bool {
        let recent = &self.betas[self.betas.len().saturating_sub(SLOW_STEPS + 1)..];
        recent.len() > SLOW_STEPS && recent[SLOW_STEPS] < LEAST_GROWTH * recent[0]
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
        let Self { folded_surveys, shallower_square, .. } = *self;
        let flags = [self.is_guard_low, self.is_shallower_low, self.is_settled].map(f64::from);
        let numbers = [[folded_surveys as f64, shallower_square].as_slice(), &flags].concat();
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
            folded_surveys: numbers[0] as usize,
            shallower_square: numbers[1],
            is_guard_low: numbers[2] > 0.0,
            is_shallower_low: numbers[3] > 0.0,
            is_settled: numbers[4] > 0.0,
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
    /// Layers that are exhausted have eigenvalues near zero, and one more that begins as the identity hardly helps them.
    /// On the sine density half the mean square was 3·10⁻³ nats after 45 steps with one to three such layers, and
    /// 1·10⁻³ after 60 steps of three layers from fresh parameters.
    fn deepen(&mut self, theta: &mut Vec<f64>, added: usize, shallower: Vec<f64>, shallower_square: f64) {
        for _ in 0..added {
            if self.may_deepen()
                && let Some(flow) = self.flow.deepened()
            {
                self.flow = flow;
            }
        }
        *theta = self.flow.initial(self.sampler.generator.next_u64());
        (self.sampler.count, self.log_z) = (self.first_count, self.log_volume);
        self.sampler.hard.clear();
        let is_complete = self.continuation.is_complete();
        let low = |growth: &Growth| if is_complete { growth.is_guard_low } else { growth.is_shallower_low };
        let is_shallower_low = self.growth.as_ref().is_some_and(low);
        self.growth = Some(Growth { shallower, shallower_square, is_shallower_low, ..Growth::default() });
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
                let (shallower, square) = (growth.shallower.clone(), growth.shallower_square);
                self.deepen(theta, added, shallower, square);
            } else if last && !growth.shallower.is_empty() {
                self.take_back(theta);
                return self.conclude(theta, End::Steps, true);
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

    /// Goes back to the stack before the last layer, which had come to the last `β`.
    fn take_back(&mut self, theta: &mut Vec<f64>) {
        let shallower = self.growth.as_ref().map(|growth| growth.shallower.clone()).unwrap_or_default();
        if let Some(flow) = with_parameters(self.first, shallower.len()) {
            (self.flow, *theta) = (flow, shallower);
            self.continuation.beta = self.continuation.beta_max;
        }
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
        // Squares compare at one guard only, and only a stack that fits well comes to the last one.
        let advanced = growth.is_guard_low && !growth.is_shallower_low;
        let alike = growth.is_guard_low == growth.is_shallower_low;
        let paid = growth.shallower.is_empty() || advanced || (alike && least < PAYS * before);
        let worse = !paid && (!alike || least >= before);
        if worse {
            self.take_back(theta);
        }
        let growth = self.growth.as_mut()?;
        if !paid && !(if worse { growth.is_shallower_low } else { growth.is_guard_low }) {
            // Depth is settled, and the guard still has to fall.
            growth.is_settled = true;
            growth.shallower.clear();
            self.lower_guard();
            return None;
        }
        if worse {
            return self.conclude(theta, End::Stalled, true);
        }
        let paid = paid && !growth.is_settled;
        let limit = ROUGH[usize::from(is_sparse(&self.flow))];
        let rough = self.ending.quality.as_ref().is_none_or(|quality| 1.0 - quality.ess.value > limit);
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

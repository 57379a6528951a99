//! Stacks that grow: how many layers a target needs, when they are exhausted, and training of a deeper stack.
//!
//! One layer cannot lower a density below its smallest eigenvalue, so the depth that a target needs follows from its
//! dynamic range. After a first step with one layer it is known from the energies at the check points, and training begins
//! with so many layers. One more is added where the target no longer becomes sharper, where the residual no longer falls at
//! the target's end and the effective sample is still small, or where surveys keep finding folds: in front of the others, or
//! with all of them from fresh parameters. A layer that does not pay is taken back, and training ends with the stack before.

use ircpm_flow::Flow;

use super::continuation::GUARDS;
use super::points::{HARD, HARMED, MOST_POINTS};
use super::retreat::Stage;
use super::{Collocation, is_sparse};
use crate::least_squares::Form;
use crate::optimiser::{StateError, Tensors, tensor};
use crate::training::End;

/// Most layers of a stack that grows.
pub(super) const MOST_LAYERS: usize = 8;
/// Most layers that a stack grows to after its first step.
const MOST_AT_FIRST: usize = 6;
/// Most parameters of a stack that grows: the Jacobian at the most points of a step then takes a gigabyte.
const MOST_PARAMETERS: usize = 20_000;
/// Most points of a step per parameter of a stack that grows, up to four dimensions: while its target becomes sharper as the
/// residuals fall, where it does so although they do not, and once it is as sharp as it becomes.
const PER_PARAMETER: [f64; 3] = [3.0, 4.0, 5.0];
/// Nats by which a layer changes a density easily, per dimension: eigenvalues of about an eighth. With 1.5 in its place,
/// stacks were deeper, not better, and took one and a half times as long.
const PER_LAYER: f64 = 2.0;
/// Share of the check points at which a target may be lower than the range that depth is found by.
const LOWEST_TENTH: usize = 10;
/// A target must become sharper by [`LEAST_GROWTH`] within this many steps, else a layer is added.
const SLOW_STEPS: usize = 25;
const LEAST_GROWTH: f64 = 1.5;
/// Steps within which the residual's mean square must fall by [`FALLING`] once the target is at its end.
const PATIENCE: usize = 14;
const FALLING: f64 = 0.85;
/// Loss of effective sample size above which a stack whose residual is stuck gets one more layer; more above four
/// dimensions, where points are sparse and a layer costs minutes.
const ROUGH: [f64; 2] = [8e-4, 5e-3];
/// Half the mean square, in nats, below which the guard alone decides about the KL, and training ends. With 7.5·10⁻⁴ in its
/// place the modes of κ = 100 on the sphere took 112 steps instead of 102, from an effective sample of 99.946 % to 99.953 %.
const FINE: f64 = 1.25e-3;
/// A layer pays if it makes the mean square smaller by this factor.
const PAYS: f64 = 0.6;
/// Share of its random beginning that a layer in front of others begins with.
const NEARLY_IDENTITY: f64 = 0.1;
/// Surveys with folds after which a layer is added.
const FOLDED_SURVEYS: usize = 6;

/// What is known about the present depth, and the stack before.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Growth {
    /// Sharpness of the target after each step at this depth.
    path: Vec<f64>,
    /// Mean squares at the check points at this depth, since the target is at its end.
    squares: Vec<f64>,
    /// Surveys at this depth that found folds.
    folded_surveys: usize,
    /// Whether the depth is that of the target's range, or one that was added later.
    has_begun: bool,
    /// Whether the target is lower than the last guard over a tenth of the manifold, so that the guard bounds the KL.
    pub(super) is_guarded: bool,
    /// Parameters before the last layer was added, where `β` was at its end; else empty.
    shallower: Vec<f64>,
    /// Guard at those parameters, and the least mean square; zero where the target was not at its end.
    shallower_guard: f64,
    shallower_square: f64,
    /// Parameters for the sharpest target at which no check point showed a fold, of any depth.
    pub(super) clear: Option<Stage>,
}

impl Growth {
    /// Takes up the target's sharpness in a step, and the mean square at the check points where it is at its end.
    pub(super) fn record(&mut self, sharpness: f64, square: Option<f64>) {
        self.path.push(sharpness);
        self.squares.extend(square);
    }

    /// Whether the layers cannot follow the target to its end.
    fn is_exhausted(&self) -> bool {
        let recent = &self.path[self.path.len().saturating_sub(SLOW_STEPS + 1)..];
        recent.len() > SLOW_STEPS && recent[SLOW_STEPS] < LEAST_GROWTH * recent[0]
    }

    /// Whether the residual no longer falls at the target's end.
    fn has_stalled(&self) -> bool {
        let (before, recent) = self.squares.split_at(self.squares.len().saturating_sub(PATIENCE));
        !before.is_empty() && least(recent) > FALLING * least(before)
    }

    /// State for a checkpoint.
    pub(super) fn state(&self) -> Tensors {
        let Self { folded_surveys, has_begun, is_guarded, shallower_guard, shallower_square, .. } = *self;
        let flags = [has_begun, is_guarded].map(f64::from);
        let numbers = vec![folded_surveys as f64, shallower_guard, shallower_square];
        let mut state = Tensors::from([
            ("growth".to_owned(), [numbers, flags.to_vec()].concat()),
            ("growth_path".to_owned(), self.path.clone()),
            ("growth_squares".to_owned(), self.squares.clone()),
            ("growth_shallower".to_owned(), self.shallower.clone()),
        ]);
        state.extend(self.clear.as_ref().map(Stage::state));
        state
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
            shallower_guard: numbers[1],
            shallower_square: numbers[2],
            has_begun: numbers[3] > 0.0,
            is_guarded: numbers[4] > 0.0,
            path: tensor(state, "growth_path", None, valid)?.to_vec(),
            squares: tensor(state, "growth_squares", None, valid)?.to_vec(),
            shallower: tensor(state, "growth_shallower", None, f64::is_finite)?.to_vec(),
            clear: Stage::restored(state)?,
        })
    }
}

/// The least of some numbers, infinite if there are none.
fn least(numbers: &[f64]) -> f64 {
    numbers.iter().copied().fold(f64::INFINITY, f64::min)
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

    /// Begins with `layers`, or as many as there may be, all from fresh parameters and the flat target. Where `keep` says so
    /// the present parameters are kept to go back to.
    ///
    /// So it is where folds are found at the target's end, or the residual no longer falls there, and the target has no sharp
    /// modes: one more layer in front of a stack with a fold of 10⁻³ left it one.
    fn begin_with(&mut self, theta: &mut Vec<f64>, layers: usize, keep: bool) {
        while self.flow.layers() < layers
            && self.may_deepen()
            && let Some(flow) = self.flow.deepened()
        {
            self.flow = flow;
        }
        self.begin_depth(theta, keep);
        *theta = self.flow.initial(self.sampler.generator.next_u64());
        (self.sampler.count, self.log_z) = (self.first_count, self.log_volume);
        self.sampler.hard.clear();
        self.sampler.harmed.clear();
        self.continuation = self.continuation.clone().guarded();
    }

    /// Goes on with one more layer in front, close to the identity, at the density that was reached. Where `keep` says so
    /// the present parameters are kept to go back to.
    ///
    /// So it is while the target still becomes sharper, and where it has sharp modes. For the modes of κ = 100 on the sphere a
    /// fifth layer came to the last guard after 45 steps in front of the four that were there, and after 91 steps of all five
    /// from fresh parameters. Training of those of κ = 1000 that began anew with five layers had not ended after 400 steps.
    pub(super) fn deepen(&mut self, theta: &mut Vec<f64>, keep: bool) {
        let Some(flow) = self.flow.deepened() else { return };
        let mut front = self.first.initial(self.sampler.generator.next_u64());
        self.first.rescale(&mut front, NEARLY_IDENTITY);
        self.begin_depth(theta, keep);
        self.flow = flow;
        theta.splice(0..0, front);
        self.continuation.levels.clear();
    }

    /// Forgets what is recorded of the present depth, and keeps its parameters to go back to where `keep` says so.
    fn begin_depth(&mut self, theta: &[f64], keep: bool) {
        let before = self.growth.take().unwrap_or_default();
        let growth = if keep {
            let square = least(&before.squares);
            Growth {
                shallower: theta.to_vec(),
                shallower_guard: self.continuation.guard.unwrap_or_default(),
                shallower_square: if square.is_finite() { square } else { 0.0 },
                is_guarded: before.is_guarded,
                clear: before.clear,
                ..Growth::default()
            }
        } else {
            Growth { path: Vec::new(), squares: Vec::new(), folded_surveys: 0, ..before }
        };
        self.growth = Some(Growth { has_begun: true, ..growth });
        self.ending.history.clear();
    }

    /// Half as many points more per step from now on, up to so many per parameter where the stack grows; `is_forced` where the
    /// target has become sharper although the residuals are large.
    pub(super) fn take_more_points(&mut self, is_forced: bool) {
        let parameters = self.flow.parameters();
        let per_parameter = match (is_forced, self.continuation.is_complete()) {
            (true, _) => PER_PARAMETER[1],
            (false, false) => PER_PARAMETER[0],
            (false, true) => PER_PARAMETER[2],
        };
        let most = match self.growth {
            Some(_) if !is_sparse(&self.flow) => (per_parameter * parameters as f64) as usize,
            _ => MOST_POINTS,
        };
        let hard = if self.growth.is_some() { HARMED[0] } else { HARD[0] };
        self.sampler.grow(Form::most_samples(parameters), hard, most.min(MOST_POINTS));
    }

    /// Layers for the range of the target's density, from the last guard, or its lowest tenth, to its peak; and whether
    /// that tenth is below the guard.
    ///
    /// Only the energies at the check points are needed, half of which are base points and half still close to them.
    pub(super) fn layers_for_range(&self) -> (usize, bool) {
        let beta = self.continuation.beta_max;
        let mut log_p: Vec<f64> = self.check.u.iter().map(|u| -beta * u).collect();
        log_p.sort_by(f64::total_cmp);
        let Some(&peak) = log_p.last() else { return (1, false) };
        let mean = log_p.iter().map(|l| (l - peak).exp()).sum::<f64>() / log_p.len() as f64;
        let (guard, tenth) = (GUARDS[1].ln() + mean.ln(), log_p[log_p.len() / LOWEST_TENTH] - peak);
        let layers = -tenth.max(guard) / (PER_LAYER * self.flow.manifold().dim() as f64);
        ((layers.ceil() as usize).clamp(1, MOST_AT_FIRST), tenth < guard)
    }

    /// Adds a layer where the present ones are exhausted. Says whether training is at its end, and why.
    pub(super) fn grow_or_end(&mut self, theta: &mut Vec<f64>, last: bool) -> Option<End> {
        self.ending.surveyed = None;
        let growth = self.growth.as_mut()?;
        if !growth.has_begun && !last {
            growth.has_begun = true;
            let (layers, is_guarded) = self.layers_for_range();
            self.growth.as_mut()?.is_guarded = is_guarded;
            if layers > self.flow.layers() {
                self.begin_with(theta, layers, false);
                return None;
            }
        }
        let kl = self.ending.quality.as_ref().map(|quality| quality.kl);
        if kl.is_some_and(|kl| kl.value + 2.0 * kl.standard_error <= self.ending.goal) {
            return self.conclude(theta, End::Goal, last);
        }
        if !self.continuation.is_complete() {
            return self.continue_or_deepen(theta, last);
        }
        let growth = self.growth.as_ref()?;
        let (square, stalled) = (growth.squares.last().copied()?, growth.has_stalled());
        let fine = growth.is_guarded && 0.5 * square <= FINE && !self.is_rough();
        match (fine, stalled, last) {
            (false, false, true) => self.conclude(theta, End::Steps, true),
            (_, _, true) | (true, ..) => self.conclude(theta, End::Stalled, last),
            (false, true, false) => self.take_stock(theta),
            (false, false, false) => None,
        }
    }

    /// What follows while the target is not at its end: nothing, a deeper stack, or the end of training.
    fn continue_or_deepen(&mut self, theta: &mut Vec<f64>, last: bool) -> Option<End> {
        if last && self.is_behind() {
            self.take_back(theta);
            return self.conclude(theta, End::Steps, true);
        }
        let has_full_beta = self.continuation.has_full_beta();
        if !last && self.growth.as_ref()?.is_exhausted() {
            if self.may_deepen() {
                self.deepen(theta, has_full_beta);
            } else if has_full_beta {
                return self.conclude(theta, End::Stalled, false);
            }
        }
        if last { self.conclude(theta, End::Steps, true) } else { None }
    }

    /// Loss of effective sample size above which a stack is rough.
    pub(super) fn rough(&self) -> f64 {
        ROUGH[usize::from(is_sparse(&self.flow))]
    }

    /// Whether the loss of effective sample size is large, or not known.
    fn is_rough(&self) -> bool {
        self.ending.quality.as_ref().is_none_or(|quality| 1.0 - quality.ess.value > self.rough())
    }

    /// Whether the stack before the last layer had come farther than the present one.
    fn is_behind(&self) -> bool {
        let Some(growth) = &self.growth else { return false };
        let ahead = self.continuation.guard > Some(growth.shallower_guard);
        !growth.shallower.is_empty() && (ahead || !self.continuation.has_full_beta())
    }

    /// Goes back to the stack before the last layer, which had come to the last `β`.
    pub(super) fn take_back(&mut self, theta: &mut Vec<f64>) {
        let Some(growth) = &self.growth else { return };
        if let Some(flow) = with_parameters(self.first, growth.shallower.len()) {
            (self.flow, *theta) = (flow, growth.shallower.clone());
            self.continuation.beta = self.continuation.beta_max;
            self.continuation.guard = Some(growth.shallower_guard);
        }
    }

    /// What follows when the residual no longer falls: one more layer, the stack before the last one, or the end.
    fn take_stock(&mut self, theta: &mut Vec<f64>) -> Option<End> {
        let growth = self.growth.as_ref()?;
        let (present, before) = (least(&growth.squares), growth.shallower_square);
        let loss = self.ending.quality.as_ref().map(|quality| 1.0 - quality.ess.value);
        // Squares compare at one guard only; a stack of which images are missing is worse than any other.
        let advanced = growth.shallower.is_empty() || self.continuation.guard < Some(growth.shallower_guard);
        let worse = loss.is_none() || (!advanced && present >= before);
        if worse && !growth.shallower.is_empty() {
            self.take_back(theta);
            return self.conclude(theta, End::Stalled, true);
        }
        let paid = advanced || present < PAYS * before;
        if paid && self.is_rough() && self.may_deepen() {
            if self.growth.as_ref()?.is_guarded {
                self.deepen(theta, loss.is_some());
            } else {
                self.begin_with(theta, self.flow.layers() + 1, loss.is_some());
            }
            return None;
        }
        self.conclude(theta, End::Stalled, loss.is_none())
    }

    /// Ends training if a survey shows no fold, or one that can be undone; adds hard points, or at last a layer,
    /// otherwise. Where this is the `last` step, the target has sharp modes, or there may be no further layer, it ends with
    /// a map that is clear of folds if there is one.
    fn conclude(&mut self, theta: &mut Vec<f64>, end: End, last: bool) -> Option<End> {
        let found = self.end_after_survey(theta, end);
        if last {
            let (end, clear) = found.unwrap_or((End::Steps, false));
            if !clear {
                self.retreat(theta);
            }
            return Some(end);
        }
        let (end, clear) = found?;
        if clear {
            return Some(end);
        }
        let growth = self.growth.as_mut()?;
        growth.folded_surveys += 1;
        if growth.folded_surveys >= FOLDED_SURVEYS {
            // Beginning anew would lose what was learned of sharp modes, which is more than a retreat costs.
            if growth.is_guarded || !self.may_deepen() {
                self.retreat(theta);
                return Some(End::Stalled);
            }
            self.begin_with(theta, self.flow.layers() + 1, false);
        }
        None
    }

    /// The floor under eigenvalues, relative to that of a stack of fixed depth. It falls with the guard, to a tenth: a
    /// higher one asks too little of eigenvalues next to zero, and a sudden fall raises the residual.
    pub(super) fn relative_floor(&self) -> f64 {
        match self.continuation.guard {
            Some(guard) if !is_sparse(&self.flow) => (guard / GUARDS[0]).sqrt(),
            _ => 1.0,
        }
    }
}

//! When training on the Monge–Ampère residual ends, and a last survey for folds.
//!
//! Folds are rarer near the end than any number of points of a step can show, and where the target holds little mass
//! they do not raise the residual. So before training ends a *survey* looks at many more points. A small fold that it
//! finds is undone by carrying the map a little way towards the identity ([`ircpm_flow::Flow::rescale`]), if the model
//! is then as good as was asked; points of a large one become hard points, and training goes on. Where eigenvalues are to
//! stay above a floor (`penalty`), one below it counts as a fold.

use super::points::{MOST_CHECKS, SampledPoints};
use super::{Collocation, is_sparse};
use crate::estimate::{Estimate, Estimates};
use crate::training::End;

/// Numbers that the history has of a step.
pub(super) const RECORD: usize = 3;
/// Share of the images that may be missing from an estimate of the model's quality.
const MOST_MISSING: f64 = 0.01;
/// Fresh base points of a survey; more beyond four dimensions.
const SURVEY: [usize; 2] = [1 << 16, 1 << 19];
/// Images of a survey, fewer than base points: folds are rare where the mass is, and every solve of a step detects
/// them.
const IMAGES: usize = 1 << 16;
/// Steps without progress after which training ends.
const PATIENCE: usize = 12;
/// The residual counts as falling while [`PATIENCE`] steps make its mean square smaller by this factor.
const FALLING: f64 = 0.95;
/// Largest part of the potential that is removed to undo a fold.
const MOST_GIVEN_UP: f64 = 0.05;
/// Where points are sparse a smallest eigenvalue below this counts as a fold: a survey of some 10⁶ points misses the
/// lowest one by about as much (of five T⁸ runs that ended at any positive one, one folded by 3e-4 at other points).
const MARGIN: f64 = 2e-3;
/// Largest factor by which undoing a fold may raise the KL of a model that has not reached its goal.
const LARGEST_KL_RISE: f64 = 1.1;

/// Quality of the model so far, and the goal that ends training.
pub(super) struct Ending {
    /// KL in nats at which training ends.
    pub(super) goal: f64,
    /// Exact `log Z` at the last `β`, where it is known.
    log_z_exact: Option<f64>,
    /// The last `β`.
    beta_max: f64,
    /// KL, its standard error and the mean square at the check points, step after step since `β` is at its end.
    pub(super) history: Vec<f64>,
    /// ESS and KL at the check points among the model's own samples, once `β` is at its end.
    pub(super) quality: Option<Estimates>,
    /// Smallest eigenvalue of `H` that the last survey saw, NaN beyond the injectivity radius; none if it is not small,
    /// or if there was no survey after the last step.
    pub(super) surveyed: Option<f64>,
}

impl Ending {
    pub(super) fn new(goal: f64, log_z_exact: Option<f64>, beta_max: f64) -> Self {
        Self { goal, log_z_exact, beta_max, history: Vec::new(), quality: None, surveyed: None }
    }

    /// Takes up the estimates of a step, with the mean square of its residuals.
    pub(super) fn record(&mut self, quality: Option<Estimates>, mean_square: f64) {
        let record = quality.as_ref().map(|q| [q.kl.value, q.kl.standard_error, mean_square]);
        self.history.extend(record.into_iter().flatten());
        self.quality = quality;
    }

    /// Whether the last steps brought no progress: no KL below the least one before by its standard error, and no
    /// residual that is much smaller.
    pub(super) fn has_stalled(&self) -> bool {
        let records: Vec<&[f64]> = self.history.chunks_exact(RECORD).collect();
        let (before, recent) = records.split_at(records.len().saturating_sub(PATIENCE));
        let least = |part: &[&[f64]], k: usize| part.iter().map(|r| r[k]).fold(f64::INFINITY, f64::min);
        let Some(best) = before.iter().min_by(|a, b| a[0].total_cmp(&b[0])) else { return false };
        least(recent, 0) > best[0] - best[1] && least(recent, 2) > FALLING * least(before, 2)
    }

    /// Estimates from the log-densities and energies `βu` of images, of which `found` says which count; none if too
    /// many of them do not.
    pub(super) fn estimates(&self, log_q: &[f64], beta: f64, u: &[f64], found: &[bool]) -> Option<Estimates> {
        let solved = (0..found.len()).filter(|&i| found[i]);
        let log_weights: Vec<f64> = solved.map(|i| -beta * u[i] - log_q[i]).collect();
        let missing = found.len() - log_weights.len();
        if missing as f64 > MOST_MISSING * found.len() as f64 {
            return None;
        }
        Estimates::new(&log_weights, missing, self.log_z_exact.filter(|_| beta == self.beta_max)).ok()
    }
}

/// What undoing a fold may cost: it is done if either limit is kept.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    /// Largest KL in nats.
    pub(super) kl: f64,
    /// Largest loss of effective sample size, as a part of the samples, if that counts.
    pub(super) ess_loss: Option<f64>,
}

impl Limit {
    fn is_kept(self, quality: &Estimates) -> bool {
        upper_bound(quality.kl) <= self.kl
            || self.ess_loss.is_some_and(|most| 1.0 - quality.ess.value <= most)
    }
}

/// What a survey for folds found.
pub(super) struct Survey {
    /// Smallest eigenvalue of `H` where it is low, else the limit for that; NaN if a point is beyond the injectivity
    /// radius.
    pub(super) lowest: f64,
    /// Smallest eigenvalues at points with a fold, or close to one, and these points.
    folds: Vec<(f64, Vec<f64>)>,
}

impl Collocation<'_> {
    /// Whether training is at its end, and why: KL is below the goal by two standard errors and a survey shows no fold,
    /// neither KL nor the residual falls any more, or this was the `last` step. `theta` moves where a fold was undone.
    pub fn end(&mut self, theta: &mut [f64], last: bool) -> Option<End> {
        self.ending.surveyed = None;
        let out_of_steps = last.then_some(End::Steps);
        let Some(kl) = self.ending.quality.as_ref().map(|quality| quality.kl) else { return out_of_steps };
        let mut end = match upper_bound(kl) <= self.ending.goal {
            true => End::Goal,
            false if self.ending.has_stalled() => End::Stalled,
            false => out_of_steps?,
        };
        // The step has moved the model since it was measured.
        let fresh = self.fresh_quality(theta);
        if end == End::Goal && fresh.as_ref().is_none_or(|quality| upper_bound(quality.kl) > self.ending.goal)
        {
            end = out_of_steps?;
        }
        let (end, clear) = self.undo_folds(theta, end, fresh, kl);
        if end == End::Goal && !clear { out_of_steps } else { Some(end) }
    }

    /// [`Collocation::end`] for a reason that is known already.
    ///
    /// Says whether the model is clear of folds; none if its quality is not known, or not the goal that it seemed to be.
    pub(super) fn end_after_survey(&mut self, theta: &mut [f64], end: End) -> Option<(End, bool)> {
        let fresh = self.fresh_quality(theta);
        let kl = fresh.as_ref()?.kl;
        let lost = end == End::Goal && upper_bound(kl) > self.ending.goal;
        (!lost).then(|| self.undo_folds(theta, end, fresh, kl))
    }

    /// Surveys the model and undoes a small fold; says whether it is clear of folds then. Points of a fold that cannot
    /// be undone become hard points.
    fn undo_folds(
        &mut self,
        theta: &mut [f64],
        end: End,
        fresh: Option<Estimates>,
        kl: Estimate,
    ) -> (End, bool) {
        let survey = self.survey(theta);
        self.ending.surveyed = self.if_low(survey.lowest);
        if self.is_clear(survey.lowest) {
            self.ending.quality = fresh;
            return (end, true);
        }
        let kl = if end == End::Goal {
            self.ending.goal
        } else {
            self.ending.goal.max(LARGEST_KL_RISE * upper_bound(kl))
        };
        // The KL of a stack that grows is mostly the guard's, so its effective sample decides as well.
        let ess_loss = self.growth.is_some().then(|| self.rough()).filter(|_| end != End::Goal);
        let limit = Limit { kl, ess_loss };
        if let Some((smaller, quality, lowest)) = self.undo_fold(theta, survey.lowest, limit) {
            theta.copy_from_slice(&smaller);
            (self.ending.quality, self.ending.surveyed) = (Some(quality), self.if_low(lowest));
            return (end, true);
        }
        let mut folds = survey.folds;
        if self.growth.is_some() {
            // The deepest first, and NaN before all: a point beyond the injectivity radius.
            let depth = |lowest: f64| if lowest.is_nan() { f64::NEG_INFINITY } else { lowest };
            folds.sort_by(|a, b| depth(a.0).total_cmp(&depth(b.0)));
            let points = folds.into_iter().flat_map(|(_, y)| y).collect();
            self.sampler.keep_harmed(&self.flow, points);
        } else {
            self.sampler.hard.extend(folds.into_iter().flat_map(|(_, y)| y));
        }
        (end, false)
    }

    /// Looks for folds at fresh points of either kind.
    pub(super) fn survey(&mut self, theta: &[f64]) -> Survey {
        let n = self.flow.manifold().ambient();
        let mut survey = Survey { lowest: f64::INFINITY, folds: Vec::new() };
        let base = SURVEY[usize::from(is_sparse(&self.flow))] / MOST_CHECKS;
        for batch in 0..base + IMAGES / MOST_CHECKS {
            let (base, images) = if batch < base { (MOST_CHECKS, 0) } else { (0, MOST_CHECKS) };
            let SampledPoints { y, .. } = self.sampler.draw(&self.flow, theta, base, images);
            // Eigenvalues above the limit are not computed.
            let lowest = self.sampler.ranks.scores(&self.flow, theta, &y, self.low()).lowest;
            for (y, lowest) in y.chunks_exact(n).zip(lowest) {
                survey.lowest = lower(survey.lowest, lowest);
                if !self.is_clear(lowest) {
                    survey.folds.push((lowest, y.to_vec()));
                }
            }
        }
        survey
    }

    /// The floor that eigenvalues are to stay above, if there is one.
    fn asked(&self) -> Option<f64> {
        self.penalty.as_ref().map(|penalty| penalty.floor)
    }

    /// What eigenvalues are worth a report below.
    fn low(&self) -> f64 {
        self.asked().map_or(MARGIN, |floor| floor.max(MARGIN))
    }

    /// A smallest eigenvalue that is worth a report: a low one, or NaN.
    pub(super) fn if_low(&self, lowest: f64) -> Option<f64> {
        (lowest < self.low() || lowest.is_nan()).then_some(lowest)
    }

    /// Whether a smallest eigenvalue is clear of a fold, or not below the floor that was asked for; above four dimensions
    /// it must be clear by [`MARGIN`].
    pub(super) fn is_clear(&self, lowest: f64) -> bool {
        match self.asked() {
            Some(floor) => lowest >= floor,
            None if is_sparse(&self.flow) => lowest >= MARGIN,
            None => lowest > 0.0,
        }
    }

    /// Parameters of a map nearer to the identity, by as much as undoes a fold that is twice as far from clear as the
    /// deepest one seen, with the model's quality and its smallest eigenvalue there; none if it is not clear then, or
    /// that costs more than the `limit`.
    pub(super) fn undo_fold(
        &mut self,
        theta: &[f64],
        lowest: f64,
        limit: Limit,
    ) -> Option<(Vec<f64>, Estimates, f64)> {
        // Deep stacks have eigenvalues next to zero over wide regions, which no more than the fold should be raised.
        let given_up = match self.asked() {
            Some(floor) => 2.0 * (floor - lowest),
            None if is_sparse(&self.flow) => MARGIN + 2.0 * (MARGIN - lowest),
            None => {
                let margin = MARGIN.min(-lowest);
                margin + 2.0 * (margin - lowest)
            }
        };
        let mut smaller = theta.to_vec();
        // Written so that a NaN is refused.
        if !(given_up <= MOST_GIVEN_UP && self.flow.rescale(&mut smaller, 1.0 - given_up)) {
            return None;
        }
        let quality = self.fresh_quality(&smaller)?;
        if !limit.is_kept(&quality) {
            return None;
        }
        let lowest = self.survey(&smaller).lowest;
        self.is_clear(lowest).then_some((smaller, quality, lowest))
    }

    /// Estimates from fresh images.
    pub(super) fn fresh_quality(&mut self, theta: &[f64]) -> Option<Estimates> {
        let SampledPoints { y, found, .. } = self.sampler.draw(&self.flow, theta, 0, MOST_CHECKS);
        let images = self.with_energies(y).ok()?;
        let pulled = self.sampler.ranks.inverse(&self.flow, theta, &images.y);
        let known: Vec<bool> = found.iter().zip(&pulled.ok).map(|(&found, &ok)| found && ok).collect();
        self.ending.estimates(&pulled.log_q, self.continuation.beta, &images.u, &known)
    }
}

/// The smaller of two numbers; NaN if either is, which `f64::min` would pass over.
fn lower(a: f64, b: f64) -> f64 {
    if a.is_nan() || a < b { a } else { b }
}

/// An upper bound of an estimate: its value plus twice its standard error.
fn upper_bound(kl: Estimate) -> f64 {
    kl.value + 2.0 * kl.standard_error
}

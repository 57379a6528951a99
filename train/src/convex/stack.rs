//! Stacks that grow by layers, judged by validation, and are then polished as a whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ircpm_flow::{Flow, FlowError, Map, Solver, linear_map};
use ircpm_manifolds::AnyManifold;
use rayon::prelude::*;

use super::dictionary::Richness;
use super::fitted::FittedLayer;
use super::folds::{FIVE_FOLDS, folds};
use super::layer::MOST_PENALTIES;
use super::member::{Draft, Member};
use super::preparation::Preparation;
use super::specification::{BumpTerm, LayerTerms};
use super::state::{GrowthState, ResumeError};
use crate::estimate::Estimate;
use crate::weights::{Sample, WeightedPoints, Weights};

/// How a density is fitted by linear layers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LinearOptions {
    /// Most layers, not counting the one that standardises real columns.
    pub layers: usize,
    /// Weight `μ` of uniform points beside the data, at the end: a barrier against folds. Maximum likelihood of a layer
    /// that could be any map would give `(p + μ/vol)/(1 + μ)`, so the barrier costs at most `log(1 + μ)` nats.
    pub barrier: f64,
    /// Seed of the folds, of the barrier's points and of the centres.
    pub seed: u64,
}

impl Default for LinearOptions {
    fn default() -> Self {
        Self { layers: 8, barrier: 0.03, seed: 0 }
    }
}

/// What is said of a layer when it is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LayerReport {
    /// Number of the layer, from 0, counted from the data; the natural gradient over all layers has none.
    pub layer: Option<usize>,
    /// Number of its parameters.
    pub parameters: usize,
    /// Nats per validation point that it brings.
    pub gain: f64,
}

/// A density of linear layers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LinearDensity {
    /// The flow.
    pub flow: Flow,
    /// Its parameters.
    pub theta: Vec<f64>,
    /// The functions of its layers, in the flow's order.
    pub terms: Vec<LayerTerms>,
    /// What every layer brought.
    pub reports: Vec<LayerReport>,
    /// Whether the fit was stopped before its end.
    pub interrupted: bool,
    /// What an interrupted fit goes on from: its state after the last layer; none before the first layer.
    pub growth: Option<GrowthState>,
}

/// Nats per point that a layer must bring, where validation points are few and where they are many: the natural
/// gradient gains more of a further layer than its own fit does.
const LEAST_GAIN: [f64; 2] = [1e-3, 2e-4];
/// Validation points up to which a gain is held against its standard error: of several folds, and of one part that is
/// held out.
const FEW: [usize; 2] = [1500, 200];
/// Layers by which dictionaries are compared.
const TRIAL_LAYERS: usize = 2;
/// Weights of the barrier while the whole stack is polished, in units of that of its layers, up to [`FIVE_FOLDS`] points and
/// beyond, and most steps at each. Behind a weak barrier few points are fitted too closely.
const POLISH: [[f64; 2]; 2] = [[1.0, 0.3], [0.3, 0.1]];
const POLISH_STEPS: usize = 25;
/// Steps over all points from the stack that one part of them has judged.
const LAST_STEPS: usize = 5;

impl LinearDensity {
    /// The flow with these functions, to be used with saved parameters; none if they do not fit the manifold.
    ///
    /// # Errors
    /// [`FlowError`] if there are no kernels for the manifold.
    pub fn flow_of(manifold: &AnyManifold, terms: &[LayerTerms]) -> Result<Option<Flow>, FlowError> {
        let mut maps = Vec::new();
        for layer in terms {
            let Some(terms) = layer.on(manifold) else { return Ok(None) };
            maps.push(linear_map(manifold, terms, Solver::default())? as Arc<dyn Map>);
        }
        if maps.is_empty() { Ok(None) } else { Flow::from_maps(maps, false).map(Some) }
    }

    /// The base density: the flow of one layer whose parameter zero makes it the identity.
    ///
    /// # Errors
    /// [`FlowError`] if there are no kernels for the manifold.
    pub fn base(manifold: &AnyManifold) -> Result<(Flow, Vec<f64>), FlowError> {
        let flow = Self::flow_of(manifold, &[identity_terms(manifold)])?;
        Ok((flow.expect("one layer"), vec![0.0]))
    }

    /// Maximum likelihood of points (`[point][coordinate]`), with weights or without. If there are validation points,
    /// they choose penalty and depth, and are then learned from as well; else folds of the points do.
    ///
    /// Weights of both are on one scale, on which a point without a weight has one. How rich the layers are, and how many
    /// folds there are, follows from the effective number of points (see [`crate::weights`]).
    ///
    /// On a manifold with conditioning variables the likelihood is that of the density given these, and folds are looked
    /// for at the values that they have among the points, and between these.
    ///
    /// `watch` is called after each layer with the density so far, as an [interrupted](Self::interrupted) fit would give
    /// it, and after the natural gradient with the whole.
    ///
    /// # Errors
    /// [`FlowError`] if there are no kernels for the manifold.
    ///
    /// # Panics
    /// If there are fewer than two points of positive weight, or a slice does not hold whole points.
    pub fn fit<'a>(
        manifold: &AnyManifold,
        points: impl Into<WeightedPoints<'a>>,
        validation: impl Into<WeightedPoints<'a>>,
        options: &LinearOptions,
        stop: &AtomicBool,
        watch: &mut dyn FnMut(&Self),
    ) -> Result<Self, FlowError> {
        let preparation = Preparation::new(manifold, points.into(), validation.into())?;
        Growth::new(&preparation, options, stop).finish(watch)
    }

    /// Goes on with a fit of the same points and options from [`LinearDensity::growth`], to the same bits as the fit that
    /// was not interrupted.
    ///
    /// # Errors
    /// [`ResumeError`] if the state is damaged or of another fit, or if there are no kernels for the manifold.
    ///
    /// # Panics
    /// As [`LinearDensity::fit`].
    pub fn resume<'a>(
        manifold: &AnyManifold,
        points: impl Into<WeightedPoints<'a>>,
        validation: impl Into<WeightedPoints<'a>>,
        options: &LinearOptions,
        state: &GrowthState,
        stop: &AtomicBool,
        watch: &mut dyn FnMut(&Self),
    ) -> Result<Self, ResumeError> {
        let preparation = Preparation::new(manifold, points.into(), validation.into())?;
        let mut growth = Growth::new(&preparation, options, stop);
        growth.restore(state)?;
        Ok(growth.finish(watch)?)
    }
}

/// A layer with one function, whose parameter zero makes it the identity: the density is the base.
pub(super) fn identity_terms(manifold: &AnyManifold) -> LayerTerms {
    let bump = BumpTerm { centre: manifold.origin(), kappa: 1.0 };
    LayerTerms { bumps: vec![bump], ..LayerTerms::default() }
}

/// The next layer of every fold, before it is finished.
struct Drafts {
    drafts: Vec<Draft>,
    /// Number of the penalty.
    k: usize,
    /// Nats that it brings at every validation point.
    gains: Vec<f64>,
    /// Log-densities of the validation points without it.
    base: Vec<f64>,
}

/// The stacks of all folds, and the one of all points.
struct Growth<'a> {
    preparation: &'a Preparation<'a>,
    folds: Vec<Member<'a>>,
    /// Weights of the validation points of all folds.
    weights: Weights,
    whole: Member<'a>,
    /// What dictionary the layers have.
    richness: Richness,
    options: &'a LinearOptions,
    stop: &'a AtomicBool,
    reports: Vec<LayerReport>,
    /// The state after the last layer.
    state: Option<GrowthState>,
}

impl<'a> Growth<'a> {
    /// Stacks without layers.
    fn new(preparation: &'a Preparation<'a>, options: &'a LinearOptions, stop: &'a AtomicBool) -> Self {
        let Preparation { manifold, points, validation, all, .. } = preparation;
        let folds = if validation.points.is_empty() {
            folds(manifold, points, options.seed)
        } else {
            vec![Member::new(manifold, points.clone(), validation.clone(), options.seed, true)]
        };
        let whole = Member::new(manifold, all.clone(), Sample::default(), options.seed ^ u64::MAX, true);
        let weights = Weights::concat(folds.iter().map(Member::weights));
        let richness = whole.richness();
        Self { preparation, folds, weights, whole, richness, options, stop, reports: vec![], state: None }
    }

    /// Puts back the layers of a saved state.
    fn restore(&mut self, state: &GrowthState) -> Result<(), ResumeError> {
        state.check(self.folds.len() + 1, self.options.layers, MOST_PENALTIES)?;
        self.richness = self.richness_of(state);
        let richness = &self.richness;
        let members = self.folds.iter_mut().chain([&mut self.whole]).zip(&state.members);
        for (number, (member, saved)) in members.enumerate() {
            member.restore(number, saved, &state.penalties, richness)?;
        }
        let layers = self.whole.layers.iter().zip(&state.gains).enumerate();
        let report = |(layer, (fitted, &gain)): (usize, (&FittedLayer, &f64))| LayerReport {
            layer: Some(layer),
            parameters: fitted.a.len(),
            gain,
        };
        self.reports = layers.map(report).collect();
        self.state = Some(state.clone());
        Ok(())
    }

    /// The dictionary of a saved state, which the number of its bumps tells.
    fn richness_of(&self, state: &GrowthState) -> Richness {
        let first = state.members.last().and_then(|whole| whole.layers.first());
        let bumps = first.map_or(0, |layer| layer.concentrations.len());
        let mut choices = self.whole.choices().into_iter();
        choices
            .find(|choice| choice.bumps.iter().sum::<usize>() == bumps)
            .unwrap_or_else(|| self.richness.clone())
    }

    /// Adds layers and polishes them.
    fn finish(mut self, watch: &mut dyn FnMut(&LinearDensity)) -> Result<LinearDensity, FlowError> {
        self.grow(watch)?;
        self.polish(watch)?;
        self.density(self.is_stopped())
    }

    /// The density of the stack of all points.
    fn density(&self, interrupted: bool) -> Result<LinearDensity, FlowError> {
        let (flow, theta, terms) = self.preparation.flow(self.whole.described())?;
        let growth = self.state.clone().filter(|_| interrupted);
        Ok(LinearDensity { flow, theta, terms, reports: self.reports.clone(), interrupted, growth })
    }

    /// Saves the state after a layer with penalty number `k`.
    fn save(&mut self, k: usize, gain: f64) {
        let state = self.state.get_or_insert_default();
        state.penalties.push(k);
        state.gains.push(gain);
        state.members = self.folds.iter().chain([&self.whole]).map(Member::state).collect();
    }

    /// The stack that leaves out a part of the points, if there is one such part and points are many: the stack of all points is
    /// then made from it. Where points are few, a layer fitted without a tenth of them is the worse for it.
    fn only_fold_of_many(&self) -> Option<&Member<'a>> {
        match &self.folds[..] {
            [fold] if self.whole.effective() >= FIVE_FOLDS => Some(fold),
            _ => None,
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether gains of points are more than nothing; where there are few, more than half their standard error, which a
    /// single point does not have.
    fn pays(&self, gains: &[f64]) -> bool {
        let Estimate { value, standard_error } = self.weights.estimate(gains);
        let is_few = self.weights.effective(gains.len()) < FEW[usize::from(self.folds.len() == 1)] as f64;
        let least = match is_few {
            true if standard_error.is_finite() => LEAST_GAIN[0].max(0.5 * standard_error),
            true => LEAST_GAIN[0],
            false => LEAST_GAIN[1],
        };
        value > least
    }

    /// Drafts of the next layer for folds, with the penalty that validation prefers; none if no penalty is on every path.
    fn draft(&self, folds: &mut [Member<'_>], richness: &Richness) -> Result<Option<Drafts>, FlowError> {
        let base: Vec<f64> = folds.iter().flat_map(Member::base_densities).collect();
        let drafts: Vec<Draft> = folds
            .par_iter_mut()
            .map(|fold| fold.draft(richness, self.options.barrier, None, self.stop))
            .collect::<Result<_, _>>()?;
        let best = best_penalty(&drafts, &base, &self.weights);
        Ok(best.map(|(k, gains)| Drafts { drafts, k, gains, base }))
    }

    /// Finishes drafts of a layer, and returns what they bring at every validation point.
    fn add(&self, folds: &mut [Member<'_>], drafts: Drafts) -> Result<Vec<f64>, FlowError> {
        let Drafts { drafts, k, base, .. } = drafts;
        let pairs: Vec<_> = folds.iter_mut().zip(drafts).collect();
        let densities: Vec<Vec<f64>> = pairs
            .into_par_iter()
            .map(|(fold, draft)| fold.add(draft, k, self.options.barrier, self.stop))
            .collect::<Result<_, _>>()?;
        Ok(densities.concat().iter().zip(&base).map(|(now, before)| now - before).collect())
    }

    /// Takes the dictionary whose first layers validation prefers. One layer alone would not tell, because broad functions
    /// may bring more at first, and less after.
    fn choose(&mut self) -> Result<(), FlowError> {
        let choices = self.whole.choices();
        if choices.len() == 1 {
            return Ok(());
        }
        let mut best = f64::NEG_INFINITY;
        for richness in choices {
            let mut folds: Vec<Member<'_>> = self.folds.iter().map(Member::trial).collect();
            let mut sum = 0.0;
            for _ in 0..TRIAL_LAYERS {
                let Some(drafts) = self.draft(&mut folds, &richness)? else { break };
                if !self.pays(&drafts.gains) {
                    break;
                }
                sum += self.weights.mean(&self.add(&mut folds, drafts)?);
            }
            if sum > best {
                (best, self.richness) = (sum, richness);
            }
        }
        Ok(())
    }

    /// Adds layers until one does not pay.
    fn grow(&mut self, watch: &mut dyn FnMut(&LinearDensity)) -> Result<(), FlowError> {
        let LinearOptions { layers, barrier, .. } = *self.options;
        let stop = self.stop;
        if self.whole.layers.is_empty() {
            self.choose()?;
        }
        for layer in self.whole.layers.len()..layers {
            let mut folds = std::mem::take(&mut self.folds);
            let drafts = self.draft(&mut folds, &self.richness)?;
            self.folds = folds;
            let Some(drafts) = drafts else { break };
            if self.is_stopped() || !self.pays(&drafts.gains) {
                break;
            }
            let k = drafts.k;
            let mut folds = std::mem::take(&mut self.folds);
            let gains = self.add(&mut folds, drafts)?;
            self.folds = folds;
            if self.is_stopped() || !self.pays(&gains) {
                self.folds.iter_mut().for_each(|fold| drop(fold.layers.pop()));
                break;
            }
            if let Some(fold) = self.only_fold_of_many() {
                // The natural gradient learns from the points that judge.
                let layer = fold.layers[layer].clone();
                self.whole.push(layer);
            } else {
                let draft = match &self.folds[..] {
                    [fold] => self.whole.draft_like(&fold.layers[layer]),
                    _ => self.whole.draft(&self.richness, barrier, Some(k), stop)?,
                };
                self.whole.add(draft, k, barrier, stop)?;
            }
            if self.is_stopped() {
                self.whole.layers.pop();
                break;
            }
            let parameters = self.whole.layers[layer].a.len();
            let gain = self.weights.mean(&gains);
            self.save(k, gain);
            self.reports.push(LayerReport { layer: Some(layer), parameters, gain });
            watch(&self.density(true)?);
        }
        Ok(())
    }

    /// The natural gradient over all layers, as many steps as the folds find best. Where one part of many points judges, the
    /// stack of all points goes on from that of the others.
    fn polish(&mut self, watch: &mut dyn FnMut(&LinearDensity)) -> Result<(), FlowError> {
        if self.whole.layers.is_empty() || self.is_stopped() {
            return Ok(());
        }
        let of_folds = Weights::of_parts(self.folds.iter().map(Member::weights));
        let validation = |folds: &[Member<'_>]| -> Result<f64, FlowError> {
            Ok(of_folds.mean(&folds.iter().map(Member::validation).collect::<Result<Vec<_>, _>>()?))
        };
        let before = validation(&self.folds)?;
        let (stop, mut barrier) = (self.stop, self.options.barrier);
        for factor in POLISH[usize::from(self.whole.effective() >= FIVE_FOLDS)] {
            barrier = factor * self.options.barrier;
            let steps: Vec<usize> = self
                .folds
                .par_iter_mut()
                .map(|fold| fold.polish(barrier, POLISH_STEPS, stop))
                .collect::<Result<_, _>>()?;
            if self.is_stopped() {
                return Ok(());
            }
            if self.only_fold_of_many().is_none() {
                let most = (steps.iter().sum::<usize>() as f64 / steps.len() as f64).round() as usize;
                self.whole.polish(barrier, most, stop)?;
            }
        }
        if let Some(fold) = self.only_fold_of_many() {
            self.whole.layers = fold.layers.clone();
            self.whole.polish(barrier, LAST_STEPS, stop)?;
        }
        let gain = validation(&self.folds)? - before;
        let parameters = self.whole.layers.iter().map(|layer| layer.a.len()).sum();
        self.reports.push(LayerReport { layer: None, parameters, gain });
        watch(&self.density(self.is_stopped())?);
        Ok(())
    }
}

/// The number of the penalty with the best weighted mean over the validation points of all folds, and the gain of every point
/// over `base`; none if no penalty is on every path.
fn best_penalty(drafts: &[Draft], base: &[f64], weights: &Weights) -> Option<(usize, Vec<f64>)> {
    let shared = drafts.iter().map(|draft| draft.path.len()).min()?;
    let gains = |k: usize| -> Vec<f64> {
        let densities = drafts.iter().flat_map(|draft| draft.path[k].validation.iter());
        densities.zip(base).map(|(now, before)| now - before).collect()
    };
    let best = (0..shared)
        .map(|k| (k, gains(k)))
        .max_by(|a, b| weights.mean(&a.1).total_cmp(&weights.mean(&b.1)))?;
    Some(best)
}

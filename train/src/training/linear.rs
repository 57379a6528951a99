//! The fit of points by linear layers as a run: from a problem to a state.

use std::sync::atomic::{AtomicBool, Ordering};

use ircpm_flow::FlowError;
use ircpm_manifolds::AnyManifold;

use super::clock::Clock;
use super::{Progress, State, Step, Watcher};
use crate::convex::{LinearDensity, LinearOptions, ResumeError};
use crate::optimiser::Tensors;
use crate::points::Generator;
use crate::weights::WeightedPoints;

/// Name of the method in reports.
pub(crate) const NEWTON: &str = "newton";

/// Fits linear layers to points, and tells `watcher` of each layer as of a step, whose loss is the mean gain of
/// validation points so far, with a minus. The state after each layer is given to it as a checkpoint.
///
/// # Errors
/// [`FlowError`] if there are no kernels for the manifold.
pub(crate) fn fit_linear(
    manifold: &AnyManifold,
    points: WeightedPoints<'_>,
    options: &LinearOptions,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<(LinearDensity, Progress), FlowError> {
    let clock = Clock::from(Progress::default());
    let mut tell = teller(&clock, points.count(manifold.ambient()), options, stop, watcher);
    let density = LinearDensity::fit(manifold, points, &[], options, stop, &mut tell)?;
    let progress = progress_of(&density, &clock);
    Ok((density, progress))
}

/// Goes on from the state of an unfinished fit, as [`fit_linear`] would have gone on; from the start, if it has no layers.
///
/// # Errors
/// [`ResumeError`] if there are no kernels for the manifold, or the state is damaged or of another fit.
pub(crate) fn resume_linear(
    manifold: &AnyManifold,
    points: WeightedPoints<'_>,
    options: &LinearOptions,
    before: &State,
    stop: &AtomicBool,
    watcher: &mut dyn Watcher,
) -> Result<(LinearDensity, Progress), ResumeError> {
    let Some(growth) = &before.growth else {
        return Ok(fit_linear(manifold, points, options, stop, watcher)?);
    };
    let clock = Clock::from(before.progress);
    let mut tell = teller(&clock, points.count(manifold.ambient()), options, stop, watcher);
    let density = LinearDensity::resume(manifold, points, &[], options, growth, stop, &mut tell)?;
    let progress = progress_of(&density, &clock);
    Ok((density, progress))
}

/// Tells a watcher of the layers of a fit to `points` points.
fn teller<'a>(
    clock: &'a Clock,
    points: usize,
    options: &'a LinearOptions,
    stop: &'a AtomicBool,
    watcher: &'a mut dyn Watcher,
) -> impl FnMut(&LinearDensity) + 'a {
    move |density| {
        let Some(&report) = density.reports.last() else { return };
        let progress = progress_of(density, clock);
        let mut told = watcher.step(&Step {
            step: density.reports.len() - 1,
            loss: density.reports.iter().fold(0.0, |loss, report| loss - report.gain),
            layer: report.layer,
            points,
            wall_seconds: progress.wall_seconds,
            logged: true,
            ..Step::default()
        });
        // The state at the end is saved by the caller.
        if told.is_continue() && report.layer.is_some() {
            told = watcher.checkpoint(&state_of(density, progress, options.seed));
        }
        if told.is_break() {
            stop.store(true, Ordering::Relaxed);
        }
    }
}

/// How far a density has come. An interrupted fit takes the steps after its last saved layer again.
fn progress_of(density: &LinearDensity, clock: &Clock) -> Progress {
    let step = match (density.interrupted, &density.growth) {
        (true, growth) => growth.as_ref().map_or(0, |growth| growth.gains.len()),
        (false, _) => density.reports.len(),
    };
    let mut progress = Progress { step, done: !density.interrupted, ..Progress::default() };
    clock.read(&mut progress);
    progress
}

/// A fitted density as a state of training.
pub(crate) fn state_of(density: &LinearDensity, progress: Progress, seed: u64) -> State {
    State {
        theta: density.theta.clone(),
        optimiser: Tensors::new(),
        generator: Generator::from_seed(seed),
        progress,
        terms: density.terms.clone(),
        growth: density.growth.clone(),
    }
}

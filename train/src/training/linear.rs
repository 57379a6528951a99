//! The fit of points by linear layers as a run: from a problem to a state.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cpu_time::ProcessTime;
use ircpm_flow::FlowError;
use ircpm_manifolds::AnyManifold;

use super::{Progress, State, Step, Watcher};
use crate::convex::{LayerReport, LinearDensity, LinearOptions};
use crate::optimiser::Tensors;
use crate::points::Generator;
use crate::weights::WeightedPoints;

/// Name of the method in reports.
pub(crate) const NEWTON: &str = "newton";

/// Fits linear layers to points, and tells `watcher` of each layer as of a step, whose loss is the mean gain of
/// validation points so far, with a minus.
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
    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    let count = points.count(manifold.ambient());
    let (mut step, mut loss) = (0, 0.0);
    let mut tell = |report: &LayerReport| {
        loss -= report.gain;
        let wall_seconds = wall.elapsed().as_secs_f64();
        let layer = report.layer;
        let told = watcher.step(&Step {
            step,
            loss,
            layer,
            points: count,
            wall_seconds,
            logged: true,
            ..Step::default()
        });
        if told == ControlFlow::Break(()) {
            stop.store(true, Ordering::Relaxed);
        }
        step += 1;
    };
    let density = LinearDensity::fit(manifold, points, &[], options, stop, &mut tell)?;
    let progress = Progress {
        step,
        done: !density.interrupted,
        wall_seconds: wall.elapsed().as_secs_f64(),
        cpu_seconds: cpu.elapsed().as_secs_f64(),
        ..Progress::default()
    };
    Ok((density, progress))
}

/// A fitted density as a state of training.
pub(crate) fn state_of(density: &LinearDensity, progress: Progress, seed: u64) -> State {
    State {
        theta: density.theta.clone(),
        optimiser: Tensors::new(),
        generator: Generator::from_seed(seed),
        progress,
        terms: density.terms.clone(),
    }
}

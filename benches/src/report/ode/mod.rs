//! Tables of the manifold ODE flow beside the map: cost of a step and of a sample, and CPU time to equal divergence.

mod cost;
mod learner;
mod range;
mod training;

use std::path::Path;

use ircpm_manifolds::{AnyManifold, Base};
use ircpm_train::config::{Config, preset};
use ircpm_train::optimiser::Adam;
use ircpm_train::points::{Generator, Sequence, Spread, base_points};
use ircpm_train::training::Problem;

use crate::ode::OdeFlow;

pub(super) use cost::table as cost;
pub(super) use range::table as range;
pub(super) use training::table as training;

/// Points per step of Adam, for both flows.
const BATCH: usize = 256;
/// Error of `log q` in nats that the ODE flow is timed with.
const TOLERANCE: f64 = 1e-3;

/// How the ODE flow is trained.
#[derive(Clone, Copy)]
struct OdeTraining {
    /// Largest learning rate.
    peak: f64,
    /// Error of `log q` in nats that the number of Runge–Kutta steps leaves.
    tolerance: f64,
}

/// On T²: the best of the peaks 2e-3, 5e-3 and 1e-2, and of the tolerances 1e-3 and 1e-4.
const ON_TORUS: OdeTraining = OdeTraining { peak: 1e-2, tolerance: 1e-4 };
/// On S²: the best of the peaks 5e-3, 1e-2 and 3e-2, and of the tolerances 1e-3 and 1e-4, with 16 units per layer.
const ON_SPHERE: OdeTraining = OdeTraining { peak: 1e-2, tolerance: 1e-3 };

/// The problem of a preset whose configuration is changed.
fn problem(name: &str, change: impl FnOnce(&mut Config)) -> Problem {
    let mut config = preset::by_name(name).expect("a preset").config(&[]).expect("its configuration");
    change(&mut config);
    Problem::new(config, Path::new("")).expect("a flow and a target")
}

/// The ODE flow of the network that a problem's map has in each layer, with time as one more input.
fn ode_flow<M: Base + Into<AnyManifold>>(problem: &Problem, manifold: M) -> OdeFlow<M, 2> {
    let model = &problem.config.model;
    OdeFlow::new(manifold, &model.features.clone().into(), &model.hidden, true, 1)
}

/// A shifted lattice of base points, which training does not see.
fn lattice(manifold: &AnyManifold, count: usize) -> Vec<f64> {
    const SEED: u64 = 99;
    let sequence = Sequence::new(Spread::Lattice, count, manifold.cube_dim());
    base_points(manifold, &sequence, &mut Generator::from_seed(SEED))
}

/// Turns a configuration into one of Adam.
fn by_adam(config: &mut Config, steps: usize) {
    let training = &mut config.training;
    (training.optimiser, training.steps, training.batch) = (Adam::NAME.to_owned(), Some(steps), Some(BATCH));
}

/// The network's hidden widths and the number of the map's layers, for tables.
fn size(problem: &Problem) -> String {
    let widths: Vec<String> = problem.config.model.hidden.iter().map(usize::to_string).collect();
    match problem.flow.layers() {
        1 => widths.join("→"),
        layers => format!("{} × {layers} layers", widths.join("→")),
    }
}

/// The least number of steps whose error of `log q` at the images of `x` is at most `error`.
fn steps_for<M: Base + Into<AnyManifold>, const D: usize>(
    error: f64,
    flow: &OdeFlow<M, D>,
    theta: &[f64],
    x: &[f64],
) -> usize {
    (1..).find(|&steps| OdeFlow { steps, ..flow.clone() }.log_q_error(theta, x) <= error).expect("a number")
}

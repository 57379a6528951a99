//! Tables of the manifold ODE flow beside the map: cost of a step and of a sample, and CPU time to equal divergence.

mod cost;
mod learner;
mod training;

use std::path::Path;

use ircpm_manifolds::{AnyManifold, Base};
use ircpm_train::config::preset;
use ircpm_train::points::{Generator, Sequence, Spread, base_points};
use ircpm_train::training::Problem;

use crate::ode::OdeFlow;

pub(super) use cost::table as cost;
pub(super) use training::table as training;

/// Points per step of Adam, for both flows.
const BATCH: usize = 256;
/// Largest error of `log q` in nats that the number of Runge–Kutta steps leaves.
const TOLERANCE: f64 = 1e-3;

/// The problem of a preset, on the target named `target`.
fn problem(name: &str, target: &str, change: impl FnOnce(&mut ircpm_train::config::Config)) -> Problem {
    let mut config = preset::by_name(name).expect("a preset").config(&[]).expect("its configuration");
    config.target.as_mut().expect("a target").name = Some(target.into());
    change(&mut config);
    Problem::new(config, Path::new("")).expect("a flow and a target")
}

/// The ODE flow of the network that a problem's map has in each layer, with time as one more input.
fn ode_flow<M: Base>(problem: &Problem, manifold: M) -> OdeFlow<M, 2>
where
    AnyManifold: From<M>,
{
    let model = &problem.config.model;
    OdeFlow::new(manifold, &model.features.clone().into(), &model.hidden, true, 1)
}

/// A shifted lattice of base points, which training does not see.
fn lattice(manifold: &AnyManifold, count: usize) -> Vec<f64> {
    const SEED: u64 = 99;
    let sequence = Sequence::new(Spread::Lattice, count, manifold.cube_dim());
    base_points(manifold, &sequence, &mut Generator::from_seed(SEED))
}

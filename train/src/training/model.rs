//! A trained flow by itself, without the points that it was fitted to.

use ircpm_flow::Flow;
use ircpm_manifolds::AnyManifold;

use super::State;
use super::checkpoint::{Checkpoint, CheckpointError};
use super::collocation::with_parameters;
use crate::config::{Config, Layers};
use crate::convex::LinearDensity;
use crate::data::Notation;
use crate::lattice::LatticeFlow;
use crate::target::Target;

/// A flow with its parameters, and the target that it was trained for, if any.
///
/// A checkpoint has all of it, so a model can be used where the data file of its run is absent.
#[non_exhaustive]
pub struct Model {
    /// The flow.
    pub flow: Flow,
    /// Its parameters.
    pub theta: Vec<f64>,
    /// The target with the energy `u`; none if the flow was fitted to points.
    pub target: Option<Box<dyn Target>>,
    /// Inverse temperature `β` of the target `exp(−βu)`.
    pub beta: f64,
    /// How the points are written that it was fitted to; by default where there are none.
    pub notation: Notation,
}

impl Model {
    /// The model that a checkpoint holds.
    ///
    /// # Errors
    /// [`CheckpointError::Tensor`] if no flow of the configuration has so many parameters,
    /// [`CheckpointError::Metadata`] if the configuration has neither target nor data, or an energy that is none.
    pub fn new(checkpoint: &Checkpoint) -> Result<Self, CheckpointError> {
        let Checkpoint { config, state } = checkpoint;
        let target = config.target().map_err(|error| CheckpointError::Metadata {
            key: "config",
            problem: format!("its energy is not one: {error}"),
        })?;
        let manifold = match (&target, &config.data) {
            (Some(target), _) => target.manifold().clone(),
            (None, Some(data)) => data.flow_manifold(),
            (None, None) => {
                return Err(CheckpointError::Metadata {
                    key: "config",
                    problem: "it has neither a target nor data".to_owned(),
                });
            }
        };
        let flow = flow_of(config, &manifold, state).ok_or_else(|| CheckpointError::Tensor {
            name: "theta".to_owned(),
            problem: format!("holds {} numbers, which no flow of the configuration has", state.theta.len()),
        })?;
        Ok(Self {
            flow,
            theta: state.theta.clone(),
            target,
            beta: config.beta(),
            notation: config.notation(),
        })
    }

    /// The target and its inverse temperature, if there is one.
    pub fn target(&self) -> Option<(&dyn Target, f64)> {
        self.target.as_ref().map(|target| (target.as_ref(), self.beta))
    }
}

/// The flow that a state's parameters are for; none if the configuration has no such flow.
pub(super) fn flow_of(config: &Config, manifold: &AnyManifold, state: &State) -> Option<Flow> {
    let parameters = state.theta.len();
    let flow = if config.is_linear() {
        LinearDensity::flow_of(manifold, &state.terms).ok()??
    } else if config.has_charges() {
        LatticeFlow::new(config, manifold).ok()?.flow
    } else {
        let first = config.flow(manifold).ok()?;
        if grows(config) { with_parameters(&first, parameters)? } else { first }
    };
    (flow.parameters() == parameters).then_some(flow)
}

/// Whether training may add layers.
pub(super) fn grows(config: &Config) -> bool {
    config.model.layers == Layers::Auto && config.training.is_least_squares()
}

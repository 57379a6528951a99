//! What a flow with network potentials is built from, and the check of it.

use std::sync::Arc;

use ircpm_ad::Isa;
use ircpm_manifolds::{Manifold, Product};

use crate::error::FlowError;
use crate::map::{ConcaveMap, Map, Solver};
use crate::potential::{Features, Network};

/// What a flow with network potentials is built from.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowSpec {
    /// The manifold.
    pub manifold: Product,
    /// Number of layers.
    pub layers: usize,
    /// Whether all layers have the same parameters.
    pub shared: bool,
    /// Widths of the hidden softplus layers.
    pub hidden: Vec<usize>,
    /// What the network sees of a point.
    pub features: Features,
    /// psi is the network's output divided by this.
    pub output_scale: f64,
    /// The inner minimisation.
    pub solver: Solver,
}

/// Largest dimension that [`Flow::new`] has kernels for.
pub const MAX_DIM: usize = 8;

/// The network's map, in the dimension of its manifold: `check` has refused others.
pub(super) fn map_of(spec: &FlowSpec, network: Network, isa: Isa) -> Arc<dyn Map> {
    fn of<const D: usize>(spec: &FlowSpec, network: Network, isa: Isa) -> Arc<dyn Map> {
        Arc::new(ConcaveMap::<_, _, D>::new(spec.manifold.clone(), network, spec.solver, isa))
    }
    let table = [of::<1>, of::<2>, of::<3>, of::<4>, of::<5>, of::<6>, of::<7>, of::<MAX_DIM>];
    table[spec.manifold.dim() - 1](spec, network, isa)
}

/// Sizes and numbers of a specification.
pub(super) fn check(spec: &FlowSpec) -> Result<(), FlowError> {
    let zero = |is: bool, what| if is { Err(FlowError::Zero { what }) } else { Ok(()) };
    zero(spec.layers == 0, "the number of layers")?;
    zero(spec.hidden.is_empty(), "the number of hidden layers")?;
    zero(spec.hidden.contains(&0), "the width of a hidden layer")?;
    zero(spec.solver.max_steps == 0, "the solver's number of steps")?;
    let positive = |value: f64, what| {
        let ok = value > 0.0 && value.is_finite();
        if ok { Ok(()) } else { Err(FlowError::NotPositive { what, value: value.to_string() }) }
    };
    positive(spec.output_scale, "the output scale")?;
    positive(spec.solver.tolerance, "the solver's tolerance")?;
    let dim = spec.manifold.dim();
    if dim == 0 || dim > MAX_DIM {
        return Err(FlowError::Dimension { manifold: spec.manifold.to_string(), dim });
    }
    Ok(())
}

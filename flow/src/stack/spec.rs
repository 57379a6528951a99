//! What a flow with network potentials is built from, and the check of it.

use std::sync::Arc;

use ircpm_ad::Isa;
use ircpm_manifolds::{AnyManifold, Product};

use crate::error::{FlowError, MapError};
use crate::map::{ConcaveMap, LinearMap, Map, Solver};
use crate::potential::{
    Average, Energy, EnergyShaped, Features, Linear, Network, Shape, Symmetries, Symmetry, Terms,
};

/// What a flow with network potentials is built from.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowSpec {
    /// The manifold: a product of tori, spheres and Euclidean spaces, or one of them.
    pub manifold: AnyManifold,
    /// Number of layers.
    pub layers: usize,
    /// Whether all layers have the same parameters.
    pub shared: bool,
    /// Widths of the hidden softplus layers.
    pub hidden: Vec<usize>,
    /// What the network sees of a point.
    pub features: Features,
    /// Isometries that leave psi as it is, empty for none. A finite group costs as much as so many networks as it
    /// has elements.
    pub symmetry: Vec<Symmetry>,
    /// psi is the network's output divided by this.
    pub output_scale: f64,
    /// The inner minimisation.
    pub solver: Solver,
}

/// Largest dimension that [`crate::Flow::new`] has kernels for.
pub const MAX_DIM: usize = 8;

/// What is zero where psi has neither a network nor an energy.
const NO_LAYERS: &str = "the number of hidden layers";

impl FlowSpec {
    /// The layers that this describes, on the given instruction set; with an energy, psi is a function of it plus the
    /// network, if there is one.
    pub(super) fn into_maps(
        self,
        energy: Option<(Arc<dyn Energy>, Shape)>,
        isa: Isa,
    ) -> Result<Vec<Arc<dyn Map>>, FlowError> {
        self.check(energy.is_some())?;
        let symmetries = Symmetries::new(&self.symmetry, &self.manifold)?;
        let features = symmetries.features(&self.features, &self.manifold)?;
        let network =
            (!self.hidden.is_empty()).then(|| Network::new(features, &self.hidden, self.output_scale));
        let potential = match (energy, network) {
            (Some((energy, shape)), network) => {
                let (manifold, ambient) = (self.manifold.to_string(), self.manifold.ambient());
                if energy.inputs() != ambient {
                    let inputs = energy.inputs();
                    return Err(MapError::Coordinates { manifold, ambient, inputs }.into());
                }
                EnergyShaped::new(energy, shape, network)
            }
            (None, Some(network)) => network.into(),
            (None, None) => return Err(FlowError::Zero { what: NO_LAYERS }),
        };
        let potential = Average::new(potential, symmetries.group().clone());
        let table = [of::<1>, of::<2>, of::<3>, of::<4>, of::<5>, of::<6>, of::<7>, of::<MAX_DIM>];
        let manifold = product(&self.manifold)?;
        let map = table[self.manifold.dim() - 1](manifold, potential, self.solver, isa)?;
        Ok(vec![map; self.layers])
    }

    /// Checks sizes and numbers; a network need not be there beside an energy.
    fn check(&self, has_energy: bool) -> Result<(), FlowError> {
        let zero = |is: bool, what| if is { Err(FlowError::Zero { what }) } else { Ok(()) };
        zero(self.layers == 0, "the number of layers")?;
        zero(self.hidden.is_empty() && !has_energy, NO_LAYERS)?;
        zero(self.hidden.contains(&0), "the width of a hidden layer")?;
        let scale = self.output_scale;
        if !(scale > 0.0 && scale.is_finite()) {
            return Err(FlowError::NotPositive { what: "the output scale", value: scale.to_string() });
        }
        self.solver.check()?;
        check_dimension(&self.manifold)
    }
}

/// Refuses manifolds for whose dimension there are no kernels.
fn check_dimension(manifold: &AnyManifold) -> Result<(), FlowError> {
    let dim = manifold.dim();
    if dim == 0 || dim > MAX_DIM {
        let manifold = manifold.to_string();
        return Err(FlowError::Dimension { manifold, dim, largest: MAX_DIM });
    }
    Ok(())
}

/// A layer on a product of tori, spheres and Euclidean spaces whose psi is a combination of `terms`, on the fastest
/// instruction set of this processor.
///
/// # Errors
/// [`FlowError`] if there are no kernels for the manifold, if the terms are of another one, or if the solver's numbers
/// are out of range.
pub fn linear_map(
    manifold: &AnyManifold,
    terms: Terms,
    solver: Solver,
) -> Result<Arc<dyn LinearMap>, FlowError> {
    check_dimension(manifold)?;
    let table = [
        linear_of::<1>,
        linear_of::<2>,
        linear_of::<3>,
        linear_of::<4>,
        linear_of::<5>,
        linear_of::<6>,
        linear_of::<7>,
        linear_of::<MAX_DIM>,
    ];
    table[manifold.dim() - 1](product(manifold)?, Linear(terms), solver, Isa::best())
}

/// The product that a manifold is, on which kernels are compiled.
pub(super) fn product(manifold: &AnyManifold) -> Result<Product, FlowError> {
    manifold.to_product().ok_or_else(|| FlowError::NoKernels { manifold: manifold.to_string() })
}

/// The map of a potential that is averaged over a group, compiled for dimension `D`. One without symmetry is the average
/// over the trivial group, and a network alone is one without an energy, because kernels of their own would be as many
/// again.
fn of<const D: usize>(
    manifold: Product,
    potential: Average<EnergyShaped>,
    solver: Solver,
    isa: Isa,
) -> Result<Arc<dyn Map>, FlowError> {
    Ok(Arc::new(ConcaveMap::<_, _, D>::on(manifold, potential, solver, isa)?))
}

/// The map of a linear potential, compiled for dimension `D`.
fn linear_of<const D: usize>(
    manifold: Product,
    potential: Linear<Terms>,
    solver: Solver,
    isa: Isa,
) -> Result<Arc<dyn LinearMap>, FlowError> {
    Ok(Arc::new(ConcaveMap::<_, _, D>::on(manifold, potential, solver, isa)?))
}

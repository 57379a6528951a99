//! Proofs that a trained map is a diffeomorphism: [`ircpm_certify`] for the potentials that a checkpoint holds.

use std::ops::ControlFlow;

use ircpm_certify::{CertifyError, Layer, Options, Outcome, Progress, Record, Verdict};
use ircpm_flow::{Average, Expression, FeatureMap, FlowError, Group, Linear, Network, Symmetries, Terms};
use ircpm_manifolds::{AnyManifold, Coordinates};
use serde::Serialize;

use crate::lattice::LatticeFlow;
use crate::positivity::{Effort, EigenvalueBound, LayerPositivity};
use crate::training::Model;
use crate::training::checkpoint::{Checkpoint, CheckpointError};

/// What is proven of a flow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proof {
    /// Name of the manifold.
    pub manifold: String,
    /// Whether every layer is certified, so that the flow is a diffeomorphism.
    pub certified: bool,
    /// The layers that were looked at, the first applied first: up to the first that is not certified; of
    /// charges, up to the first that is refuted. A stack with shared parameters has one.
    pub layers: Vec<LayerProof>,
}

/// What is proven of a layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerProof {
    /// The layer, counted from 1.
    pub layer: usize,
    /// What is proven.
    #[serde(flatten)]
    pub verdict: LayerVerdict,
    /// The smallest eigenvalue of `H` at the points that were looked at: that over the manifold is no larger.
    pub estimate: f64,
    /// Cells that were looked at.
    pub cells: u64,
    /// What was done with each of them, for a certificate.
    #[serde(skip)]
    pub record: Record,
}

/// What is proven of a layer's smallest eigenvalue of `H` over the whole manifold.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum LayerVerdict {
    /// It is at least this, which is positive: the layer is a diffeomorphism.
    Certified {
        /// The proven lower bound.
        bound: f64,
    },
    /// It is at most this, which is negative: the layer folds.
    Refuted {
        /// Where it is seen: angles in radians, and on spheres the multiple of the unit vector that lies on the surface of
        /// the cube `[−1, 1]ⁿ⁺¹`, whose numbers are exact.
        point: Vec<f64>,
        /// The proven upper bound.
        bound: f64,
    },
    /// No proof is known for such a layer; a search has found no eigenvalue that is not positive.
    Searched,
    /// Neither is proven within the budget.
    Undecided {
        /// Lower and upper ends of the coordinates of the worst cell, which are those of points.
        cell: Vec<[f64; 2]>,
        /// The proven lower bound; null for none.
        bound: f64,
    },
}

/// Why nothing can be proven of a flow.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The manifold is no product of tori and spheres of low dimension.
    #[error(
        "proofs are for tori, spheres and their products of dimension 1 to {LARGEST} in all, not for {manifold}: `ircpm bounds` looks at points instead"
    )]
    Manifold {
        /// Name of the manifold.
        manifold: String,
    },
    /// The density is conditional.
    #[error(
        "{manifold} has conditioning variables, which may have any value: nothing is proven of all of them; `ircpm evaluate` \
         looks at those of the data"
    )]
    Conditional {
        /// Name of the manifold.
        manifold: String,
    },
    /// The potential is one whose derivatives are not known over intervals.
    #[error(
        "proofs are for networks and linear layers, not for {potential}: `ircpm bounds` looks at points instead"
    )]
    Potential {
        /// What the potential is.
        potential: &'static str,
    },
    /// The density is not one of a product of tori and spheres of low dimension.
    #[error(
        "bounds of a density are proven on tori, spheres and their products of dimension 1 to {LARGEST} in all, not on \
         {manifold}: leave out --density; `ircpm evaluate` measures the density at samples"
    )]
    DensityManifold {
        /// Name of the manifold.
        manifold: String,
    },
    /// The density is that of charges.
    #[error(
        "bounds of a density are proven for networks and linear layers, not for charges: leave out --density; `ircpm \
         evaluate` measures the density at samples"
    )]
    DensityOfCharges,
    /// The flow was fitted to points, so that there is no density to compare it with.
    #[error(
        "it was fitted to points, so there is no energy whose density could be compared with the model's"
    )]
    NoEnergy,
    /// The energy is in another language, or calls a function whose range over intervals is not known.
    #[error(
        "the energy is not known over intervals: `erf`, `erfc`, `log_gamma`, `digamma`, Bessel functions and energies in \
         other languages are not; `ircpm evaluate` measures the density at samples instead"
    )]
    UnknownEnergy,
    /// The charges of the configuration make no flow.
    #[error("{problem}")]
    Charges {
        /// What is wrong with them.
        problem: String,
    },
    /// The checkpoint holds no flow.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The flow cannot be built.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// A layer cannot be looked at.
    #[error("layer {layer}: {source}")]
    Layer {
        /// The layer, counted from 1.
        layer: usize,
        /// What is wrong with it.
        source: CertifyError,
    },
}

/// What is told of a layer's search, by its number from 0; it may break off.
type Watch<'a> = &'a dyn Fn(usize, &Progress) -> ControlFlow<()>;

/// Largest dimension that proofs are compiled for. Cells grow exponentially with it.
pub(crate) const LARGEST: usize = 3;

/// Proves that the flow of a checkpoint is a diffeomorphism, or that it folds, layer by layer.
///
/// `progress` is told the number of the layer, from 0, and the state of its search; if it breaks off, what is not proven by
/// then is undecided. The outcome has the same bits on any number of threads.
///
/// # Errors
/// [`ProofError`] for a conditional density, for a manifold that is no product of tori and spheres, or has more than three
/// dimensions (layers of charges may have any number of angles), for potentials from an energy, and for parameters that
/// are not finite.
pub fn prove(checkpoint: &Checkpoint, options: &Options, progress: Watch<'_>) -> Result<Proof, ProofError> {
    let model = Model::new(checkpoint)?;
    let manifold = model.flow.manifold();
    if checkpoint.config.has_charges() {
        return of_charges(checkpoint, &model, options, progress);
    }
    let coordinates = manifold.coordinates();
    if coordinates.iter().any(|run| matches!(run, Coordinates::Context(_))) {
        return Err(ProofError::Conditional { manifold: manifold.to_string() });
    }
    if !is_provable(manifold) {
        return Err(ProofError::Manifold { manifold: manifold.to_string() });
    }
    let space = Space { coordinates: &coordinates, dimension: manifold.dim() };
    let layers = if checkpoint.config.is_linear() {
        let potentials = linear(checkpoint, manifold);
        each(&model, |layer, theta| by_dimension(&potentials[layer], theta, space, options, layer, progress))?
    } else {
        let potential = network(checkpoint, manifold)?;
        each(&model, |layer, theta| by_dimension(&potential, theta, space, options, layer, progress))?
    };
    let certified = layers.iter().all(|layer| matches!(layer.verdict, LayerVerdict::Certified { .. }));
    Ok(Proof { manifold: manifold.to_string(), certified, layers })
}

/// Whether proofs are compiled for the manifold: products of tori and spheres of low dimension.
pub(crate) fn is_provable(manifold: &AnyManifold) -> bool {
    let compact = |run: &Coordinates| matches!(run, Coordinates::Angles(_) | Coordinates::UnitVector(_));
    (1..=LARGEST).contains(&manifold.dim()) && manifold.coordinates().iter().all(compact)
}

/// What is proven of layers of charges: see [`LayerPositivity`].
fn of_charges(
    checkpoint: &Checkpoint,
    model: &Model,
    options: &Options,
    progress: Watch<'_>,
) -> Result<Proof, ProofError> {
    let manifold = model.flow.manifold();
    let lattice = LatticeFlow::new(&checkpoint.config, manifold)
        .map_err(|error| ProofError::Charges { problem: error.to_string() })?;
    let effort = Effort { tolerance: options.tolerance, points: options.cells as usize };
    let mut layers = vec![];
    for layer in 0..lattice.maps.len() {
        let go_on = || progress(layer, &Progress { cells: 0, waiting: 0, proven: 0.0, estimate: f64::NAN });
        let seed = checkpoint.config.seed;
        let LayerPositivity { lowest, point, proof, points } =
            LayerPositivity::new(&lattice, layer, &model.theta, seed, effort, &go_on);
        let verdict = match proof {
            EigenvalueBound::AtLeast(bound) => LayerVerdict::Certified { bound },
            EigenvalueBound::AtMost(bound) => LayerVerdict::Refuted { point, bound },
            EigenvalueBound::Nothing => LayerVerdict::Undecided { cell: vec![], bound: f64::NEG_INFINITY },
            EigenvalueBound::Unknown => LayerVerdict::Searched,
        };
        let (estimate, cells, record) = (lowest, points as u64, Record::default());
        layers.push(LayerProof { layer: layer + 1, verdict, estimate, cells, record });
        if matches!(layers.last(), Some(LayerProof { verdict: LayerVerdict::Refuted { .. }, .. })) {
            break;
        }
    }
    let certified = layers.iter().all(|layer| matches!(layer.verdict, LayerVerdict::Certified { .. }));
    Ok(Proof { manifold: manifold.to_string(), certified, layers })
}

/// The potentials of linear layers, the first applied first.
pub(crate) fn linear(checkpoint: &Checkpoint, manifold: &AnyManifold) -> Vec<Linear<Terms>> {
    // That the functions are of the manifold was checked when the model was made.
    checkpoint.state.terms.iter().filter_map(|terms| terms.on(manifold)).map(Linear).collect()
}

/// The network of a configuration, averaged over its group.
pub(crate) fn network(
    checkpoint: &Checkpoint,
    manifold: &AnyManifold,
) -> Result<Average<Network>, ProofError> {
    let model = &checkpoint.config.model;
    if model.energy.is_some() {
        return Err(ProofError::Potential { potential: "functions of the target's energy" });
    }
    let (features, group) = features(checkpoint, manifold)?;
    Ok(Average::new(Network::new(features, &model.hidden, model.output_scale), group))
}

/// What the network of a configuration sees, and the group that it is averaged over.
pub(crate) fn features(
    checkpoint: &Checkpoint,
    manifold: &AnyManifold,
) -> Result<(FeatureMap, Group), FlowError> {
    let model = &checkpoint.config.model;
    let symmetries = Symmetries::new(&model.symmetry, manifold)?;
    let features = symmetries.features(&model.features.clone().into(), manifold)?;
    Ok((features, symmetries.group().clone()))
}

/// Layer after layer of those with parameters of their own, up to the first that is not certified.
fn each(
    Model { flow, theta, .. }: &Model,
    prove: impl Fn(usize, &[f64]) -> Result<LayerProof, ProofError>,
) -> Result<Vec<LayerProof>, ProofError> {
    let mut proofs = vec![];
    for layer in 0..if flow.is_shared() { 1 } else { flow.layers() } {
        let proof = prove(layer, &theta[flow.slot(layer)])?;
        let certified = matches!(proof.verdict, LayerVerdict::Certified { .. });
        proofs.push(proof);
        if !certified {
            break;
        }
    }
    Ok(proofs)
}

/// The coordinates and the dimension of the manifold.
#[derive(Clone, Copy)]
pub(crate) struct Space<'a> {
    pub(crate) coordinates: &'a [Coordinates],
    pub(crate) dimension: usize,
}

/// The proof for a layer on a manifold of one of the dimensions.
fn by_dimension<E: Expression>(
    potential: &E,
    theta: &[f64],
    space: Space<'_>,
    options: &Options,
    layer: usize,
    progress: Watch<'_>,
) -> Result<LayerProof, ProofError> {
    let of = [of_layer::<E, 1>, of_layer::<E, 2>, of_layer::<E, LARGEST>][space.dimension - 1];
    of(potential, theta, space, options, layer, progress)
}

fn of_layer<E: Expression, const D: usize>(
    potential: &E,
    theta: &[f64],
    space: Space<'_>,
    options: &Options,
    layer: usize,
    progress: Watch<'_>,
) -> Result<LayerProof, ProofError> {
    let refused = |source| ProofError::Layer { layer: layer + 1, source };
    let proof = Layer::<E, D>::on(space.coordinates, potential, theta).map_err(refused)?;
    let Outcome { verdict, estimate, cells, record } =
        proof.certify(options, &|state| progress(layer, state));
    let verdict = match verdict {
        Verdict::Certified { bound } => LayerVerdict::Certified { bound },
        Verdict::Refuted { point, bound } => LayerVerdict::Refuted { point, bound },
        Verdict::Undecided { cell, bound } => LayerVerdict::Undecided { cell, bound },
    };
    Ok(LayerProof { layer: layer + 1, verdict, estimate, cells, record })
}

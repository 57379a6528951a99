//! What can go wrong with a flow.

use thiserror::Error;

/// Why a flow cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FlowError {
    /// The features do not fit the manifold.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// The symmetries do not fit the manifold, or each other.
    #[error(transparent)]
    Symmetry(#[from] SymmetryError),
    /// The manifold is of a type for which no kernels are compiled.
    #[error(
        "{manifold} is no product of tori, spheres and Euclidean spaces, for which alone Flow::new has kernels: build its layers \
         with ConcaveMap::new, and stack them with Flow::from_maps"
    )]
    NoKernels {
        /// Name of the manifold.
        manifold: String,
    },
    /// The manifold has a dimension for which no kernels are compiled.
    #[error(
        "{manifold} has dimension {dim}, but kernels are compiled for dimensions 1 to {largest}: take a smaller manifold, or a \
         map of your own"
    )]
    Dimension {
        /// Name of the manifold.
        manifold: String,
        /// Its dimension.
        dim: usize,
        /// Largest dimension with kernels.
        largest: usize,
    },
    /// A size that must not be zero is zero.
    #[error("{what} must not be zero")]
    Zero {
        /// Which size.
        what: &'static str,
    },
    /// A number is out of its range.
    #[error("{what} is {value}, which must be positive and finite")]
    NotPositive {
        /// Which number.
        what: &'static str,
        /// The number, in words, because floats have no equality that an error type could derive.
        value: String,
    },
    /// The solver's numbers are out of range.
    #[error(transparent)]
    Solver(#[from] SolverError),
    /// A layer cannot be built.
    #[error(transparent)]
    Map(#[from] MapError),
    /// A layer is a map of another manifold than the flow's.
    #[error(
        "layer {layer} is a map of {found}, but the flow is on {expected}: build all layers on one manifold"
    )]
    OtherManifold {
        /// Index of the layer, from 0.
        layer: usize,
        /// Manifold of the flow.
        expected: String,
        /// Manifold of the layer.
        found: String,
    },
    /// Layers that should have the same parameters have different numbers of them.
    #[error(
        "layer {layer} has {found} parameters and layer 0 has {expected}: such layers cannot share parameters"
    )]
    NotShared {
        /// Index of the layer, from 0.
        layer: usize,
        /// Parameters of the first layer.
        expected: usize,
        /// Parameters of this layer.
        found: usize,
    },
}

/// Why features do not fit a manifold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("these features do not fit {manifold}: {reason}")]
pub struct FeatureError {
    /// Name of the manifold.
    pub manifold: String,
    /// What is wrong and what to do.
    pub reason: String,
}

/// Why symmetries do not fit a manifold, or each other.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the symmetry `{symmetry}` does not fit {manifold}: {reason}")]
pub struct SymmetryError {
    /// Name of the manifold.
    pub manifold: String,
    /// The symmetry, or all of them.
    pub symmetry: String,
    /// What is wrong and what to do.
    pub reason: String,
}

/// Why a solver cannot work.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SolverError {
    /// No step may be taken.
    #[error("the solver's number of steps must not be zero")]
    NoSteps,
    /// The tolerance is out of range.
    #[error("the solver's tolerance is {value}, which must be positive and finite")]
    Tolerance {
        /// The tolerance, in words.
        value: String,
    },
}

/// Why a layer cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MapError {
    /// The manifold has another dimension than the map was compiled for.
    #[error("{manifold} has dimension {dim}, but this map is compiled for dimension {compiled}")]
    Dimension {
        /// Name of the manifold.
        manifold: String,
        /// Its dimension.
        dim: usize,
        /// The map's dimension.
        compiled: usize,
    },
    /// The potential reads other points than the manifold has.
    #[error("points of {manifold} have {ambient} coordinates, but the potential reads {inputs}")]
    Coordinates {
        /// Name of the manifold.
        manifold: String,
        /// Coordinates of its points.
        ambient: usize,
        /// Coordinates that the potential reads.
        inputs: usize,
    },
    /// The potential was made for points whose coordinates are of other kinds.
    #[error(
        "the potential was made for other coordinates than those of {manifold}, for example for angles where they are unit vectors: \
         make its features for this manifold"
    )]
    Kinds {
        /// Name of the manifold.
        manifold: String,
    },
    /// The solver's numbers are out of range.
    #[error(transparent)]
    Solver(#[from] SolverError),
}

/// Why a sample has no image or no preimage.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum SampleError {
    /// The point is not on the manifold.
    #[error("sample {sample} is not a point of the manifold: {source}")]
    Point {
        /// Index in the batch.
        sample: usize,
        /// What is wrong with it.
        source: ircpm_manifolds::InvalidPoint,
    },
    /// A parameter is infinite or not a number.
    #[error("parameter {index} is {value}: all parameters must be finite")]
    Parameter {
        /// Index of the first such parameter.
        index: usize,
        /// The parameter.
        value: f64,
    },
    /// The inner minimisation ran out of steps.
    #[error(
        "sample {sample}: the inner minimisation stopped after {steps} steps with a residual of {residual:.1e} rad; \
         psi is likely not c-concave here: lower its scale, or raise solver.max_steps for gradient descent"
    )]
    MaxSteps {
        /// Index in the batch.
        sample: usize,
        /// Steps taken.
        steps: usize,
        /// Norm of the objective's gradient, in radians.
        residual: f64,
    },
    /// A critical point was found where the Hessian `H` is not positive definite, or beyond the injectivity radius.
    #[error(
        "sample {sample}: the Hessian of the inner objective is not positive definite at the point found; the map \
         folds here, or the point lies beyond the injectivity radius, or its numbers overflow: lower the scale of psi"
    )]
    NotConvex {
        /// Index in the batch.
        sample: usize,
    },
}

//! Implicit Riemannian concave potential maps (arXiv:2110.01288): normalising flows on curved spaces with exact
//! likelihoods.
//!
//! A *potential* psi is a small function on a manifold. The map
//!
//! `T(x) = argmin_y d(x, y)²/2 + psi(y) = exp_x(−grad phi(x))`, `phi(x) = min_y d(x, y)²/2 + psi(y)`,
//!
//! pushes a base density to a density `q`. By the envelope theorem the image is the minimiser itself, and the inverse
//! `T⁻¹(y) = exp_y(grad psi(y))` needs no solve. The log-determinant is a function of `(grad psi, Hess psi)` at `y`
//! alone, and every gradient that training needs is that of one contraction of second derivatives of psi.
//!
//! ```
//! use ircpm_flow::{Features, Flow, FlowSpec, Solver};
//!
//! let flow = Flow::new(FlowSpec {
//!     manifold: "T2".parse()?,
//!     layers: 1,
//!     shared: true,
//!     hidden: vec![8, 8],
//!     features: Features::Harmonics { order: 1 },
//!     symmetry: vec![],
//!     output_scale: 1.0,
//!     solver: Solver::default(),
//! })?;
//! let theta = flow.initial(0);
//! let samples = flow.sample(&theta, 1000, 7);
//! let log_q = flow.log_prob(&theta, &samples.y);
//! assert!(log_q.iter().zip(&samples.log_q).all(|(a, b)| (a - b).abs() < 1e-12));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to look
//!
//! | module | what it has |
//! |---|---|
//! | [`stack`] | [`Flow`]: a stack of maps as a density, in both directions, with samples, scores and gradients |
//! | [`map`] | [`Map`]: one layer behind plain slices; [`ConcaveMap`]: the map of a potential on a manifold |
//! | [`map::discrete`] | [`DiscreteMap`]: the map of a minimum over finitely many points, a baseline |
//! | [`map::solve`], [`map::log_det`], [`map::pull_back`] | the minimisation, the log-determinant, the implicit gradients |
//! | [`potential`] | [`Expression`] and [`Potential`]: what psi must offer; the network, symmetries, averages over groups |
//!
//! # Notation
//!
//! | symbol | meaning |
//! |---|---|
//! | `M`, `D`, `n` | the manifold, its dimension, the number of ambient coordinates of a point |
//! | `x`, `y` | a base point, and its image `T(x)` |
//! | `c(x, y)` | the cost `d(x, y)²/2` |
//! | `psi`, `phi` | the potential, and its c-concave dual |
//! | `g`, `H` | `grad psi(y)` and `Hess_y c + Hess psi(y)`, in the frame at `y` |
//! | `B` | the mixed derivative `∂x∂y c` |
//! | `ℓ` | `log|det DT(x)| = log|det B| − log det H` |
//! | `θ`, `P` | the parameters, and their number |
//! | `*_bar` | a cotangent: the derivative of a loss in `*` |
//!
//! # A manifold, a potential or a layer of one's own
//!
//! [`ConcaveMap::new`] takes any [`ircpm_manifolds::Cost`] and [`Potential`]; [`Flow::from_maps`] stacks any [`Map`]s.
//! The examples `own_potential` and `sample` show how.
//!
//! # Limits
//!
//! [`Flow::new`] has kernels for dimensions up to [`stack::MAX_DIM`]. A map is a diffeomorphism only where `H` is
//! positive definite *everywhere*, which no round trip can tell: ask [`Flow::inverse_with_eigenvalues`] at many points.
//! Generic code is compiled in the crate that uses it, so an embedder's debug build needs `opt-level = 2` in its own
//! `[profile.dev]`, without which it is some 200 times slower.

#![allow(
    clippy::needless_range_loop,
    clippy::manual_memcpy,
    reason = "index loops over packs: a closure or a copy may be compiled without the instruction set"
)]

pub mod check;
mod error;
mod lanes;
pub mod map;
pub mod potential;
mod small;
pub mod stack;

pub use error::{FeatureError, FlowError, MapError, SampleError, SolverError, SymmetryError};
pub use lanes::Workspace;
pub use map::{
    ConcaveMap, Cotangents, Direction, Discrete, DiscreteError, DiscreteMap, Gradients, LinearMap, Map,
    Method, Minimiser, MinimiserError, OrbitGroup, Record, Saved, SolveStats, Solver, ThetaGradient,
    Variation,
};
pub use potential::{
    Affine, Average, Conditioning, Derived, Dictionary, Energy, EnergyShaped, EvaluatedPack, Expression,
    FeatureMap, Features, Group, InvalidSymmetry, Linear, MAX_ORDER, Mlp, Network, NotAGroup, PointGroup,
    Potential, Shape, Symmetries, Symmetry, Terms, partial_derivatives, partials,
};
pub use small::Cholesky;
pub use stack::{
    BLOCK, Condition, Differential, Extreme, FactorBound, Flow, FlowSpec, Jacobian, LayerBounds, Part,
    Pullback, Pulled, Pushed, Scores, SignedDensities, Tangent, linear_map,
};

/// The example of the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

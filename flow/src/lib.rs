//! Implicit Riemannian concave potential maps: `T(x) = argmin_y d(x, y)²/2 + psi(y)` for a network psi on a manifold.
//!
//! By the envelope theorem `T(x) = exp_x(−grad phi(x))` is the minimiser itself, and its inverse
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
//!     output_scale: 1.0,
//!     solver: Solver::default(),
//! })?;
//! let theta = flow.initial(0);
//! let pushed = flow.try_forward(&theta, &[0.5, 1.0, 3.0, 6.0])?;
//! let pulled = flow.inverse(&theta, &pushed.y);
//! assert!((pulled.x[3] - 6.0).abs() < 1e-12 && (pulled.log_q[1] - pushed.log_q[1]).abs() < 1e-12);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where to look, from the top: [`stack`] is the flow, a stack of maps as a density; [`map`] one layer, with the inner
//! minimisation ([`map::solve`]), its log-determinant ([`map::log_det`]) and its gradients ([`map::pull_back`]);
//! [`potential`] says what psi must offer and has the network. Limits: dimensions up to [`stack::MAX_DIM`]; a map
//! is a diffeomorphism only where the Hessian `H` is positive definite *everywhere*, which no round trip can tell: see
//! [`Pulled::min_eigenvalue`].

mod error;
mod lanes;
pub mod map;
pub mod potential;
mod small;
pub mod stack;

pub use error::{FeatureError, FlowError, MapError, SampleError, SolverError};
pub use lanes::Workspace;
pub use map::{
    ConcaveMap, Cotangents, Direction, Gradients, Map, Method, Record, Saved, SolveStats, Solver,
    ThetaGradient,
};
pub use potential::{
    Affine, Average, Derived, EvaluatedPack, Expression, FeatureMap, Features, Mlp, Network, NotAGroup,
    Potential,
};
pub use small::Cholesky;
pub use stack::{
    BLOCK, Differential, Flow, FlowSpec, Jacobian, Part, Pullback, Pulled, Pushed, Scores, Tangent,
};

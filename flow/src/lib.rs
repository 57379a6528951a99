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
//! Where to look: [`potential`] says what psi must offer, [`mlp`] is the network, [`solve`] the minimisation, [`log_det`]
//! and [`pull_back`] the formulas, [`map`] one layer, [`flow`] the stack. Limits: dimensions up to [`flow::MAX_DIM`]; a map
//! is a diffeomorphism only where the Hessian `H` is positive definite *everywhere*, which no round trip can tell: see
//! [`Pulled::min_eigenvalue`].

mod approach;
mod average;
mod batch;
mod cholesky;
mod error;
mod features;
mod floor;
pub mod flow;
pub mod gradient;
pub mod jacobian;
mod kept;
pub mod log_det;
pub mod map;
pub mod mlp;
mod network;
mod plain;
pub mod potential;
pub mod pull_back;
mod site;
pub mod solve;
mod spectrum;
mod tile;
mod trace;
mod workspace;

pub use average::{Affine, Average};
pub use cholesky::Cholesky;
pub use error::{FlowError, SolveError};
pub use features::{FeatureMap, Features};
pub use flow::{Flow, FlowSpec, Pulled, Pushed};
pub use gradient::Part;
pub use jacobian::{Jacobian, Scores};
pub use kept::Seen;
pub use map::{ConcaveMap, Direction, Map};
pub use mlp::Mlp;
pub use network::Network;
pub use plain::Plain;
pub use potential::{Expression, Potential, Turn};
pub use pull_back::{Cotangents, Gradients, ThetaGradient};
pub use solve::{Method, Solver};
pub use trace::{SolveStats, Trace};
pub use workspace::Workspace;

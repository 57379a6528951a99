//! Proofs that the map of a potential is a diffeomorphism, or that it is not.
//!
//! The map of a potential psi on a product of tori and spheres is a diffeomorphism if and only if `H = Hess c + Hess psi`
//! is positive definite at every point, and `|grad psi|` stays below π on spheres: section 39 of `docs/mathematics.md`.
//! Samples cannot show that. Here the charts of the manifold, of angles and of the faces of cubes around spheres, are
//! cut into boxes, *cells*; on each the entries of `H` are enclosed by interval arithmetic ([`ircpm_ad::interval`]), and
//! where the enclosure does not prove enough the cell is halved. [`Layer::new`] takes a torus, [`Layer::on`] any of these
//! manifolds.
//!
//! ```
//! use std::ops::ControlFlow::Continue;
//!
//! use ircpm_ad::Scalar;
//! use ircpm_certify::{Layer, Options, Verdict};
//! use ircpm_flow::Expression;
//!
//! /// `θ₀ cos z₀ + θ₁ cos z₁` on T², whose `H` has the eigenvalues `1 − θᵢ cos zᵢ`.
//! #[derive(Debug)]
//! struct Field;
//!
//! impl Expression for Field {
//!     fn inputs(&self) -> usize {
//!         2
//!     }
//!     fn parameters(&self) -> usize {
//!         2
//!     }
//!     fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
//!         theta[0] * z[0].cos() + theta[1] * z[1].cos()
//!     }
//! }
//!
//! let layer = Layer::<_, 2>::new(&Field, &[0.5, 0.25])?;
//! match layer.certify(&Options::default(), &|_| Continue(())).verdict {
//!     Verdict::Certified { bound } => assert!(bound > 0.47 && bound <= 0.5),
//!     other => panic!("{other:?}"),
//! }
//! let folded = Layer::<_, 2>::new(&Field, &[1.5, 0.25])?;
//! assert!(matches!(folded.certify(&Options::default(), &|_| Continue(())).verdict, Verdict::Refuted { .. }));
//! # Ok::<(), ircpm_certify::CertifyError>(())
//! ```
//!
//! # Densities
//!
//! [`Density`] bounds `log q + βu` over the manifold from both sides, where q is the density of a stack of layers and
//! `exp(−βu)` a target. Both are Taylor models over a cell ([`TaylorModel`]), so that what cancels between them does so
//! in the proof. The bounds prove `log Z`, KL and ESS, and that rejection gives exact samples of the target: section 40 of
//! `docs/mathematics.md`.
//!
//! # What is proven
//!
//! The function `psi` is that of [`Expression::value`] in exact arithmetic, with the parameters as given. Programs
//! evaluate it in floating point: rounding errors of samples are not part of the statement. `psi` must have the period
//! 2π in every angle, which no enclosure can tell; the features of networks see to it. Where psi branches
//! ([`ircpm_ad::Scalar::select_gt`]), its branches must agree up to their second derivatives: see
//! [`ircpm_ad::interval`]. A concave kink, such as that of `−|sin z|`, folds the map and is not seen. The energy of a
//! [`Density`] may have the kinks of `abs`, `min` and `max`.
//!
//! # Limits
//!
//! Tori, unit spheres and their products; densities in up to three dimensions. The number of cells grows exponentially with
//! the dimension. A model whose smallest eigenvalue is within rounding of zero stays undecided.

#![allow(clippy::needless_range_loop, reason = "the indices of tensors")]

mod atlas;
mod cell;
mod cost;
mod cubic;
mod density;
mod density_search;
mod eigenvalue;
mod error;
mod hessian;
mod inverse_map;
mod layer;
mod model_jet;
mod options;
mod record;
mod search;
mod stack;
mod taylor_model;

pub use density::{Density, EnergyModel};
pub use density_search::{DensityBounds, DensityOptions, DensityProgress};
pub use error::CertifyError;
pub use layer::Layer;
pub use options::{Options, Progress};
pub use record::Record;
pub use search::{Outcome, Verdict};
pub use stack::{StackVerdict, certify_stack};
pub use taylor_model::{SpaceModel, TaylorModel};

#[cfg(doc)]
use ircpm_flow::Expression;

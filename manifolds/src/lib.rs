//! Riemannian manifolds, as far as a potential map needs them.
//!
//! | type | name | coordinates of a point | base density | cost `d²/2` is smooth within |
//! |---|---|---|---|---|
//! | [`Torus`] | `T2` | `n` angles in radians | uniform | no bound, on the cover |
//! | [`Sphere`] | `S2` | unit vector of `n + 1` | uniform | `π` |
//! | [`Euclidean`] | `R3` | `n` | standard normal | no bound |
//! | [`Product`] | `S2xT1` | the factors', one after the other | product | each factor's own |
//!
//! Geometry is written once over [`ircpm_ad::Scalar`]: on `f64`, on packs of samples, on dual numbers and jets.
//!
//! ```
//! use ircpm_manifolds::{Manifold, Product};
//!
//! // A quarter of the way around the sphere, and a quarter of a turn through zero.
//! let m: Product = "S2xT1".parse()?;
//! let (p, q) = ([1.0, 0.0, 0.0, 6.0], [0.0, 1.0, 0.0, 1.0]);
//! let v = m.try_log(&p, &q)?;
//! assert!((v[1] - std::f64::consts::FRAC_PI_2).abs() < 1e-15);
//! assert!((v[3] - (std::f64::consts::TAU - 5.0)).abs() < 1e-15);
//!
//! let mut end = [0.0; 4];
//! m.exp(&p, &v, &mut end);
//! m.wrap(&mut end);
//! assert!(m.distance(&end, &q) < 1e-15);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where to look: [`Manifold`] says what the flow asks; [`torus`], [`sphere`], [`euclidean`] and [`product`] answer;
//! [`mod@error`] says what can be wrong. A new manifold implements the trait, and
//! [`check`] tries it. Limits:
//! radii are one and periods `2π` (rescale the cost instead), and frames are dense `D × n` matrices.

mod any;
mod arc_over_sine;
pub mod base;
pub mod blocks;
mod box_muller;
pub mod check;
pub mod coordinates;
pub mod cost;
mod derived;
pub mod error;
pub mod euclidean;
mod factor;
mod flat_metric;
pub mod manifold;
pub mod product;
mod slices;
pub mod sphere;
pub mod torus;

pub use any::AnyManifold;
pub use base::Base;
pub use blocks::{Block, BlockMut};
pub use coordinates::Coordinates;
pub use cost::Cost;
pub use error::{CutLocus, InvalidManifold, InvalidPoint};
pub use euclidean::Euclidean;
pub use factor::Factor;
pub use manifold::Manifold;
pub use product::Product;
pub use sphere::Sphere;
pub use torus::Torus;

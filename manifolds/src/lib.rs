//! Riemannian manifolds, as far as flows, samplers and optimisers need them.
//!
//! | type | name | coordinates of a point | base density | cost `d²/2` is smooth within |
//! |---|---|---|---|---|
//! | [`Torus`] | `T2` | `n` angles in radians | uniform | no bound, on the cover |
//! | [`Sphere`] | `S2` | unit vector of `n + 1` | uniform | `π` |
//! | [`Euclidean`] | `R3` | `n` | standard normal | no bound |
//! | [`Context`] | `C2` | `k` conditioning variables | none | no bound |
//! | [`Product`] | `S2xT1` | the factors', one after the other | product | each factor's own |
//!
//! Geometry is written once over [`ircpm_ad::Scalar`]: on `f64`, on packs of samples, on dual numbers and jets.
//!
//! ```
//! use ircpm_manifolds::{Manifold, Product};
//!
//! // A quarter of the way around the sphere, and an angle that crosses zero.
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
//! # Traits
//! [`Manifold`] is the geometry, [`Cost`] adds the second derivatives of `c = d²/2`, and [`Base`] adds a density to
//! draw points from. A function asks for what it uses: `M: Manifold`, `M: Cost`, or `M: Cost + Base`.
//!
//! # A manifold of one's own
//! Thirteen methods have no default: eight of [`Manifold`], one of [`Cost`] and four of [`Base`]. The others are
//! derived from `exp`, `log`, `frame` and `transport` by automatic differentiation, exact but slow; override them one
//! by one. `examples/own_manifold.rs` shows the projective spaces, and [`check::violations`] tries the laws:
//!
//! ```
//! use ircpm_manifolds::{AnyManifold, Sphere, check};
//! let sphere = Sphere::new(2)?;
//! assert!(check::violations(&sphere, 1).is_empty());
//! let any = AnyManifold::from(sphere); // its type erased, over `f64` slices
//! assert_eq!(any.to_string(), "S2");
//! # Ok::<(), ircpm_manifolds::InvalidManifold>(())
//! ```
//!
//! # Where to look
//! [`manifold`], [`cost`] and [`base`] are the traits; [`torus`], [`sphere`], [`euclidean`], [`product`] and [`context`]
//! implement them; [`coordinates`] says what a point's numbers mean; [`blocks`] are the matrix views of the traits' methods;
//! [`mod@error`] says what can be wrong.
//!
//! # Limits
//! Radii are one and periods `2π` (rescale the cost instead). Frames are dense `D × n` matrices. [`Cost`] describes
//! homogeneous, locally symmetric spaces only. Generic code is compiled in the crate that calls it: a debug build
//! there needs `opt-level = 2` to be fast.

#![allow(
    clippy::needless_range_loop,
    clippy::manual_memcpy,
    reason = "index loops over packs: a closure or a copy may be compiled without the instruction set"
)]

mod any;
mod arc_over_sine;
pub mod base;
pub mod blocks;
mod box_muller;
pub mod check;
pub mod context;
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
pub use context::Context;
pub use coordinates::Coordinates;
pub use cost::Cost;
pub use error::{CutLocus, InvalidManifold, InvalidPoint};
pub use euclidean::Euclidean;
pub use factor::Factor;
pub use manifold::Manifold;
pub use product::Product;
pub use sphere::Sphere;
pub use torus::Torus;

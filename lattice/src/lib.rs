//! Implicit Riemannian concave potential maps of lattices: hundreds of angles with exact densities.
//!
//! The potential is a sum of cosines of integer combinations of a few angles each, `psi = Σ θ cos(q·y)/|q|²`, tied by the
//! symmetries of the lattice. Its gradient and Hessian are closed forms, and `H = I + Hess psi` is banded, sparse, or
//! diagonal with a part of low rank, so that log-determinants, solves and gradients are exact at a cost that grows with
//! the number of angles only as elimination does: linearly on chains. A [`LatticeMap`] is a layer of the ordinary
//! [`ircpm_flow::Flow`], whose losses, samples and estimates need no word about it. A small network at the angles of every
//! window, [`Windows`], is the other family of such potentials, and [`Unimodular`] changes coordinates between layers.
//!
//! ```
//! use std::sync::Arc;
//!
//! use ircpm_flow::{Flow, Map, Solver};
//! use ircpm_lattice::{Chain, LatticeMap};
//!
//! // Three layers on an open chain of 64 angles.
//! let layer = || -> Result<Arc<dyn Map>, Box<dyn std::error::Error>> {
//!     Ok(Arc::new(LatticeMap::new(Chain::default().charges(64)?, Solver::default())?))
//! };
//! let flow = Flow::from_maps(vec![layer()?, layer()?, layer()?], false)?;
//! let theta = flow.initial(0);
//! let samples = flow.try_forward(&theta, &flow.sample(&theta, 100, 1).y)?;
//! let log_q = flow.log_prob(&theta, &samples.y);
//! assert!(log_q.iter().zip(&samples.log_q).all(|(a, b)| (a - b).abs() < 1e-10));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to look
//!
//! | module | what it has |
//! |---|---|
//! | [`charges`] | [`Charges`]: the potential; [`Chain`] and [`Square`]: all terms of a lattice up to a range and degree |
//! | [`windows`] | [`Windows`]: the other family, networks on windows; [`ChainWindows`] and [`SquareWindows`]: those of a lattice |
//! | [`map`] | [`LatticeMap`]: the map of either, a layer of a flow |
//! | [`metric`] | [`Metric`]: another flat metric of the torus, in which neighbours are tied to each other |
//! | [`factor`] | [`Form`]: how `H` is factored |
//! | [`certificate`] | [`certify`]: a proof for chains that `H` is positive definite everywhere |
//! | [`matrix_free`] | estimates of `log det H` and its gradient by products with vectors alone, for training only |
//! | [`wall`] | [`Wall`]: parameters that keep `H` positive definite, by the worst of a pool of points |
//!
//! # Larger lattices
//!
//! The number of parameters does not grow with the lattice. [`Charges::parameters_from`] carries those of a small one to
//! a large one, where they serve unchanged: the divergence grows with the number of sites.
//!
//! # Limits
//!
//! A map is a diffeomorphism only where `H` is positive definite everywhere. [`wall::search`] looks for the worst point,
//! and what it does not find is no proof, which for charges on chains [`certify`] gives; for windows there is none. Elimination
//! is without pivots: where `H` is nearly singular but not positive
//! definite, the signs and logarithms of [`ircpm_flow::Map::signed_log_dets`] lose digits.

#![allow(
    clippy::needless_range_loop,
    clippy::manual_memcpy,
    reason = "index loops over packs: a closure or a copy may be compiled without the instruction set"
)]

pub mod certificate;
pub mod charges;
mod error;
pub mod factor;
mod lanes;
pub mod map;
pub mod matrix_free;
pub mod metric;
mod potential;
mod program;
mod unimodular;
pub mod wall;
pub mod windows;

pub use certificate::{Bound, Certificate, certify, lower_bound};
pub use charges::{Chain, Charges, Square, Term};
pub use error::{CertificateError, ChargesError, MatrixFreeError, TransferError, UnimodularError, WallError};
pub use factor::{Form, Structure};
pub use map::LatticeMap;
pub use metric::Metric;
pub use potential::LatticePotential;
pub use unimodular::Unimodular;
pub use wall::{Scaled, Wall, WallState, Worst};
pub use windows::{ChainWindows, Perceptron, SquareWindows, Window, Windows};

/// The example of the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! A manifold ODE flow, the rival that integrates a velocity field: `dy/dt = grad psi(y, t)` for `t` from 0 to 1.
//!
//! The divergence of the field is the Laplacian of psi, so that `log q` of an image is `log base(x) − ∫ Δpsi dt`
//! (Mathieu & Nickel 2020, *Riemannian Continuous Normalizing Flows*, arXiv:2006.10605). A psi that is invariant under
//! a group of isometries makes a flow that commutes with it (Katsman et al. 2021, *Equivariant Manifold Flows*,
//! arXiv:2107.08596). Here psi is the same network on the same features as in a concave potential map, with time as one
//! more input where it is asked for.
//!
//! | file | what it has |
//! |---|---|
//! | `field` | velocity and divergence at a pack of points, and their pull-back |
//! | `runge_kutta` | one step of the classical method of order four, and its pull-back |
//! | `flow` | [`OdeFlow`]: images and densities of batches, in both directions |
//! | `gradient` | reverse KL with its gradient in the parameters, through all steps |
//! | `objective` | the same as an objective of the crate's optimisers, with the number of steps that it needs |
//!
//! # What it shares with the map, and what it lacks
//!
//! Packs, instruction sets, threads and every kernel of the network are those of the map: jets for the field, the
//! contraction from saved units for third derivatives. The Laplacian is exact, and gradients are those of the discretised
//! flow to rounding. It lacks an embedded error estimate within a sample: steps have one length, whose number is
//! chosen for a batch. Everything is in double precision, where the map's solve begins in single precision.

mod field;
mod flow;
mod gradient;
mod objective;
mod runge_kutta;
#[cfg(test)]
mod tests;

pub use flow::{Images, OdeFlow};
pub use objective::OdeObjective;

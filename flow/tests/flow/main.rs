//! The flow against independent oracles: nested duals, unrolled solves, finite differences, quadrature, symmetry.
#![allow(clippy::needless_range_loop, reason = "indices as in the formulas")]

mod bounds;
mod checks;
mod derivatives;
mod differentials;
mod eigen;
mod energies;
mod equivariance;
mod gradients;
mod inverse;
mod lemmas;
mod linear;
mod minimiser;
mod networks;
mod own;
mod scores;
mod second_contraction;
mod solver;
mod symmetries;
mod unrolled;

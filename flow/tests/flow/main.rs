//! The flow against independent oracles: nested duals, unrolled solves, finite differences, quadrature, symmetry.

mod derivatives;
mod equivariance;
mod gradients;
mod inverse;
mod jacobian;
mod networks;
mod second_contraction;
mod solver;
mod spectrum;
mod unrolled;

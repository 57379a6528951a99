//! Points to train and to measure on: sequences in the cube, base points on the manifold, quadrature rules.

mod base;
mod lattice;
mod quadrature;
mod sequence;

pub use base::base_points;
pub use quadrature::Quadrature;
pub use sequence::{Sequence, Spread, UnknownSpread};

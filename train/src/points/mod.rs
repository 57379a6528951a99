//! Points to train and to measure on: sequences in the cube, base points on the manifold, quadrature rules.

mod base;
mod generator;
mod lattice;
mod neighbour;
mod quadrature;
mod sequence;

pub use base::{base_point_blocks, base_points};
pub use generator::Generator;
pub(crate) use neighbour::neighbour;
pub use quadrature::Quadrature;
pub(crate) use quadrature::gauss_legendre;
pub use sequence::{Sequence, Spread};

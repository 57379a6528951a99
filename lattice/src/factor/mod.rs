//! Factors `P H Pᵀ = L D Lᵀ` of symmetric matrices of one pattern, one matrix per lane, without pivoting.
//!
//! The pattern is analysed once. The same program of contiguous runs then eliminates every matrix, in all lanes alike.

mod form;
mod inverse;
mod ldl;
mod ordering;
mod symbolic;

pub(crate) use form::choose;
pub use form::{Form, Structure};
pub(crate) use ldl::Ldl;
pub(crate) use symbolic::{Symbolic, cost_of_clique};

/// Most multiplications of one elimination that a map is compiled for: a dense `H` of some 1850 sites,
/// or a square lattice larger than any whose terms are few enough for a potential.
pub const MOST_MULTIPLICATIONS: usize = 1 << 30;

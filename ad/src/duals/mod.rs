//! The dual number types: first derivatives, all second derivatives, or one sum of second derivatives.

mod coefficients;
mod dual;
mod jet;
mod lap;
mod operators;

pub(crate) use coefficients::{flatten, flatten_mut};
pub use dual::{Dual, HyperDual};
pub use jet::Jet;
pub use lap::Lap;

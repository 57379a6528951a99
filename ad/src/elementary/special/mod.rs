//! Special functions: the error function, the logarithm of the gamma function, and scaled Bessel functions.
//!
//! Values are found lane by lane, to a few units in the last place; each function's derivatives are functions of the
//! same family, so that no order loses digits to cancellation.

mod bessel;
mod erf;
mod gamma;

pub use bessel::{BesselI0e, BesselI1e};
pub use erf::{erf, erfc};
pub use gamma::{Polygamma, log_gamma};

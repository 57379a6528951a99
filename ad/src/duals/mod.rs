//! The number types that carry derivatives: see the table on the crate's front page.

mod coefficients;
mod display;
mod dual;
mod guarded;
mod jet;
mod lap;
#[cfg(feature = "num-traits")]
mod num_traits;
mod operators;
#[cfg(feature = "serde")]
mod serde;
mod taylor;

pub(crate) use coefficients::{flatten, flatten_mut};
pub use dual::{Dual, HyperDual};
pub use guarded::Guarded;
pub use jet::Jet;
pub use lap::Lap;
pub use taylor::Taylor;

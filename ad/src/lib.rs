//! Forward-mode automatic differentiation for functions whose *third* derivatives are wanted exactly.
//!
//! A function is written once over [`Scalar`]; the type it is called with decides what comes out:
//!
//! | type | carries | coefficients |
//! |---|---|---|
//! | `f64`, and the packs of a [`Kernel`] | the value, of one sample or of several in lanes | 1 |
//! | [`Dual<S, D>`](Dual) | first derivatives in `D` directions; nests to any order | 1 + D |
//! | [`Jet<S, D>`](Jet) | gradient and Hessian | 1 + D + D² |
//! | [`Lap<S, D>`](Lap) | first derivatives and *one* sum of second derivatives | D + 2 |
//!
//! All are [`Algebra`]s: a reverse sweep over any of them keeps its cotangents in the dual space, where multiplying
//! by a local derivative becomes the coadjoint action. Forward-over-reverse then needs no rule of its own.
//!
//! ```
//! use ircpm_ad::{Lap, Scalar};
//!
//! // The Laplacian of sin(x) e^y, without its Hessian: it vanishes.
//! fn f<S: Scalar>(x: S, y: S) -> S {
//!     x.sin() * y.exp()
//! }
//! let value = f(Lap::seeded(0.3, [1.0, 0.0]), Lap::seeded(0.7, [0.0, 1.0]));
//! assert!(value.lap.abs() < 1e-15);
//! ```
//!
//! Where to look: [`scalar`] says what a number must do, [`duals`] are the types, [`elementary`] is the one table of
//! functions (with [`elementary::smooth`] for removable singularities and [`elementary::logistic`] for the units of
//! networks), [`derivative`] gives gradients and Hessians, [`linear`] the kernels, [`simd`] the choice of instruction set,
//! [`precision`] what depends on the numbers' precision. Limits: dense
//! directions only (`D` is a const parameter), no tape, and `abs`, `max`, `floor` are left out because they are not smooth:
//! write them with [`Scalar::select_gt`] where the branch is meant.

pub mod derivative;
pub mod duals;
pub mod elementary;
pub mod implicit;
pub mod linear;
pub mod matrix;
pub mod precision;
pub mod real;
pub mod scalar;
pub mod simd;

pub use duals::{Dual, Guarded, HyperDual, Jet, Lap, Taylor};
pub use elementary::log_sum_exp;
pub use real::Real;
pub use scalar::{Algebra, Scalar};
pub use simd::{Isa, Kernel};

//! Exact derivatives of any order, of functions written once.
//!
//! # A number that carries derivatives
//!
//! A function is written over a [`Scalar`] `S`. Called with `f64` it returns its value. Called with a [`Dual`], a value
//! `re` beside derivatives `eps` in some directions, it returns its derivatives too, because every operation obeys the
//! chain rule:
//!
//! ```
//! use ircpm_ad::{Dual, Scalar};
//!
//! fn f<S: Scalar>(x: S, y: S) -> S {
//!     x.sin() * y.exp()
//! }
//! assert_eq!(f(0.3, 0.0), Scalar::sin(0.3));
//! let (x, y) = (Dual::variable(0.3, 0), Dual::variable(0.0, 1)); // directions 0 and 1, of two
//! let z: Dual<f64, 2> = f(x, y);
//! assert_eq!(z.eps, [Scalar::cos(0.3), Scalar::sin(0.3)]);
//! ```
//!
//! The coefficients of a dual may be duals again: `Dual<Dual<f64, 2>, 2>` carries second derivatives, and so on. Other
//! types hold the same derivatives in fewer coefficients, and all of them nest:
//!
//! | type | carries | coefficients |
//! |---|---|---|
//! | `f64`, and the packs of a [`Kernel`] | the value, of one sample or of several in lanes | 1 |
//! | [`Interval`](interval::Interval) | proven bounds of the value, over a range of arguments | 1 |
//! | [`Dual<S, D>`](Dual) | first derivatives in `D` directions; nests to any order | 1 + D |
//! | [`Jet<S, D>`](Jet) | gradient and Hessian | 1 + D + D² |
//! | [`Lap<S, D>`](Lap) | first derivatives and *one* sum of second derivatives | D + 2 |
//! | [`Taylor<S, N>`](Taylor) | derivatives of order 1 to `N` along a line | 1 + N |
//! | [`Guarded<A>`](Guarded) | what `A` does, for arguments where values are infinite | those of `A` |
//!
//! ```
//! use ircpm_ad::{Lap, Scalar};
//!
//! // The Laplacian of sin(x) e^y, without its Hessian: it vanishes.
//! let (x, y) = (Lap::seeded(0.3, [1.0, 0.0]), Lap::seeded(0.7, [0.0, 1.0]));
//! assert!((x.sin() * y.exp()).lap.abs() < 1e-15);
//! ```
//!
//! # Gradients, Hessians and so on
//!
//! [`derivative`] seeds the variables and collects the results: for slices of any length by functions of a
//! [`derivative::ScalarField`], for arrays by those of [`derivative::array`], which take closures:
//!
//! ```
//! use ircpm_ad::{Scalar, derivative::array};
//! let (value, gradient, hessian) = array::hessian(|[x, y]| x * x * y, [3.0, 5.0]);
//! assert_eq!((value, gradient, hessian), (45.0, [30.0, 9.0], [[10.0, 6.0], [6.0, 0.0]]));
//! ```
//!
//! [`implicit`] differentiates solutions of equations, and [`matrix`] solves linear systems whose entries carry
//! derivatives.
//!
//! # Functions
//!
//! [`elementary`] is the one table of functions: each is its value on reals and its derivative over any scalar, and no
//! type needs more than that. [`elementary::smooth`] treats removable singularities, [`elementary::special`] has
//! special functions, and [`elementary::logistic`] the units of networks. A function of your own is one more
//! [`elementary::Function`].
//!
//! # Cotangents
//!
//! All dual types but `Taylor` are an [`Algebra`]: a reverse sweep over them keeps its cotangents in the dual space,
//! where multiplication by a local derivative becomes the coadjoint action [`Algebra::act`]. Forward-over-reverse then
//! needs no rule of its own:
//!
//! ```
//! use ircpm_ad::{Algebra, Dual, Scalar};
//!
//! // y = sin(w x) by a reverse sweep over duals in x: the cotangent picks dy/dx, so that w̄ is d²y/dw dx.
//! let (w, x): (f64, Dual<f64, 1>) = (2.0, Dual::variable(0.3, 0));
//! let a = x.scale(w);
//! let y_bar = Dual::new(0.0, [1.0]);
//! let a_bar = a.cos().act(y_bar);
//! let w_bar = x.pair(a_bar);
//! let expected = Scalar::cos(0.6) - 0.6 * Scalar::sin(0.6);
//! assert!((w_bar - expected).abs() < 1e-15);
//! ```
//!
//! # Lanes
//!
//! A [`Kernel`] is code over some [`Real`]; [`Isa::dispatch`] runs it on packs of as many numbers as the registers of
//! an instruction set hold. What it takes for such code to be fast is said in [`simd`]. [`linear`] has the two kernels
//! that matrices of networks need, and [`precision`] what depends on the numbers' precision.
//!
//! ```
//! use ircpm_ad::{Dual, Isa, Kernel, Real, Scalar};
//!
//! /// The slope of `x e^{−x²}` at each of some numbers.
//! struct Slopes<'a>(&'a mut [f64]);
//!
//! impl Kernel for Slopes<'_> {
//!     type Output = ();
//!
//!     #[inline(always)]
//!     fn run<R: Real>(self) {
//!         // For brevity the numbers fill their packs.
//!         for numbers in self.0.chunks_exact_mut(R::LANES) {
//!             let x: Dual<R, 1> = Dual::variable(R::load(numbers), 0);
//!             (x * (-x * x).exp()).eps[0].store(numbers);
//!         }
//!     }
//! }
//! let mut numbers = [0.0; 16];
//! Isa::best().dispatch(Slopes(&mut numbers));
//! assert_eq!(numbers, [1.0; 16]);
//! ```
//!
//! # Limits
//!
//! Generic code is compiled in the crate that calls it, so that an unoptimised build of *your* crate runs 35 to 150
//! times slower, and lanes 800 times: put `[profile.dev] opt-level = 2` into your workspace. Directions are dense, `D`
//! is a const parameter, and there is no tape. `abs`, `max` and `floor` are left out because they are not smooth: write
//! them with [`Scalar::select_gt`] where the branch is meant.
//!
//! The features `serde`, `num-traits` and `nalgebra`, off by default, add what their names say.

#![allow(
    clippy::needless_range_loop,
    clippy::manual_memcpy,
    reason = "index loops over packs: a closure or a copy may be compiled without the instruction set"
)]

pub mod derivative;
mod derived_operators;
pub mod duals;
pub mod elementary;
pub mod implicit;
pub mod interval;
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

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

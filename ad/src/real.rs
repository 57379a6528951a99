//! The real numbers at the bottom of every scalar: `f64`, packs in SIMD lanes, and intervals.

use crate::elementary::{Elementary, Function};
use crate::precision::Precision;
use crate::scalar::{Algebra, Scalar};

/// Keeps [`Real`] closed: only this crate can name it.
pub(crate) mod sealed {
    /// A bound of [`super::Real`] that no other crate can satisfy:
    ///
    /// ```compile_fail,E0603
    /// struct Mine;
    /// impl ircpm_ad::real::sealed::Sealed for Mine {}
    /// ```
    pub trait Sealed {}
}

/// A real number, or a pack of independent ones that move in step.
///
/// Operations act lane by lane and without branches, so that code over `R: Real` becomes vector code. Those that the
/// hardware lacks go through [`Real::map`].
///
/// The trait is sealed, because the kernels of [`crate::linear`] rest on what it says of lanes and registers. There are
/// `f64`, the packs that [`crate::Isa::dispatch`] makes, and intervals, which stand for a number and have none in their
/// lane.
pub trait Real: sealed::Sealed + Scalar<Base = Self> + Algebra {
    /// One register of the instruction set: a pack is one of these, or two.
    type Register: Real;

    /// A pack in single precision, of more lanes; this type itself if the instruction set has none.
    type Single: Real;

    /// Number of lanes in a pack.
    const LANES: usize;

    /// Number of packs that the processor's registers hold, by which kernels choose the size of their blocks.
    const REGISTERS: usize;

    /// The floating-point format of a lane.
    const PRECISION: Precision;

    /// Loads the first `LANES` numbers of `x`.
    ///
    /// # Panics
    /// If there are fewer.
    fn load(x: &[f64]) -> Self;

    /// Writes the lanes to the front of `out`.
    ///
    /// # Panics
    /// If `out` is shorter than that.
    fn store(self, out: &mut [f64]);

    /// The number in lane `i`.
    fn lane(self, i: usize) -> f64;

    /// The pack whose lane `i` holds `f(i)`.
    fn from_fn(f: impl FnMut(usize) -> f64) -> Self;

    /// Applies `f` to every lane.
    fn map(self, f: impl Fn(f64) -> f64) -> Self;

    /// `self · a + b`, with one rounding where the instruction set has it.
    fn mul_add(self, a: Self, b: Self) -> Self;

    /// Absolute value.
    fn abs(self) -> Self;

    /// Square root of the value.
    fn sqrt_real(self) -> Self;

    /// Moves the low bits to the exponent, which gives `2^k` if `self` is [`Precision::round_biased`]` + k`.
    fn exponent_from_low_bits(self) -> Self;

    /// The sum over the lanes, in a fixed order.
    fn sum(self) -> f64;

    /// The sums of four packs, which are cheaper together than one by one.
    fn sum_four(packs: [Self; 4]) -> [f64; 4];

    /// The registers of all packs, one after the other, for the kernels of [`crate::linear`].
    fn registers(packs: &[Self]) -> &[Self::Register];

    /// The registers of all packs, to be written to.
    fn registers_mut(packs: &mut [Self]) -> &mut [Self::Register];

    /// Runs `stage`, a part of a kernel, in a function of its own that is compiled for the instruction set of this
    /// type.
    ///
    /// Mark the closure, as in `R::vectorized(#[inline(always)] || …)`, because one without the mark may be compiled by
    /// itself, for the target's plain instructions.
    fn vectorized<O>(stage: impl FnOnce() -> O) -> O;

    /// The larger one; `self` if either is NaN.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self::select_gt(other, self, other, self)
    }

    /// The smaller one; `self` if either is NaN.
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self::select_gt(self, other, other, self)
    }

    /// Angle of `(x, self)` in (−π, π].
    #[inline(always)]
    fn atan2_real(self, x: Self) -> Self {
        Self::from_fn(|i| self.lane(i).atan2(x.lane(i)))
    }

    /// `self^p`; NaN for negative numbers unless `p` is an integer.
    #[inline(always)]
    fn powf_real(self, p: Self) -> Self {
        Self::from_fn(|i| self.lane(i).powf(p.lane(i)))
    }

    /// A power of two near `|self|`, its exponent within `±limit`.
    #[inline(always)]
    fn power_of_two(self, limit: i32) -> Self {
        self.map(|x| exp2i(exponent(x).clamp(-limit, limit)))
    }

    /// The inverse of [`Real::power_of_two`].
    #[inline(always)]
    fn inverse_power_of_two(self, limit: i32) -> Self {
        self.map(|x| exp2i(-exponent(x).clamp(-limit, limit)))
    }

    /// A number that this stands for: itself, or one number of an interval.
    ///
    /// A formula in which a constant may be chosen at will takes one that is known exactly.
    #[inline(always)]
    fn representative(self) -> Self {
        self
    }

    /// The angle of [`Real::representative`] `(x, self)`, with every whole turn that the angles of the other numbers
    /// may differ by.
    #[inline(always)]
    fn representative_angle(self, x: Self) -> Self {
        self.atan2_real(x)
    }

    /// A real constant, given by the double next to it.
    ///
    /// A constant `c` of an expression is exactly that double, also where the mathematics mean ln 2: an interval must
    /// know the difference.
    #[inline(always)]
    fn rounded_constant(c: f64) -> Self {
        Self::constant(c)
    }

    /// The values of a function of the table, for a real that the general formulas are wrong for; `None` by default.
    #[inline(always)]
    fn enclosure(self, _function: Elementary) -> Option<Self> {
        None
    }
}

/// The exponent of `x`; −1023 for zero and subnormal numbers.
fn exponent(x: f64) -> i32 {
    (x.to_bits() >> 52 & 0x7ff) as i32 - 1023
}

/// `2^n`, for the exponent of a normal number.
fn exp2i(n: i32) -> f64 {
    f64::from_bits(((n + 1023) as u64) << 52)
}

/// `slope · tangent`, but zero where the tangent is zero and the slope is infinite.
#[inline(always)]
pub(crate) fn times_tangent<R: Real>(slope: R, tangent: R) -> R {
    let product = slope * tangent;
    // A tangent that is no larger than zero is zero, or NaN: both are returned as they are.
    let kept = R::select_gt(tangent.abs(), R::constant(0.0), product, tangent);
    R::select_gt(slope.abs(), R::constant(R::PRECISION.largest), kept, product)
}

/// `a · b`, but zero where one of them is zero and the other infinite.
#[inline(always)]
pub(crate) fn tangent_product<R: Real>(a: R, b: R) -> R {
    let kept = R::select_gt(a.abs(), R::constant(0.0), a * b, a);
    R::select_gt(b.abs(), R::constant(R::PRECISION.largest), kept, times_tangent(a, b))
}

impl sealed::Sealed for f64 {}

impl Scalar for f64 {
    type Base = f64;

    const ORDER: usize = 0;

    #[inline(always)]
    fn constant(x: f64) -> Self {
        x
    }
    #[inline(always)]
    fn from_base(x: f64) -> Self {
        x
    }
    #[inline(always)]
    fn value(self) -> f64 {
        self
    }
    #[inline(always)]
    fn scale(self, w: f64) -> Self {
        self * w
    }
    #[inline(always)]
    fn select_gt(a: f64, b: f64, if_greater: Self, otherwise: Self) -> Self {
        if a > b { if_greater } else { otherwise }
    }
    #[inline(always)]
    fn apply<F: Function<Self>>(self, f: F) -> Self {
        f.value(self)
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        f64::is_finite(self)
    }
    #[inline(always)]
    fn times_tangent(self, tangent: Self) -> Self {
        times_tangent(self, tangent)
    }
    #[inline(always)]
    fn tangent_product(self, other: Self) -> Self {
        tangent_product(self, other)
    }
}

impl Algebra for f64 {
    const COEFFS: usize = 1;

    #[inline(always)]
    fn act(self, bar: Self) -> Self {
        self * bar
    }
    #[inline(always)]
    fn pair(self, bar: Self) -> f64 {
        self * bar
    }
    #[inline(always)]
    fn coefficients(x: &[Self]) -> &[f64] {
        x
    }
    #[inline(always)]
    fn coefficients_mut(x: &mut [Self]) -> &mut [f64] {
        x
    }
}

impl Real for f64 {
    type Register = Self;
    type Single = Self;

    const LANES: usize = 1;
    const REGISTERS: usize = 16;
    const PRECISION: Precision = Precision::DOUBLE;

    #[inline(always)]
    fn load(x: &[f64]) -> Self {
        x[0]
    }
    #[inline(always)]
    fn store(self, out: &mut [f64]) {
        out[0] = self;
    }
    #[inline(always)]
    fn lane(self, _: usize) -> f64 {
        self
    }
    #[inline(always)]
    fn from_fn(mut f: impl FnMut(usize) -> f64) -> Self {
        f(0)
    }
    #[inline(always)]
    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        f(self)
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        // Without the instruction `f64::mul_add` calls a slow library routine.
        if cfg!(target_feature = "fma") { f64::mul_add(self, a, b) } else { self * a + b }
    }
    #[inline(always)]
    fn abs(self) -> Self {
        f64::abs(self)
    }
    #[inline(always)]
    fn sqrt_real(self) -> Self {
        f64::sqrt(self)
    }
    #[inline(always)]
    fn exponent_from_low_bits(self) -> Self {
        f64::from_bits(self.to_bits() << 52)
    }
    #[inline(always)]
    fn sum(self) -> f64 {
        self
    }
    #[inline(always)]
    fn sum_four(packs: [Self; 4]) -> [f64; 4] {
        packs
    }
    #[inline(always)]
    fn registers(packs: &[Self]) -> &[Self] {
        packs
    }
    #[inline(always)]
    fn registers_mut(packs: &mut [Self]) -> &mut [Self] {
        packs
    }
    #[inline(always)]
    fn vectorized<O>(stage: impl FnOnce() -> O) -> O {
        stage()
    }
}

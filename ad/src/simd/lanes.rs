//! Samples side by side in one vector register, or two.
//!
//! [`Lanes`] forwards every operation to its instruction set. It is not public: a [`crate::Kernel`] sees it as some
//! `R: Real`, and only [`crate::Isa::dispatch`] makes one, after it has asked the processor. The instructions are safe
//! to use for that reason.

use std::iter::{Product, Sum};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use super::instruction_set::InstructionSet;
use crate::duals::{flatten, flatten_mut};
use crate::elementary::Function;
use crate::precision::{Lane, Precision};
use crate::real::{Real, sealed, tangent_product, times_tangent};
use crate::scalar::{Algebra, Scalar};

/// As many independent reals as a pack of the instruction set `I` holds.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct Lanes<I: InstructionSet>(pub(crate) I::Pack);

/// The operators, each between packs, with a constant, and in place.
macro_rules! operators {
    ($($op:ident $method:ident $assign:ident $assign_method:ident;)*) => {$(
        impl<I: InstructionSet> $op for Lanes<I> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(I::$method(self.0, other.0))
            }
        }
        impl<I: InstructionSet> $op<f64> for Lanes<I> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, c: f64) -> Self {
                Self(I::$method(self.0, I::splat(c)))
            }
        }
        impl<I: InstructionSet> $assign for Lanes<I> {
            #[inline(always)]
            fn $assign_method(&mut self, other: Self) {
                self.0 = I::$method(self.0, other.0);
            }
        }
        impl<I: InstructionSet> $assign<f64> for Lanes<I> {
            #[inline(always)]
            fn $assign_method(&mut self, c: f64) {
                self.0 = I::$method(self.0, I::splat(c));
            }
        }
    )*};
}
operators! {
    Add add AddAssign add_assign;
    Sub sub SubAssign sub_assign;
    Mul mul MulAssign mul_assign;
    Div div DivAssign div_assign;
}

impl<I: InstructionSet> Neg for Lanes<I> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(I::sub(I::splat(-0.0), self.0))
    }
}

impl<I: InstructionSet> Sum for Lanes<I> {
    #[inline(always)]
    fn sum<T: Iterator<Item = Self>>(terms: T) -> Self {
        let mut sum = Self::zero();
        for term in terms {
            sum += term;
        }
        sum
    }
}

impl<I: InstructionSet> Product for Lanes<I> {
    #[inline(always)]
    fn product<T: Iterator<Item = Self>>(factors: T) -> Self {
        let mut product = Self::one();
        for factor in factors {
            product *= factor;
        }
        product
    }
}

impl<I: InstructionSet> sealed::Sealed for Lanes<I> {}

impl<I: InstructionSet> Scalar for Lanes<I> {
    type Base = Self;

    const ORDER: usize = 0;

    #[inline(always)]
    fn constant(x: f64) -> Self {
        Self(I::splat(x))
    }
    #[inline(always)]
    fn from_base(x: Self) -> Self {
        x
    }
    #[inline(always)]
    fn value(self) -> Self {
        self
    }
    #[inline(always)]
    fn scale(self, w: Self) -> Self {
        self * w
    }
    #[inline(always)]
    fn select_gt(a: Self, b: Self, if_greater: Self, otherwise: Self) -> Self {
        Self(I::select_gt(a.0, b.0, if_greater.0, otherwise.0))
    }
    #[inline(always)]
    fn apply<F: Function<Self>>(self, f: F) -> Self {
        f.value(self)
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        // The product is NaN for a number that is not finite.
        (self * 0.0).sum() == 0.0
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

impl<I: InstructionSet> Algebra for Lanes<I> {
    const COEFFS: usize = 1;

    #[inline(always)]
    fn act(self, bar: Self) -> Self {
        self * bar
    }
    #[inline(always)]
    fn pair(self, bar: Self) -> Self {
        self * bar
    }
    #[inline(always)]
    fn coefficients(x: &[Self]) -> &[Self] {
        x
    }
    #[inline(always)]
    fn coefficients_mut(x: &mut [Self]) -> &mut [Self] {
        x
    }
}

impl<I: InstructionSet> Real for Lanes<I> {
    type Register = Lanes<I::Register>;
    type Single = Lanes<I::Single>;

    const LANES: usize = I::LANES;
    const REGISTERS: usize = I::REGISTERS;
    const PRECISION: Precision = I::Lane::PRECISION;

    #[inline(always)]
    fn load(x: &[f64]) -> Self {
        Self::from_fn(|i| x[i])
    }
    #[inline(always)]
    fn store(self, out: &mut [f64]) {
        for (out, x) in out[..I::LANES].iter_mut().zip(I::as_slice(&self.0)) {
            *out = x.widen();
        }
    }
    #[inline(always)]
    fn lane(self, i: usize) -> f64 {
        I::as_slice(&self.0)[i].widen()
    }
    #[inline(always)]
    fn from_fn(mut f: impl FnMut(usize) -> f64) -> Self {
        let mut out = I::splat(0.0);
        for (i, x) in I::as_mut_slice(&mut out).iter_mut().enumerate() {
            *x = I::Lane::narrow(f(i));
        }
        Self(out)
    }
    #[inline(always)]
    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        let mut out = self.0;
        for x in I::as_mut_slice(&mut out) {
            *x = I::Lane::narrow(f(x.widen()));
        }
        Self(out)
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        Self(I::mul_add(self.0, a.0, b.0))
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Self(I::abs(self.0))
    }
    #[inline(always)]
    fn sqrt_real(self) -> Self {
        Self(I::sqrt(self.0))
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(I::min(self.0, other.0))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(I::max(self.0, other.0))
    }
    #[inline(always)]
    fn exponent_from_low_bits(self) -> Self {
        Self(I::exponent_from_low_bits(self.0))
    }
    #[inline(always)]
    fn sum(self) -> f64 {
        I::sum(self.0)
    }
    #[inline(always)]
    fn sum_four([a, b, c, d]: [Self; 4]) -> [f64; 4] {
        I::sum_four([a.0, b.0, c.0, d.0])
    }
    #[inline(always)]
    #[expect(unsafe_code, reason = "reinterprets a slice")]
    fn registers(packs: &[Self]) -> &[Self::Register] {
        // SAFETY: transparent, and a pack is one register or an array of them.
        unsafe { flatten(packs) }
    }
    #[inline(always)]
    #[expect(unsafe_code, reason = "reinterprets a slice")]
    fn registers_mut(packs: &mut [Self]) -> &mut [Self::Register] {
        // SAFETY: as above; any registers make packs.
        unsafe { flatten_mut(packs) }
    }
    #[inline(always)]
    fn vectorized<O>(stage: impl FnOnce() -> O) -> O {
        I::vectorized(stage)
    }
}

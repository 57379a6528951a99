//! The traits of the crate num-traits that duals satisfy: zero, one, inverses and powers.
//!
//! `Num` is left out, because duals have no remainder, and `Float`, because they have no order, no floor and no largest
//! number.

use num_traits::{Inv, One, Pow, Zero};

use super::{Dual, Guarded, Jet, Lap, Taylor};
use crate::scalar::Scalar;

macro_rules! numbers {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        impl<$($generics)*> Zero for $type
        where
            Self: PartialEq,
        {
            fn zero() -> Self {
                Scalar::zero()
            }
            /// Whether the value and all derivatives are zero.
            fn is_zero(&self) -> bool {
                *self == Scalar::zero()
            }
        }
        impl<$($generics)*> One for $type {
            fn one() -> Self {
                Scalar::one()
            }
        }
        impl<$($generics)*> Inv for $type {
            type Output = Self;
            fn inv(self) -> Self {
                self.recip()
            }
        }
        impl<$($generics)*> Pow<i32> for $type {
            type Output = Self;
            fn pow(self, n: i32) -> Self {
                self.powi(n)
            }
        }
        impl<$($generics)*> Pow<f64> for $type {
            type Output = Self;
            fn pow(self, p: f64) -> Self {
                self.powf(p)
            }
        }
        impl<$($generics)*> Pow<Self> for $type {
            type Output = Self;
            fn pow(self, p: Self) -> Self {
                Scalar::pow(self, p)
            }
        }
    )*};
}

numbers! {
    [S: Scalar, const D: usize] Dual<S, D>;
    [S: Scalar, const D: usize] Jet<S, D>;
    [S: Scalar, const D: usize] Lap<S, D>;
    [S: Scalar, const N: usize] Taylor<S, N>;
    [A: Scalar] Guarded<A>;
}

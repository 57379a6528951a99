//! The operators of a dual type, written once.

/// Derives the operators that follow from a type's `combine` (coefficient by coefficient), `each`, `product` and
/// `Scalar::recip`: coherence rules out one generic `impl` for all types.
macro_rules! operators {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> std::ops::Add for $type {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.combine(other, |a, b| a + b)
            }
        }
        impl<$($generics)*> std::ops::Sub for $type {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self.combine(other, |a, b| a - b)
            }
        }
        impl<$($generics)*> std::ops::Neg for $type {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                self.each(|a| -a)
            }
        }
        impl<$($generics)*> std::ops::Mul for $type {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                self.product(other)
            }
        }
        impl<$($generics)*> std::ops::Div for $type {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                self.product($crate::scalar::Scalar::recip(other))
            }
        }
        impl<$($generics)*> std::ops::Add<f64> for $type {
            type Output = Self;
            #[inline(always)]
            fn add(mut self, c: f64) -> Self {
                self.re = self.re + c;
                self
            }
        }
        impl<$($generics)*> std::ops::Sub<f64> for $type {
            type Output = Self;
            #[inline(always)]
            fn sub(mut self, c: f64) -> Self {
                self.re = self.re - c;
                self
            }
        }
        impl<$($generics)*> std::ops::Mul<f64> for $type {
            type Output = Self;
            #[inline(always)]
            fn mul(self, c: f64) -> Self {
                self.each(|a| a * c)
            }
        }
        impl<$($generics)*> std::ops::Div<f64> for $type {
            type Output = Self;
            #[inline(always)]
            fn div(self, c: f64) -> Self {
                self.each(|a| a / c)
            }
        }
        impl<$($generics)*> std::ops::AddAssign for $type {
            #[inline(always)]
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }
        impl<$($generics)*> std::ops::SubAssign for $type {
            #[inline(always)]
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }
        impl<$($generics)*> std::ops::MulAssign for $type {
            #[inline(always)]
            fn mul_assign(&mut self, other: Self) {
                *self = *self * other;
            }
        }
    };
}
pub(crate) use operators;

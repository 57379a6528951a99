//! The operators of a dual type, written once.

/// Derives the operators that follow from a type's `combine` (coefficient by coefficient), `each`, `product` and
/// `quotient`, and from the name of the field that holds its value: coherence rules out one generic `impl` for all
/// types.
macro_rules! operators {
    ([$($generics:tt)*] $type:ty, $value:tt) => {
        operators! { @operator [$($generics)*] $type, Add add AddAssign add_assign,
            |a, b| a.combine(b, |a, b| a + b), |a, c| Self { $value: a.$value + c, ..a } }
        operators! { @operator [$($generics)*] $type, Sub sub SubAssign sub_assign,
            |a, b| a.combine(b, |a, b| a - b), |a, c| Self { $value: a.$value - c, ..a } }
        operators! { @operator [$($generics)*] $type, Mul mul MulAssign mul_assign,
            |a, b| a.product(b), |a, c| a.each(|a| a * c) }
        operators! { @operator [$($generics)*] $type, Div div DivAssign div_assign,
            |a, b| a.quotient(b), |a, c| a.each(|a| a / c) }

        // Constants on the left: the sum and the product commute, the others need no product of duals either.
        operators! { @constant_first [$($generics)*] $type, Add add, |c, a| a + c }
        operators! { @constant_first [$($generics)*] $type, Sub sub, |c, a| -a + c }
        operators! { @constant_first [$($generics)*] $type, Mul mul, |c, a| a * c }
        operators! { @constant_first [$($generics)*] $type, Div div, |c, a| <$type>::from(c) / a }

        operators! { @fold [$($generics)*] $type, Sum sum, 0.0, |a, b| a + b }
        operators! { @fold [$($generics)*] $type, Product product, 1.0, |a, b| a * b }

        impl<$($generics)*> std::ops::Neg for $type {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                self.each(|a| -a)
            }
        }
        impl<$($generics)*> std::ops::Neg for &$type {
            type Output = $type;
            #[inline(always)]
            fn neg(self) -> $type {
                -*self
            }
        }
        impl<$($generics)*> From<f64> for $type {
            #[inline(always)]
            fn from(x: f64) -> Self {
                $crate::scalar::Scalar::constant(x)
            }
        }
        impl<$($generics)*> Default for $type {
            #[inline(always)]
            fn default() -> Self {
                $crate::scalar::Scalar::zero()
            }
        }
    };
    (@operator [$($generics:tt)*] $type:ty, $op:ident $method:ident $assign:ident $assign_method:ident,
     |$a:ident, $b:ident| $between:expr, |$x:ident, $c:ident| $with_constant:expr) => {
        impl<$($generics)*> std::ops::$op for $type {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                let ($a, $b) = (self, other);
                $between
            }
        }
        impl<$($generics)*> std::ops::$op<f64> for $type {
            type Output = Self;
            #[inline(always)]
            #[allow(clippy::needless_update, reason = "the value may be all there is")]
            fn $method(self, c: f64) -> Self {
                let ($x, $c) = (self, c);
                $with_constant
            }
        }
        operators! { @reference [$($generics)*] $type, $op $method, $type, &$type }
        operators! { @reference [$($generics)*] $type, $op $method, &$type, $type }
        operators! { @reference [$($generics)*] $type, $op $method, &$type, &$type }
        operators! { @reference [$($generics)*] $type, $op $method, &$type, f64 }
        operators! { @assign [$($generics)*] $type, $op $method $assign $assign_method, $type }
        operators! { @assign [$($generics)*] $type, $op $method $assign $assign_method, f64 }
    };
    (@reference [$($generics:tt)*] $type:ty, $op:ident $method:ident, $left:ty, $right:ty) => {
        impl<$($generics)*> std::ops::$op<$right> for $left {
            type Output = $type;
            #[inline(always)]
            fn $method(self, other: $right) -> $type {
                std::ops::$op::$method(self.to_owned(), other.to_owned())
            }
        }
    };
    (@assign [$($generics:tt)*] $type:ty, $op:ident $method:ident $assign:ident $assign_method:ident, $right:ty) => {
        impl<$($generics)*> std::ops::$assign<$right> for $type {
            #[inline(always)]
            fn $assign_method(&mut self, other: $right) {
                *self = std::ops::$op::$method(*self, other);
            }
        }
    };
    (@constant_first [$($generics:tt)*] $type:ty, $op:ident $method:ident, |$c:ident, $a:ident| $value:expr) => {
        impl<$($generics)*> std::ops::$op<$type> for f64 {
            type Output = $type;
            #[inline(always)]
            fn $method(self, other: $type) -> $type {
                let ($c, $a) = (self, other);
                $value
            }
        }
        impl<$($generics)*> std::ops::$op<&$type> for f64 {
            type Output = $type;
            #[inline(always)]
            fn $method(self, other: &$type) -> $type {
                std::ops::$op::$method(self, *other)
            }
        }
    };
    (@fold [$($generics:tt)*] $type:ty, $fold:ident $method:ident, $unit:literal, |$a:ident, $b:ident| $value:expr) => {
        impl<$($generics)*> std::iter::$fold for $type {
            fn $method<I: Iterator<Item = Self>>(terms: I) -> Self {
                terms.fold($unit.into(), |$a, $b| $value)
            }
        }
        impl<'a, $($generics)*> std::iter::$fold<&'a $type> for $type {
            fn $method<I: Iterator<Item = &'a Self>>(terms: I) -> Self {
                terms.copied().$method()
            }
        }
    };
}
pub(crate) use operators;

//! Operators that follow from others, for scalar types of other crates.

/// Derives what [`Scalar`](crate::Scalar) asks for besides the operators `+`, `-`, `*`, `/` with another number and
/// with an `f64` on the right: `+=` and the like, [`Sum`](std::iter::Sum) and [`Product`](std::iter::Product).
///
/// The generics of the type stand in brackets before it.
///
/// ```
/// use ircpm_ad::Scalar;
///
/// #[derive(Clone, Copy, Debug)]
/// struct Counted<S>(S);
/// # use std::ops::*;
/// # macro_rules! binary { ($($op:ident $f:ident;)*) => {$(
/// #     impl<S: Scalar> $op for Counted<S> { type Output = Self; fn $f(self, other: Self) -> Self { Self(self.0.$f(other.0)) } }
/// #     impl<S: Scalar> $op<f64> for Counted<S> { type Output = Self; fn $f(self, c: f64) -> Self { Self(self.0.$f(c)) } }
/// # )*}; }
/// # binary! { Add add; Sub sub; Mul mul; Div div; }
/// # impl<S: Scalar> From<f64> for Counted<S> { fn from(x: f64) -> Self { Self(S::constant(x)) } }
/// // … `Add`, `Sub`, `Mul`, `Div`, each for `Self` and for `f64`, and `From<f64>` …
///
/// ircpm_ad::derived_operators!([S: Scalar] Counted<S>);
///
/// let mut sum: Counted<f64> = [Counted(1.0), Counted(2.0)].into_iter().sum();
/// sum *= 2.0;
/// assert_eq!(sum.0, 6.0);
/// ```
#[macro_export]
macro_rules! derived_operators {
    ([$($generics:tt)*] $type:ty) => {
        $crate::derived_operators! { @assign [$($generics)*] $type, AddAssign add_assign + }
        $crate::derived_operators! { @assign [$($generics)*] $type, SubAssign sub_assign - }
        $crate::derived_operators! { @assign [$($generics)*] $type, MulAssign mul_assign * }
        $crate::derived_operators! { @assign [$($generics)*] $type, DivAssign div_assign / }
        $crate::derived_operators! { @fold [$($generics)*] $type, Sum sum 0.0 + }
        $crate::derived_operators! { @fold [$($generics)*] $type, Product product 1.0 * }
    };
    (@assign [$($generics:tt)*] $type:ty, $trait:ident $method:ident $op:tt) => {
        impl<$($generics)*> ::std::ops::$trait for $type {
            #[inline(always)]
            #[allow(clippy::assign_op_pattern, reason = "this defines the assignment")]
            fn $method(&mut self, other: Self) {
                *self = *self $op other;
            }
        }
        impl<$($generics)*> ::std::ops::$trait<f64> for $type {
            #[inline(always)]
            #[allow(clippy::assign_op_pattern, reason = "this defines the assignment")]
            fn $method(&mut self, c: f64) {
                *self = *self $op c;
            }
        }
    };
    (@fold [$($generics:tt)*] $type:ty, $trait:ident $method:ident $start:literal $op:tt) => {
        impl<$($generics)*> ::std::iter::$trait for $type {
            #[inline(always)]
            #[allow(clippy::assign_op_pattern, reason = "the operator is an argument of the macro")]
            fn $method<I: Iterator<Item = Self>>(terms: I) -> Self {
                let mut all = <Self as ::std::convert::From<f64>>::from($start);
                for term in terms {
                    all = all $op term;
                }
                all
            }
        }
    };
}

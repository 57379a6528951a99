//! Dual numbers as runs of base coefficients: the one reinterpretation that the flat kernels rest on.

use crate::scalar::Algebra;

/// The base coefficients of `x`.
///
/// # Safety
/// `A` is `repr(C)` and made of `A::COEFFS` values of `A::Base` and nothing else.
#[inline(always)]
#[expect(unsafe_code, reason = "reinterprets a slice")]
pub(crate) unsafe fn flatten<A: Algebra>(x: &[A]) -> &[A::Base] {
    const { assert!(size_of::<A>() == A::COEFFS * size_of::<A::Base>()) };
    const { assert!(align_of::<A>() == align_of::<A::Base>()) };
    // SAFETY: by the caller's promise the memory is that of COEFFS · len base values; size and alignment are checked.
    unsafe { std::slice::from_raw_parts(x.as_ptr().cast(), x.len() * A::COEFFS) }
}

/// As [`flatten`], to be written to.
///
/// # Safety
/// As [`flatten`]; and every pattern of base values is a value of `A`.
#[inline(always)]
#[expect(unsafe_code, reason = "reinterprets a slice")]
pub(crate) unsafe fn flatten_mut<A: Algebra>(x: &mut [A]) -> &mut [A::Base] {
    const { assert!(size_of::<A>() == A::COEFFS * size_of::<A::Base>()) };
    const { assert!(align_of::<A>() == align_of::<A::Base>()) };
    // SAFETY: as in `flatten`; the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(x.as_mut_ptr().cast(), x.len() * A::COEFFS) }
}

//! Slices of dual numbers as slices of their coefficients, for the kernels that treat all coefficients alike.

/// The coefficients of `x`.
///
/// # Safety
/// `A` is `repr(C)` and made of values of `S` and nothing else.
#[inline(always)]
#[expect(unsafe_code, reason = "reinterprets a slice")]
pub(crate) unsafe fn flatten<A, S>(x: &[A]) -> &[S] {
    const { assert!(size_of::<A>().is_multiple_of(size_of::<S>())) };
    const { assert!(align_of::<A>() == align_of::<S>()) };
    let len = x.len() * (size_of::<A>() / size_of::<S>());
    // SAFETY: by the caller's promise the memory is that of so many values of `S`; size and alignment are checked.
    unsafe { std::slice::from_raw_parts(x.as_ptr().cast(), len) }
}

/// The coefficients of `x`, to be written to.
///
/// # Safety
/// As [`flatten`]; and any values of `S` make an `A`.
#[inline(always)]
#[expect(unsafe_code, reason = "reinterprets a slice")]
pub(crate) unsafe fn flatten_mut<A, S>(x: &mut [A]) -> &mut [S] {
    const { assert!(size_of::<A>().is_multiple_of(size_of::<S>())) };
    const { assert!(align_of::<A>() == align_of::<S>()) };
    let len = x.len() * (size_of::<A>() / size_of::<S>());
    // SAFETY: as in `flatten`; the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(x.as_mut_ptr().cast(), len) }
}

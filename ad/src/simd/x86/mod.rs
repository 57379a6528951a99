//! AVX2 and AVX-512, in double and in single precision.
//!
//! Every intrinsic below is safe to call for one reason: the types are private to the crate, and packs of them are made
//! only by kernels that `vectorized` runs, after it has asked the processor.
//!
//! There is one file per set, because rustc makes one codegen unit of a module, and compiles units in parallel.

mod avx2;
mod avx2_single;
mod avx512;
mod avx512_single;

pub(crate) use avx2::Avx2;
pub(crate) use avx512::Avx512;

/// The items that differ between the sets only in the names of types and intrinsics.
macro_rules! register {
    ($pack:ty, [$number:ty; $lanes:literal], $single:ty, $registers:literal, $features:literal, $splat:ident $add:ident
     $sub:ident $mul:ident $div:ident $mul_add:ident $sqrt:ident $min:ident $max:ident) => {
        type Lane = $number;
        type Pack = $pack;
        type Register = Self;
        type Single = $single;
        const LANES: usize = $lanes;
        const REGISTERS: usize = $registers;

        #[inline(always)]
        fn splat(x: f64) -> $pack {
            // SAFETY: see the documentation of `x86`.
            unsafe { $splat(<$number>::narrow(x)) }
        }
        #[inline(always)]
        fn as_slice(x: &$pack) -> &[$number] {
            // SAFETY: a register is so many numbers, aligned at least as they are.
            unsafe { std::slice::from_raw_parts(std::ptr::from_ref(x).cast(), $lanes) }
        }
        #[inline(always)]
        fn as_mut_slice(x: &mut $pack) -> &mut [$number] {
            // SAFETY: as above; the borrow is exclusive and any numbers make a register.
            unsafe { std::slice::from_raw_parts_mut(std::ptr::from_mut(x).cast(), $lanes) }
        }
        #[inline(always)]
        fn add(a: $pack, b: $pack) -> $pack {
            // SAFETY: see the documentation of `x86`.
            unsafe { $add(a, b) }
        }
        #[inline(always)]
        fn sub(a: $pack, b: $pack) -> $pack {
            // SAFETY: see the documentation of `x86`.
            unsafe { $sub(a, b) }
        }
        #[inline(always)]
        fn mul(a: $pack, b: $pack) -> $pack {
            // SAFETY: see the documentation of `x86`.
            unsafe { $mul(a, b) }
        }
        #[inline(always)]
        fn div(a: $pack, b: $pack) -> $pack {
            // SAFETY: see the documentation of `x86`.
            unsafe { $div(a, b) }
        }
        #[inline(always)]
        fn mul_add(a: $pack, b: $pack, c: $pack) -> $pack {
            // SAFETY: see the documentation of `x86`.
            unsafe { $mul_add(a, b, c) }
        }
        #[inline(always)]
        fn sqrt(a: $pack) -> $pack {
            // SAFETY: see the documentation of `x86`.
            unsafe { $sqrt(a) }
        }
        #[inline(always)]
        fn min(a: $pack, b: $pack) -> $pack {
            // The instruction returns its second operand if either is NaN.
            // SAFETY: see the documentation of `x86`.
            unsafe { $min(b, a) }
        }
        #[inline(always)]
        fn max(a: $pack, b: $pack) -> $pack {
            // The order of the operands is that of `min`.
            // SAFETY: see the documentation of `x86`.
            unsafe { $max(b, a) }
        }
        #[inline]
        fn vectorized<O>(stage: impl FnOnce() -> O) -> O {
            #[inline(never)] // A stage is compiled by itself: see the documentation of `simd`.
            #[target_feature(enable = $features)]
            fn compiled<O>(stage: impl FnOnce() -> O) -> O {
                stage()
            }
            assert!(Self::available(), concat!("this processor lacks one of ", $features));
            // SAFETY: the assertion found the features.
            unsafe { compiled(stage) }
        }
    };
}

use register;

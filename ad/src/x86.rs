//! AVX2 and AVX-512, in double and in single precision.
//!
//! The types are private to the crate and packs of them are made only by kernels that `vectorized` runs, after it has
//! asked the processor: that is the safety argument for every intrinsic below.

use std::arch::x86_64::*;

use crate::format::Number;
use crate::isa::{InstructionSet, Task};
use crate::twin::Twin;

mod single;

pub(crate) use single::{Avx2Single, Avx512Single};

/// AVX2 with fused multiply-add.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2;

/// AVX-512: foundation, DQ and VL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512;

impl Avx2 {
    /// Whether this processor has it.
    #[inline]
    pub(crate) fn available() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    }
}

impl Avx512 {
    /// Whether this processor has it.
    #[inline]
    pub(crate) fn available() -> bool {
        Avx2::available()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
    }
}

/// What differs between the sets only in the names of types and intrinsics.
macro_rules! register {
    ($pack:ty, [$number:ty; $lanes:literal], $single:ty, $registers:literal, $features:literal, $splat:ident $add:ident
     $sub:ident $mul:ident $div:ident $mul_add:ident $sqrt:ident $min:ident $max:ident) => {
        type Number = $number;
        type Pack = $pack;
        type Register = Self;
        type Single = $single;
        const LANES: usize = $lanes;
        const REGISTERS: usize = $registers;

        #[inline(always)]
        fn splat(x: f64) -> $pack {
            // SAFETY: see the module's documentation.
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
            // SAFETY: see the module's documentation.
            unsafe { $add(a, b) }
        }
        #[inline(always)]
        fn sub(a: $pack, b: $pack) -> $pack {
            // SAFETY: see the module's documentation.
            unsafe { $sub(a, b) }
        }
        #[inline(always)]
        fn mul(a: $pack, b: $pack) -> $pack {
            // SAFETY: see the module's documentation.
            unsafe { $mul(a, b) }
        }
        #[inline(always)]
        fn div(a: $pack, b: $pack) -> $pack {
            // SAFETY: see the module's documentation.
            unsafe { $div(a, b) }
        }
        #[inline(always)]
        fn mul_add(a: $pack, b: $pack, c: $pack) -> $pack {
            // SAFETY: see the module's documentation.
            unsafe { $mul_add(a, b, c) }
        }
        #[inline(always)]
        fn sqrt(a: $pack) -> $pack {
            // SAFETY: see the module's documentation.
            unsafe { $sqrt(a) }
        }
        #[inline(always)]
        fn min(a: $pack, b: $pack) -> $pack {
            // The instruction returns its second operand if either is NaN.
            // SAFETY: see the module's documentation.
            unsafe { $min(b, a) }
        }
        #[inline(always)]
        fn max(a: $pack, b: $pack) -> $pack {
            // As above.
            // SAFETY: see the module's documentation.
            unsafe { $max(b, a) }
        }
        #[inline]
        fn vectorized<T: Task>(task: T) -> T::Output {
            #[target_feature(enable = $features)]
            fn compiled<T: Task>(task: T) -> T::Output {
                task.run()
            }
            assert!(Self::available(), concat!("this processor lacks one of ", $features));
            // SAFETY: the assertion found the features.
            unsafe { compiled(task) }
        }
    };
}

pub(crate) use register;

#[expect(unsafe_code, reason = "intrinsics")]
impl InstructionSet for Avx2 {
    register!(__m256d, [f64; 4], Twin<Avx2Single>, 16, "avx2,fma", _mm256_set1_pd _mm256_add_pd _mm256_sub_pd _mm256_mul_pd
        _mm256_div_pd _mm256_fmadd_pd _mm256_sqrt_pd _mm256_min_pd
        _mm256_max_pd);

    #[inline(always)]
    fn abs(a: __m256d) -> __m256d {
        // SAFETY: see the module's documentation.
        unsafe { _mm256_andnot_pd(_mm256_set1_pd(-0.0), a) }
    }
    #[inline(always)]
    fn select_gt(a: __m256d, b: __m256d, if_greater: __m256d, otherwise: __m256d) -> __m256d {
        // SAFETY: see the module's documentation.
        unsafe { _mm256_blendv_pd(otherwise, if_greater, _mm256_cmp_pd::<_CMP_GT_OQ>(a, b)) }
    }
    #[inline(always)]
    fn exponent_from_low_bits(a: __m256d) -> __m256d {
        // SAFETY: see the module's documentation.
        unsafe { _mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_castpd_si256(a))) }
    }
    #[inline(always)]
    fn sum(a: __m256d) -> f64 {
        // SAFETY: see the module's documentation.
        let half = unsafe { _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd::<1>(a)) };
        // SAFETY: SSE2 is part of the target.
        unsafe { _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half))) }
    }
    /// Upper halves onto lower ones, two packs to a register; then neighbours.
    #[inline(always)]
    fn sum_four([a, b, c, d]: [__m256d; 4]) -> [f64; 4] {
        // SAFETY: see the module's documentation.
        let fold = |x: __m256d, y: __m256d| unsafe {
            _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(x, y), _mm256_permute2f128_pd::<0x31>(x, y))
        };
        let (ac, bd) = (fold(a, c), fold(b, d));
        // SAFETY: see the module's documentation.
        let sums = unsafe { _mm256_hadd_pd(ac, bd) };
        // Within each half a pair of sums: (a, b) and (c, d).
        let sums = Self::as_slice(&sums);
        [sums[0], sums[1], sums[2], sums[3]]
    }
}

#[expect(unsafe_code, reason = "intrinsics")]
impl InstructionSet for Avx512 {
    register!(__m512d, [f64; 8], Avx512Single, 32, "avx2,fma,avx512f,avx512dq,avx512vl", _mm512_set1_pd _mm512_add_pd _mm512_sub_pd
        _mm512_mul_pd _mm512_div_pd _mm512_fmadd_pd _mm512_sqrt_pd _mm512_min_pd
        _mm512_max_pd);

    #[inline(always)]
    fn abs(a: __m512d) -> __m512d {
        // SAFETY: see the module's documentation.
        unsafe { _mm512_abs_pd(a) }
    }
    #[inline(always)]
    fn select_gt(a: __m512d, b: __m512d, if_greater: __m512d, otherwise: __m512d) -> __m512d {
        // SAFETY: see the module's documentation.
        unsafe { _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<_CMP_GT_OQ>(a, b), otherwise, if_greater) }
    }
    #[inline(always)]
    fn exponent_from_low_bits(a: __m512d) -> __m512d {
        // SAFETY: see the module's documentation.
        unsafe { _mm512_castsi512_pd(_mm512_slli_epi64::<52>(_mm512_castpd_si512(a))) }
    }
    #[inline(always)]
    fn sum(a: __m512d) -> f64 {
        // SAFETY: see the module's documentation.
        let half = unsafe { _mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd::<1>(a)) };
        Avx2::sum(half)
    }
    #[inline(always)]
    fn sum_four(packs: [__m512d; 4]) -> [f64; 4] {
        let mut halves = [Avx2::splat(0.0); 4];
        for (half, a) in halves.iter_mut().zip(packs) {
            // SAFETY: see the module's documentation.
            *half = unsafe { _mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd::<1>(a)) };
        }
        Avx2::sum_four(halves)
    }
}

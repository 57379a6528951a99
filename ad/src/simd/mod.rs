//! Choosing an instruction set at run time, so that a user passes no build flags.
//!
//! A [`Kernel`] is code over any [`Real`]. [`Isa::dispatch`] runs it on packs of one instruction set: the kernel is
//! inlined into a function that is compiled with the set's `target_feature`s. All of the kernel must be
//! `#[inline(always)]`, because a function that is not inlined is compiled without those features. The same holds for
//! closures: one that an iterator or `array::map` calls may be compiled by itself. The result is right, but it was seen
//! to be eighteen times slower. Inner loops over packs are therefore plain loops.
//!
//! The time to compile a function grows faster than its size, inlined code included. The stages of a large kernel are
//! therefore closures that [`Real::vectorized`] runs, each in a function of its own for the same set.

mod instruction_set;
mod lanes;
mod portable;
#[cfg(target_arch = "x86_64")]
mod register_pair;
#[cfg(target_arch = "x86_64")]
mod x86;

use instruction_set::InstructionSet;
pub(crate) use lanes::Lanes;
pub(crate) use portable::Portable;
#[cfg(target_arch = "x86_64")]
use register_pair::RegisterPair;
#[cfg(target_arch = "x86_64")]
use x86::{Avx2, Avx512};

use crate::real::Real;

/// A computation that can run on packs of any instruction set.
pub trait Kernel {
    /// The result of the computation.
    type Output;

    /// Runs the computation over the packs `R`.
    ///
    /// Mark it `#[inline(always)]`, and everything that it calls in its inner loops.
    fn run<R: Real>(self) -> Self::Output;
}

/// An instruction set as a value, chosen at run time. The variants depend on the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isa {
    /// The instructions that every processor of the target has: SSE2 on x86-64, NEON on aarch64.
    Portable,
    /// AVX2 with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 with its extensions DQ and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// All sets that this processor can run, the fastest last.
    pub fn available() -> Vec<Isa> {
        let mut sets = vec![Isa::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if Avx2::available() {
                sets.push(Isa::Avx2);
            }
            if Avx512::available() {
                sets.push(Isa::Avx512);
            }
        }
        sets
    }

    /// The fastest set that this processor can run.
    pub fn best() -> Isa {
        #[cfg(target_arch = "x86_64")]
        {
            if Avx512::available() {
                return Isa::Avx512;
            }
            if Avx2::available() {
                return Isa::Avx2;
            }
        }
        Isa::Portable
    }

    /// A name for reports, because results have the same bits on one instruction set only.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => "avx2+fma",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => "avx512",
        }
    }

    /// Runs `kernel` on packs of this set.
    ///
    /// # Panics
    /// If the processor lacks the set.
    #[inline]
    pub fn dispatch<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Isa::Portable => run::<_, Portable>(kernel),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => run::<_, RegisterPair<Avx2>>(kernel),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => run::<_, Avx512>(kernel),
        }
    }
}

/// Runs a kernel on packs of one instruction set.
#[inline]
fn run<K: Kernel, I: InstructionSet>(kernel: K) -> K::Output {
    I::vectorized(
        #[inline(always)]
        || kernel.run::<Lanes<I>>(),
    )
}

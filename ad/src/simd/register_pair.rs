//! Two registers as one pack.
//!
//! In a long formula over one register each operation waits for the one before: softplus is a chain of some thirty, too
//! long for a processor with few registers to overlap it with the next chain. Over two registers every operation has a
//! second, independent one beside it, and every constant is loaded once for both. The kernels of [`crate::linear`] take
//! the registers one by one.

use std::marker::PhantomData;

use super::instruction_set::InstructionSet;

/// The instruction set `I`, two registers at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RegisterPair<I>(PhantomData<I>);

/// Operations that act on both registers alike.
macro_rules! both {
    ($($name:ident($($x:ident),*);)*) => {$(
        #[inline(always)]
        fn $name($($x: Self::Pack),*) -> Self::Pack {
            [I::$name($($x[0]),*), I::$name($($x[1]),*)]
        }
    )*};
}

impl<I: InstructionSet<Register = I>> InstructionSet for RegisterPair<I> {
    type Lane = I::Lane;
    type Pack = [I::Pack; 2];
    type Register = I;
    type Single = I::Single;
    const LANES: usize = 2 * I::LANES;
    const REGISTERS: usize = I::REGISTERS / 2;

    #[inline(always)]
    fn splat(x: f64) -> Self::Pack {
        let register = I::splat(x);
        [register, register] // `[register; 2]` would be compiled as a loop, and constants are everywhere.
    }
    #[inline(always)]
    #[expect(unsafe_code, reason = "reinterprets two registers")]
    fn as_slice(x: &Self::Pack) -> &[I::Lane] {
        const { assert!(size_of::<I::Pack>() == I::LANES * size_of::<I::Lane>()) };
        // SAFETY: a register is so many numbers, and an array has no gaps.
        unsafe { std::slice::from_raw_parts(x.as_ptr().cast(), Self::LANES) }
    }
    #[inline(always)]
    #[expect(unsafe_code, reason = "reinterprets two registers")]
    fn as_mut_slice(x: &mut Self::Pack) -> &mut [I::Lane] {
        const { assert!(size_of::<I::Pack>() == I::LANES * size_of::<I::Lane>()) };
        // SAFETY: as above; the borrow is exclusive and any numbers make a register.
        unsafe { std::slice::from_raw_parts_mut(x.as_mut_ptr().cast(), Self::LANES) }
    }
    both! {
        add(a, b);
        sub(a, b);
        mul(a, b);
        div(a, b);
        mul_add(a, b, c);
        abs(a);
        sqrt(a);
        min(a, b);
        max(a, b);
        select_gt(a, b, if_greater, otherwise);
        exponent_from_low_bits(a);
    }
    #[inline(always)]
    fn sum([low, high]: Self::Pack) -> f64 {
        I::sum(I::add(low, high))
    }
    #[inline(always)]
    fn vectorized<O>(stage: impl FnOnce() -> O) -> O {
        I::vectorized(stage)
    }
}

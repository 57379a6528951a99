//! The interface of an instruction set: its register as a type, and the operations on it.

use crate::precision::Lane;

/// An instruction set as a type: its register and the operations on it, lane by lane.
pub(crate) trait InstructionSet: Copy + std::fmt::Debug + Send + Sync + 'static {
    /// The number that a lane holds.
    type Lane: Lane;
    /// One vector register, or two: `LANES` numbers and nothing else.
    type Pack: Copy + std::fmt::Debug + Send + Sync + 'static;
    /// The same instructions, one register at a time.
    type Register: InstructionSet;
    /// The same instructions in single precision, on twice as many numbers per register; the set itself if it has none.
    type Single: InstructionSet;
    /// Number of lanes in a pack.
    const LANES: usize;
    /// Number of packs that the registers hold.
    const REGISTERS: usize;

    fn splat(x: f64) -> Self::Pack;
    fn as_slice(x: &Self::Pack) -> &[Self::Lane];
    fn as_mut_slice(x: &mut Self::Pack) -> &mut [Self::Lane];
    fn add(a: Self::Pack, b: Self::Pack) -> Self::Pack;
    fn sub(a: Self::Pack, b: Self::Pack) -> Self::Pack;
    fn mul(a: Self::Pack, b: Self::Pack) -> Self::Pack;
    fn div(a: Self::Pack, b: Self::Pack) -> Self::Pack;
    /// `a b + c`.
    fn mul_add(a: Self::Pack, b: Self::Pack, c: Self::Pack) -> Self::Pack;
    fn abs(a: Self::Pack) -> Self::Pack;
    fn sqrt(a: Self::Pack) -> Self::Pack;
    fn select_gt(a: Self::Pack, b: Self::Pack, if_greater: Self::Pack, otherwise: Self::Pack) -> Self::Pack;
    /// The smaller one; `a` if either is NaN.
    fn min(a: Self::Pack, b: Self::Pack) -> Self::Pack {
        Self::select_gt(a, b, b, a)
    }
    /// The larger one; `a` if either is NaN.
    fn max(a: Self::Pack, b: Self::Pack) -> Self::Pack {
        Self::select_gt(b, a, b, a)
    }
    /// Moves the low bits up to where the exponent is.
    fn exponent_from_low_bits(a: Self::Pack) -> Self::Pack;
    /// The sum over the lanes, in an order that the set chooses; by default from the first lane to the last.
    fn sum(a: Self::Pack) -> f64 {
        Self::as_slice(&a).iter().map(|x| x.widen()).sum()
    }
    /// The sums of four packs, each in the order of [`InstructionSet::sum`].
    fn sum_four(a: [Self::Pack; 4]) -> [f64; 4] {
        a.map(Self::sum)
    }

    /// Runs `stage` in a function of its own, compiled for this set.
    fn vectorized<O>(stage: impl FnOnce() -> O) -> O;
}

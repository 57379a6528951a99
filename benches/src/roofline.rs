//! The peak rate of this processor, measured by independent multiply-adds in registers.

use std::hint::black_box;

use ircpm_ad::{Isa, Kernel, Real};

/// Number of independent sums: enough to hide the latency of a multiply-add on two or four ports, and few enough for 16
/// registers.
const SUMS: usize = 12;

/// Adds a product to each of [`SUMS`] registers, `rounds` times; no register depends on another.
struct MultiplyAdds {
    rounds: usize,
}

impl Kernel for MultiplyAdds {
    /// Number of floating-point operations done.
    type Output = usize;

    #[inline(always)]
    fn run<R: Real>(self) -> usize {
        self.over::<R::Register>()
    }
}

impl MultiplyAdds {
    #[inline(always)]
    fn over<R: Real>(self) -> usize {
        let factor = R::constant(black_box(0.999_999));
        let term = R::constant(black_box(1e-6));
        let mut sums = [R::one(); SUMS];
        for _ in 0..self.rounds {
            for k in 0..SUMS {
                sums[k] = sums[k].mul_add(factor, term);
            }
        }
        let mut total = R::zero();
        for k in 0..SUMS {
            total += sums[k];
        }
        black_box(total.sum());
        2 * R::LANES * SUMS * self.rounds
    }
}

/// Runs multiply-adds for about a millisecond, and returns the floating-point operations done, two per multiply-add.
pub fn multiply_adds(isa: Isa) -> usize {
    isa.dispatch(MultiplyAdds { rounds: 1 << 17 })
}

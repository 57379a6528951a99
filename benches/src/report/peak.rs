//! The peak that tables compare with, and the pool of one thread on which both are timed.

use ircpm_ad::Isa;

use crate::race::{Contender, Timing};
use crate::roofline;

/// The multiply-adds that measure the peak, as a contender.
pub(super) fn ceiling<'a>(isa: Isa) -> Contender<'a> {
    Contender::new("multiply-adds", 1, move || roofline::multiply_adds(isa))
}

/// The peak in floating-point operations per second, from the time of [`ceiling`].
pub(super) fn peak(isa: Isa, timing: Timing) -> f64 {
    roofline::multiply_adds(isa) as f64 / timing.least
}

/// Runs `f` on a pool of one thread, because threads that wait for work would add to the CPU time.
pub(super) fn single<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread").install(f)
}

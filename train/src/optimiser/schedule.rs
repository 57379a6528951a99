//! Learning rate as a function of the step.

use std::f64::consts::PI;

/// How the learning rate moves from its peak over a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// The peak at every step.
    Constant,
    /// Linear from `peak / warmup` to the peak in `warmup` steps, then half a cosine down to zero at the end of the run
    /// (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts).
    Cosine {
        /// Steps of linear growth.
        warmup: usize,
    },
}

impl Schedule {
    /// Learning rate of step `step` (from 0) in a run of `total` steps.
    ///
    /// Zero at `step ≥ total` for the cosine. A warm-up that is longer than the run is cut off by its end.
    pub fn rate(self, peak: f64, step: usize, total: usize) -> f64 {
        match self {
            Schedule::Constant => peak,
            Schedule::Cosine { .. } if step >= total => 0.0,
            Schedule::Cosine { warmup } if step < warmup => peak * (step + 1) as f64 / warmup as f64,
            Schedule::Cosine { warmup } => {
                let done = (step - warmup) as f64 / (total - warmup) as f64;
                peak * 0.5 * (1.0 + (PI * done).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_schedule_meets_its_closed_form_values() {
        let schedule = Schedule::Cosine { warmup: 4 };
        let rate = |step| schedule.rate(2.0, step, 104);
        assert_eq!([rate(0), rate(1), rate(3), rate(4)], [0.5, 1.0, 2.0, 2.0]);
        assert!((rate(54) - 1.0).abs() < 1e-15, "half-way down: {}", rate(54));
        assert!((rate(29) - (1.0 + 0.5f64.sqrt())).abs() < 1e-15, "a quarter down: {}", rate(29));
        assert_eq!(rate(104), 0.0);
    }

    #[test]
    fn cosine_schedule_never_rises_after_warm_up() {
        let schedule = Schedule::Cosine { warmup: 10 };
        for step in 10..99 {
            assert!(schedule.rate(1.0, step + 1, 100) < schedule.rate(1.0, step, 100), "step {step}");
        }
    }

    #[test]
    fn schedule_is_finite_at_degenerate_lengths() {
        for (warmup, total) in [(0, 0), (0, 1), (1, 1), (5, 1), (5, 5)] {
            for step in 0..7 {
                let rate = Schedule::Cosine { warmup }.rate(1.0, step, total);
                assert!((0.0..=1.0).contains(&rate), "warm-up {warmup}, total {total}, step {step}: {rate}");
            }
        }
        assert_eq!(Schedule::Constant.rate(0.3, 7, 0), 0.3);
    }
}

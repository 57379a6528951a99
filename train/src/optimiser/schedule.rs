//! Learning rate as a function of the step.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// How the learning rate moves from its peak over a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// The peak at every step, without a warm-up.
    Constant,
    /// Linear from `peak / warmup` to the peak in the steps of the warm-up, then half a cosine down to zero at the end
    /// of the run (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts).
    Cosine,
}

/// The learning rate as a function of the step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearningRate {
    /// Largest learning rate.
    pub peak: f64,
    /// How the rate moves from its peak.
    pub schedule: Schedule,
    /// Steps of linear growth that the cosine begins with.
    pub warmup: usize,
    /// Steps of the whole run.
    pub steps: usize,
}

impl LearningRate {
    /// Learning rate of step `step`, counted from 0.
    ///
    /// Zero at `step ≥ steps` for the cosine. A warm-up that is longer than the run is cut off by its end.
    pub fn at(&self, step: usize) -> f64 {
        match self.schedule {
            Schedule::Constant => self.peak,
            Schedule::Cosine if step >= self.steps => 0.0,
            Schedule::Cosine if step < self.warmup => self.peak * (step + 1) as f64 / self.warmup as f64,
            Schedule::Cosine => {
                let done = (step - self.warmup) as f64 / (self.steps - self.warmup) as f64;
                self.peak * 0.5 * (1.0 + (PI * done).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(peak: f64, warmup: usize, steps: usize) -> LearningRate {
        LearningRate { peak, schedule: Schedule::Cosine, warmup, steps }
    }

    #[test]
    fn cosine_schedule_meets_its_closed_form_values() {
        let rate = |step| cosine(2.0, 4, 104).at(step);
        assert_eq!([rate(0), rate(1), rate(3), rate(4)], [0.5, 1.0, 2.0, 2.0]);
        assert!((rate(54) - 1.0).abs() < 1e-15, "half-way down: {}", rate(54));
        assert!((rate(29) - (1.0 + 0.5f64.sqrt())).abs() < 1e-15, "a quarter down: {}", rate(29));
        assert_eq!(rate(104), 0.0);
    }

    #[test]
    fn cosine_schedule_never_rises_after_warm_up() {
        let rate = cosine(1.0, 10, 100);
        for step in 10..99 {
            assert!(rate.at(step + 1) < rate.at(step), "step {step}");
        }
    }

    #[test]
    fn schedule_is_finite_at_degenerate_lengths() {
        for (warmup, total) in [(0, 0), (0, 1), (1, 1), (5, 1), (5, 5)] {
            for step in 0..7 {
                let rate = cosine(1.0, warmup, total).at(step);
                assert!((0.0..=1.0).contains(&rate), "warm-up {warmup}, total {total}, step {step}: {rate}");
            }
        }
        let constant = LearningRate { schedule: Schedule::Constant, ..cosine(0.3, 0, 0) };
        assert_eq!(constant.at(7), 0.3);
    }
}

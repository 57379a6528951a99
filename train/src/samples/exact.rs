//! Independent samples of a target itself, by rejection.

use super::{Batch, Samples, SamplesError};
use crate::points::Generator;

/// Most by which the logarithm of a sample's acceptance may exceed zero: rounding of log q and of the energy.
const ROUNDING: f64 = 1e-9;

/// Independent samples of the target `exp(−βu)/Z`, from those of a flow by rejection, as an iterator over [`Batch`]es.
///
/// With a bound `m ≤ log q + βu` over the whole manifold a sample of q is kept with the probability
/// `exp(m − log q − βu)`, which is at most one. What is kept has the target's law exactly, whatever the flow, up to rounding
/// of the samples and of log q (section 40 of `docs/mathematics.md`). The same seed gives the same bits on one instruction
/// set, whatever the number of threads, and a smaller number of samples is the beginning of a larger one.
pub struct ExactSamples<'a> {
    samples: Samples<'a>,
    lowest: f64,
    uniform: Generator,
    left: usize,
    kept: usize,
    drawn: usize,
}

impl<'a> ExactSamples<'a> {
    /// `count` samples; `lowest` is a proven lower bound of `log q + βu`. The samples must have a target; their own number is
    /// the largest number of tries.
    pub fn new(samples: Samples<'a>, lowest: f64, count: usize, seed: u64) -> Self {
        // A stream of its own, so that acceptance is independent of the base points.
        let uniform = Generator::from_seed(Generator::from_seed(seed).next_u64());
        Self { samples, lowest, uniform, left: count, kept: 0, drawn: 0 }
    }

    /// Share of the flow's samples that were kept so far; NaN before the first.
    pub fn acceptance(&self) -> f64 {
        self.kept as f64 / self.drawn as f64
    }

    /// Those of a batch that are kept, at most as many as are left.
    fn keep(&mut self, batch: &Batch) -> Result<Batch, SamplesError> {
        let n = batch.points.len() / batch.log_q.len().max(1);
        let mut kept = Batch::default();
        for (i, &log_weight) in batch.log_weight.iter().enumerate() {
            if self.left == 0 {
                break;
            }
            let log_acceptance = self.lowest + log_weight;
            if log_acceptance.is_nan() || log_acceptance > ROUNDING {
                return Err(SamplesError::Bound { excess: log_acceptance });
            }
            // In (0, 1].
            let uniform = ((self.uniform.next_u64() >> 11) + 1) as f64 * 2_f64.powi(-53);
            self.drawn += 1;
            if uniform.ln() <= log_acceptance {
                kept.points.extend(&batch.points[i * n..(i + 1) * n]);
                kept.log_q.push(batch.log_q[i]);
                kept.log_weight.push(log_weight);
                self.kept += 1;
                self.left -= 1;
            }
        }
        Ok(kept)
    }
}

impl Iterator for ExactSamples<'_> {
    type Item = Result<Batch, SamplesError>;

    /// What is kept of the next batch, which may be nothing. After an error there are no more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let batch = self.samples.next()?.and_then(|batch| match self.samples.failed() {
            0 => self.keep(&batch),
            // Another sample in the place of one that failed has another law.
            failed => Err(SamplesError::Failed { failed }),
        });
        if batch.is_err() {
            self.left = 0;
        }
        Some(batch)
    }
}

//! The last batches of a training by gradients.

use std::collections::VecDeque;

use crate::estimate::Estimates;

/// The last batches, for a look at the quality while training goes on.
#[derive(Default)]
pub(super) struct Recent {
    pub(super) loss: Option<f64>,
    log_weights: VecDeque<Vec<f64>>,
}

impl Recent {
    const BATCHES: usize = 8;

    pub(super) fn push(&mut self, loss: f64, log_weights: Vec<f64>) {
        self.loss = Some(loss);
        self.log_weights.push_back(log_weights);
        if self.log_weights.len() > Self::BATCHES {
            self.log_weights.pop_front();
        }
    }

    /// Estimates over the batches together; none if there are no weights, or unusable ones.
    pub(super) fn quality(&self, log_z: Option<f64>) -> Option<Estimates> {
        let log_weights: Vec<f64> = self.log_weights.iter().flatten().copied().collect();
        Estimates::new(&log_weights, 0, log_z).ok()
    }
}

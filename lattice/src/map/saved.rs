//! What a lattice map keeps in a record beside the points.

use std::collections::BTreeMap;

use ircpm_flow::Record;

use super::clamped::Clamped;

/// The parameters of a run, and the spectra of the samples that were clamped afterwards.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters {
    pub theta: Vec<f64>,
    pub clamped: BTreeMap<usize, Clamped>,
}

impl Parameters {
    /// Begins a run.
    pub(super) fn set(&mut self, theta: &[f64]) {
        self.theta.clear();
        self.theta.extend_from_slice(theta);
        self.clamped.clear();
    }

    /// What `record` holds.
    ///
    /// # Panics
    /// If no lattice map has run into it.
    pub(super) fn of(record: &Record) -> &Self {
        record.saved().get().expect("a record is read by the map that made it")
    }
}

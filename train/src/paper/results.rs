//! What the programme has found so far.

use serde::Serialize;

use super::{Goal, Measured, Row};
use crate::estimate::Estimate;

/// A row at one seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// What was measured; none if training failed.
    pub measured: Option<Measured>,
    /// Why training failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A row at all of its seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The row.
    pub row: Row,
    /// One for each seed.
    pub runs: Vec<Run>,
}

/// All rows and studies that are done.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// Whether it is the quick programme.
    pub quick: bool,
    /// Line with date, processor and threads.
    pub machine: String,
    /// Rows with at least one run, in the order of the programme.
    pub outcomes: Vec<Outcome>,
    /// Tables of the studies.
    pub tables: Vec<Table>,
    /// Names of the pictures' files.
    pub pictures: Vec<(String, String)>,
    /// Whether all that was asked for is done.
    pub complete: bool,
}

/// What a study has found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Title on the page.
    pub title: String,
    /// What was measured and how, and what the paper says of it.
    pub lead: String,
    /// Names of the columns.
    pub header: Vec<String>,
    /// One text per column.
    pub rows: Vec<Vec<String>>,
    /// Rows that have not reached what they are held against.
    pub missed: usize,
}

impl Outcome {
    /// What was measured, seed by seed.
    pub fn measured(&self) -> impl Iterator<Item = &Measured> {
        self.runs.iter().filter_map(|run| run.measured.as_ref())
    }

    /// Mean over the seeds of a number, with its standard error over them; of one seed its own error.
    fn over_seeds(&self, of: impl Fn(&Measured) -> Estimate) -> Option<Estimate> {
        let all: Vec<Estimate> = self.measured().map(of).collect();
        match &all[..] {
            [] => None,
            [one] => Some(*one),
            _ => Some(Estimate::mean_of(&all.iter().map(|one| one.value).collect::<Vec<f64>>())),
        }
    }

    /// ESS as a share.
    pub fn ess(&self) -> Option<Estimate> {
        self.over_seeds(|m| Estimate { value: m.ess, standard_error: m.ess_se })
    }

    /// KL in nats.
    pub fn kl(&self) -> Option<Estimate> {
        self.over_seeds(|m| Estimate { value: m.kl, standard_error: m.kl_se })
    }

    /// Mean processor seconds of training per seed.
    pub fn cpu_seconds(&self) -> Option<f64> {
        let all: Vec<f64> = self.measured().map(|m| m.cpu_seconds).collect();
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
    }

    /// Seeds whose map folds or has another mass than one.
    pub fn folded(&self) -> usize {
        self.measured().filter(|m| !m.density).count()
    }

    /// Seeds whose training failed.
    pub fn failed(&self) -> usize {
        self.runs.iter().filter(|run| run.measured.is_none()).count()
    }

    /// Whether the row has reached what it is held against; none if it is held against nothing.
    pub fn reached(&self) -> Option<bool> {
        let sound = self.folded() == 0 && self.failed() == 0;
        let near = |found: Option<Estimate>, (best, tolerance): (f64, f64)| {
            found.is_some_and(|found| (found.value - best).abs() <= tolerance)
        };
        match self.row.goal {
            Goal::Seen => None,
            Goal::Ess(least) => Some(sound && self.ess().is_some_and(|ess| ess.value >= least)),
            Goal::Optimum { kl, ess } => Some(sound && near(self.kl(), kl) && near(self.ess(), ess)),
        }
    }
}

impl Results {
    /// Rows and lines of studies that have not reached what they are held against.
    pub fn missed(&self) -> usize {
        let rows = self.outcomes.iter().filter(|outcome| outcome.reached() == Some(false)).count();
        rows + self.tables.iter().map(|table| table.missed).sum::<usize>()
    }
}

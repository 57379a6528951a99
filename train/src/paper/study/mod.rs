//! Measurements of the paper that are no rows of its tables.

mod bounds;
mod log_det;
mod minima;
mod points;

use std::sync::atomic::AtomicBool;

use super::{Models, PaperError, Table};

/// What a study is given.
pub struct Setting<'a> {
    /// Whether it is the quick programme.
    pub quick: bool,
    /// Points at which the potentials are bounded.
    pub points: usize,
    /// Seed of points and initial parameters.
    pub seed: u64,
    /// Ends a study early, with [`PaperError::Stopped`].
    pub stop: &'a AtomicBool,
}

/// A measurement.
#[derive(Clone, Copy)]
pub struct Study {
    /// Name on the command line.
    pub name: &'static str,
    /// Measures; no table if none of the models that it is about is there.
    pub measure: fn(&Models, &Setting<'_>) -> Result<Option<Table>, PaperError>,
}

/// All studies, in the order of the page.
pub const STUDIES: [Study; 4] = [
    Study { name: "bounds", measure: bounds::measure },
    Study { name: "minima", measure: minima::measure },
    Study { name: "log-det", measure: log_det::measure },
    Study { name: "points", measure: points::measure },
];

/// Column names as a table keeps them.
fn header<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

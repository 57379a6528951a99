//! What is asked for, and what is told meanwhile.

/// What is to be proven, and at what cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// How close the proven bound shall come to the smallest eigenvalue, relative to it: 0.05 for five per cent.
    ///
    /// With 1 the search proves no more than that `H` is positive definite, with fewer cells.
    pub tolerance: f64,
    /// A bound that must be proven, at least 0. A layer whose eigenvalue is above 0 but not above this stays undecided.
    pub floor: f64,
    /// The largest number of cells to look at.
    pub cells: u64,
}

impl Default for Options {
    /// Five per cent, no floor, and four million cells.
    fn default() -> Self {
        Self { tolerance: 0.05, floor: 0.0, cells: 4_000_000 }
    }
}

/// The state of a search, told after every generation of cells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Cells that were looked at.
    pub cells: u64,
    /// Cells that wait.
    pub waiting: u64,
    /// The part of the charts, by volume, on which the bound is proven.
    pub proven: f64,
    /// The smallest eigenvalue at the points that were looked at, to rounding.
    pub estimate: f64,
}

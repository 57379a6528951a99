//! Where a map folds, as far as the points of an evaluation show.

use ircpm_flow::SignedDensities;

/// What all points of an evaluation show of folds: fresh base points, model samples, points to learn from and held-out
/// ones, and the nodes at which the mass is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fold {
    /// Smallest eigenvalue of `H` over all points; NaN where a point is beyond the injectivity radius.
    pub min_eigenvalue: f64,
    /// Share of the points where it is not positive, or beyond the injectivity radius.
    pub indefinite_share: f64,
    /// Points `y` with `T(S(y)) ≠ y`, `S` the closed-form inverse: two points then have the same preimage, even if `H`
    /// is positive definite at both.
    pub unreached: usize,
}

impl Fold {
    /// Whether a point was seen where the map folds: then its `q` is not a density.
    pub fn is_folded(&self) -> bool {
        // A share of no points is NaN, which shows nothing: it counts as a fold, like a NaN eigenvalue.
        let share = self.indefinite_share;
        self.min_eigenvalue <= 0.0
            || self.min_eigenvalue.is_nan()
            || share > 0.0
            || share.is_nan()
            || self.unreached > 0
    }
}

/// Folds among the points so far.
#[derive(Clone, Debug)]
pub(super) struct Survey {
    lowest: f64,
    points: usize,
    indefinite: usize,
    pub(super) unreached: usize,
}

impl Survey {
    pub(super) fn new() -> Self {
        Self { lowest: f64::INFINITY, points: 0, indefinite: 0, unreached: 0 }
    }

    /// Takes up more points.
    pub(super) fn add(&mut self, found: &SignedDensities) {
        self.points += found.ok.len();
        self.indefinite += found.ok.iter().filter(|ok| !**ok).count();
        for &e in &found.min_eigenvalue {
            // `f64::min` would drop a NaN.
            self.lowest = if e < self.lowest || e.is_nan() { e } else { self.lowest };
        }
    }

    /// Takes up solves that ended where `H` is not positive definite, or beyond the injectivity radius.
    pub(super) fn add_indefinite(&mut self, solves: usize) {
        self.points += solves;
        self.indefinite += solves;
    }

    pub(super) fn fold(&self) -> Fold {
        Fold {
            min_eigenvalue: self.lowest,
            indefinite_share: self.indefinite as f64 / self.points as f64,
            unreached: self.unreached,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_of_no_points_counts_as_a_fold() {
        assert!(Survey::new().fold().is_folded());
    }

    #[test]
    fn nan_eigenvalue_is_not_passed_over() {
        let mut survey = Survey::new();
        for min_eigenvalue in [0.5, f64::NAN, 0.1] {
            let mut found = SignedDensities::default();
            (found.min_eigenvalue, found.ok) = (vec![min_eigenvalue], vec![true]);
            survey.add(&found);
        }
        assert!(survey.fold().min_eigenvalue.is_nan() && survey.fold().is_folded());
    }
}

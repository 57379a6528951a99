//! Columns that follow from others: equal, shifted or negated pairs, and hyperplanes.

use std::f64::consts::TAU;

use nalgebra::{DMatrix, SymmetricEigen};

use super::{Degenerate, EXACT, Finding, Kind, NEAR, Relation, Table};
use crate::quantiles::Sorted;

/// Coefficients of a hyperplane below this share of the largest belong to columns that do not matter.
const NEGLIGIBLE: f64 = 1e-6;

/// An angle between −π and π.
pub(super) fn turn(angle: f64) -> f64 {
    angle - TAU * (angle / TAU).round()
}

impl Table<'_> {
    /// Pairs of which one nearly follows from the other.
    ///
    /// # Errors
    /// [`Degenerate::Dependent`] for the first pair that does so to rounding.
    pub(super) fn pairs(&self, distinct: usize) -> Result<Vec<Finding>, Degenerate> {
        let mut findings = Vec::new();
        for second in 1..self.columns.len() {
            for first in 0..second {
                let Some((relation, difference)) = self.relation(first, second) else { continue };
                let (first, second) = (first + 1, second + 1);
                if difference <= EXACT {
                    let manifold = self.manifold.to_string();
                    return Err(Degenerate::Dependent { first, second, relation, manifold });
                }
                // Two points are near anything by chance.
                if difference <= NEAR && distinct > 2 {
                    findings.push(Finding::NearlyDependent { first, second, relation, difference });
                }
            }
        }
        Ok(findings)
    }

    /// The relation that two columns are nearest to, and the largest difference from it; `None` where a relation means
    /// nothing.
    fn relation(&self, first: usize, second: usize) -> Option<(Relation, f64)> {
        let periodic = match (self.kinds[first], self.kinds[second]) {
            (Kind::Angle, Kind::Angle | Kind::Real) | (Kind::Real, Kind::Angle) => true,
            (Kind::Real, Kind::Real) => false,
            // Within a unit vector a hyperplane says it.
            (Kind::Unit(a), Kind::Unit(b)) if a != b => false,
            _ => return None,
        };
        let (a, b) = (&self.columns[first], &self.columns[second]);
        let scale = if periodic { 1.0 } else { Sorted::new(b.clone()).spread() };
        let of_sign = |sign: f64| {
            let start = b[0] - sign * a[0];
            let shift = if periodic { turn(start) } else { start };
            let difference = |(a, b): (&f64, &f64)| {
                let difference = b - sign * a - start;
                (if periodic { turn(difference) } else { difference }).abs() / scale
            };
            (shift, a.iter().zip(b).map(difference).fold(0.0, f64::max))
        };
        let ((shift, plus), (sum, minus)) = (of_sign(1.0), of_sign(-1.0));
        Some(match (plus <= minus, shift.abs() <= plus.max(EXACT) * scale) {
            (true, true) => (Relation::Equal, plus),
            (true, false) => (Relation::Shifted(shift), plus),
            (false, _) => (Relation::Negated(sum), minus),
        })
    }

    /// Unit vectors, and all real columns together, that lie near a hyperplane.
    ///
    /// # Errors
    /// [`Degenerate::Hyperplane`] for the first that lie in one to rounding.
    pub(super) fn hyperplanes(&self, distinct: usize) -> Result<Vec<Finding>, Degenerate> {
        let of =
            |kind: Kind| -> Vec<usize> { (0..self.kinds.len()).filter(|&i| self.kinds[i] == kind).collect() };
        let vectors =
            (0..self.kinds.len()).filter(|&i| self.kinds[i] == Kind::Unit(i)).map(|i| of(Kind::Unit(i)));
        let mut findings = Vec::new();
        for columns in vectors.chain([of(Kind::Real)]) {
            // As many points as columns always lie in a hyperplane; a single column has none.
            if columns.len() < 2 || distinct <= columns.len() {
                continue;
            }
            let (normal, distance) = self.nearest_hyperplane(&columns);
            let largest = normal.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
            let matters = |&(_, coefficient): &(&usize, &f64)| coefficient.abs() > NEGLIGIBLE * largest;
            let named =
                || columns.iter().zip(&normal).filter(matters).map(|(column, _)| column + 1).collect();
            if distance <= EXACT {
                return Err(Degenerate::Hyperplane { columns: named(), manifold: self.manifold.to_string() });
            }
            if distance <= NEAR {
                findings.push(Finding::NearHyperplane { columns: named(), distance });
            }
        }
        Ok(findings)
    }

    /// The normal of the hyperplane of least squares, and the largest distance from it, both with real columns in units
    /// of their spreads.
    fn nearest_hyperplane(&self, columns: &[usize]) -> (Vec<f64>, f64) {
        let standard: Vec<Vec<f64>> = columns.iter().map(|&i| self.standardised(i)).collect();
        let n = columns.len();
        let product =
            |i: usize, j: usize| standard[i].iter().zip(&standard[j]).map(|(a, b)| a * b).sum::<f64>();
        let eigen = SymmetricEigen::new(DMatrix::from_fn(n, n, product));
        let smallest = (1..n).fold(0, |s, i| if eigen.eigenvalues[i] < eigen.eigenvalues[s] { i } else { s });
        let normal: Vec<f64> = eigen.eigenvectors.column(smallest).iter().copied().collect();
        // From the points, not from the eigenvalue, which is a square and is lost below 1e-16.
        let distance = |row: usize| (0..n).map(|i| normal[i] * standard[i][row]).sum::<f64>().abs();
        let largest = (0..self.rows).map(distance).fold(0.0, f64::max);
        (normal, largest)
    }

    /// A column from its mean on; a real one in units of its spread.
    fn standardised(&self, column: usize) -> Vec<f64> {
        let values = &self.columns[column];
        let scale = if self.kinds[column] == Kind::Real { Sorted::new(values.clone()).spread() } else { 1.0 };
        let start = values[0];
        let mean = values.iter().map(|x| (x - start) / scale).sum::<f64>() / self.rows as f64;
        values.iter().map(|x| (x - start) / scale - mean).collect()
    }
}

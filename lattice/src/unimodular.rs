//! Changes of coordinates by unimodular integer matrices: automorphisms of the torus, as layers between others.

use std::f64::consts::TAU;

use ircpm_flow::{Cotangents, Direction, Gradients, Map, Record, ThetaGradient, Workspace};
use ircpm_manifolds::{AnyManifold, Torus};

use crate::error::UnimodularError;

/// A row of a matrix: its columns that are not zero, with their entries.
type Row = Vec<(usize, i64)>;

/// The map `y = M x` of the torus, with an integer matrix `M` whose determinant is ±1.
///
/// Its inverse is an integer matrix as well, so that it is a diffeomorphism of the torus with `log|det DT| = 0`. It has no
/// parameters. Between two layers of a flow it makes the second one see other coordinates: in those of
/// [`Unimodular::differences`] a bond of a chain is a term of a single angle.
#[derive(Clone, Debug)]
pub struct Unimodular {
    manifold: AnyManifold,
    matrix: Vec<Row>,
    inverse: Vec<Row>,
}

impl Unimodular {
    /// The map of a matrix, given by its rows. Its inverse is found in integers.
    ///
    /// # Errors
    /// [`UnimodularError`] if the matrix is not square or empty, if its determinant is not ±1, or if an entry of the
    /// inverse, or a number on the way to it, exceeds 64 bits.
    pub fn new(matrix: &[Vec<i64>]) -> Result<Self, UnimodularError> {
        let sites = matrix.len();
        if let Some(row) = matrix.iter().position(|row| row.len() != sites) {
            return Err(UnimodularError::NotSquare { row, expected: sites, found: matrix[row].len() });
        }
        let torus = Torus::new(sites).map_err(|_| UnimodularError::Empty)?;
        let inverse = invert(matrix)?;
        Ok(Self { manifold: AnyManifold::new(torus), matrix: rows(matrix), inverse: rows(&inverse) })
    }

    /// The first angle of a chain, and the differences of all others to the one before.
    ///
    /// # Errors
    /// [`UnimodularError::Empty`] without sites.
    pub fn differences(sites: usize) -> Result<Self, UnimodularError> {
        let entry = |i: usize, j: usize| i64::from(i == j) - i64::from(i == j + 1);
        let matrix: Vec<Vec<i64>> = (0..sites).map(|i| (0..sites).map(|j| entry(i, j)).collect()).collect();
        Self::new(&matrix)
    }

    /// The change of coordinates back.
    #[must_use]
    pub fn inverted(&self) -> Self {
        Self { manifold: self.manifold.clone(), matrix: self.inverse.clone(), inverse: self.matrix.clone() }
    }

    /// The matrix that a run in this direction multiplies points by.
    fn of(&self, direction: Direction) -> &[Row] {
        match direction {
            Direction::Forward => &self.matrix,
            Direction::Inverse => &self.inverse,
        }
    }
}

/// The entries of a matrix that are not zero.
fn rows(matrix: &[Vec<i64>]) -> Vec<Row> {
    let row = |row: &Vec<i64>| row.iter().copied().enumerate().filter(|(_, entry)| *entry != 0).collect();
    matrix.iter().map(row).collect()
}

/// The inverse by Euclid's algorithm on the rows: steps that subtract multiples of rows, swap rows, or change their signs,
/// turn the matrix into the identity, and the identity into its inverse.
fn invert(matrix: &[Vec<i64>]) -> Result<Vec<Vec<i64>>, UnimodularError> {
    let n = matrix.len();
    let mut left = matrix.to_vec();
    let mut right: Vec<Vec<i64>> = (0..n).map(|i| (0..n).map(|j| i64::from(i == j)).collect()).collect();
    for column in 0..n {
        // Only one entry at or below the diagonal is left, the greatest common divisor of all.
        loop {
            let candidates = (column..n).filter(|&row| left[row][column] != 0);
            let least = candidates.min_by_key(|&row| left[row][column].unsigned_abs());
            let pivot = least.ok_or(UnimodularError::Determinant)?;
            left.swap(column, pivot);
            right.swap(column, pivot);
            let others: Vec<usize> = (column + 1..n).filter(|&row| left[row][column] != 0).collect();
            if others.is_empty() {
                break;
            }
            for row in others {
                let factor = left[row][column] / left[column][column];
                subtract(&mut left, row, column, factor)?;
                subtract(&mut right, row, column, factor)?;
            }
        }
        match left[column][column] {
            1 => {}
            -1 => {
                left[column].iter_mut().for_each(|entry| *entry = -*entry);
                right[column].iter_mut().for_each(|entry| *entry = -*entry);
            }
            _ => return Err(UnimodularError::Determinant),
        }
        for row in 0..column {
            let factor = left[row][column];
            subtract(&mut left, row, column, factor)?;
            subtract(&mut right, row, column, factor)?;
        }
    }
    Ok(right)
}

/// Subtracts a multiple of one row from another.
fn subtract(matrix: &mut [Vec<i64>], row: usize, other: usize, factor: i64) -> Result<(), UnimodularError> {
    for column in 0..matrix.len() {
        let product = factor.checked_mul(matrix[other][column]);
        let difference = product.and_then(|product| matrix[row][column].checked_sub(product));
        matrix[row][column] = difference.ok_or(UnimodularError::Overflow)?;
    }
    Ok(())
}

/// Writes the products with a batch of vectors, `[sample][site]`.
fn multiply(matrix: &[Row], from: &[f64], to: &mut [f64]) {
    let n = matrix.len();
    for (from, to) in from.chunks_exact(n).zip(to.chunks_exact_mut(n)) {
        for (to, row) in to.iter_mut().zip(matrix) {
            *to = row.iter().map(|&(j, entry)| entry as f64 * from[j]).sum();
        }
    }
}

/// Writes the products of the transpose with a batch of vectors, `[sample][site]`.
fn multiply_transposed(matrix: &[Row], from: &[f64], to: &mut [f64]) {
    let n = matrix.len();
    to.fill(0.0);
    for (from, to) in from.chunks_exact(n).zip(to.chunks_exact_mut(n)) {
        for (from, row) in from.iter().zip(matrix) {
            row.iter().for_each(|&(j, entry)| to[j] += entry as f64 * from);
        }
    }
}

impl Map for Unimodular {
    fn manifold(&self) -> &AnyManifold {
        &self.manifold
    }

    fn parameters(&self) -> usize {
        0
    }

    fn initial(&self, _: &mut dyn FnMut(f64) -> f64, _: &mut [f64]) {}

    fn run(
        &self,
        direction: Direction,
        theta: &[f64],
        points: &[f64],
        record: &mut Record,
        _: &mut Workspace,
    ) {
        let n = self.matrix.len();
        assert!(theta.is_empty(), "a change of coordinates has no parameters");
        assert!(points.len().is_multiple_of(n), "points have {n} coordinates");
        record.resize(points.len() / n, n);
        let Record { x, y, log_det, converged, ok, steps, single_steps, residual, .. } = record;
        let (from, to) = match direction {
            Direction::Forward => (x, y),
            Direction::Inverse => (y, x),
        };
        from.copy_from_slice(points);
        multiply(self.of(direction), points, to);
        to.iter_mut().for_each(|angle| *angle = wrap(*angle));
        for (ok, image) in ok.iter_mut().zip(to.chunks_exact(n)) {
            *ok = image.iter().all(|angle| angle.is_finite());
        }
        log_det.fill(0.0);
        residual.fill(0.0);
        converged.fill(true);
        steps.fill(0);
        single_steps.fill(0);
    }

    fn pull_back(
        &self,
        direction: Direction,
        theta: &[f64],
        record: &Record,
        cotangents: Cotangents<'_>,
        into: Gradients<'_>,
        _: &mut Workspace,
    ) {
        let parameters = match &into.theta {
            ThetaGradient::Sum(sum) => sum.len(),
            ThetaGradient::Each(columns) => columns.len(),
        };
        assert!(theta.is_empty() && parameters == 0, "a change of coordinates has no parameters");
        assert_eq!(cotangents.points.len(), record.y.len(), "cotangents of the points that the run ended at");
        multiply_transposed(self.of(direction), cotangents.points, into.points);
    }

    /// Zero, because the map has no potential.
    fn potential(&self, _: &[f64], _: &[f64], psi: &mut [f64], _: &mut Workspace) {
        psi.fill(0.0);
    }
}

/// The angle in `[0, 2π)`; NaN if it is not finite.
fn wrap(angle: f64) -> f64 {
    let wrapped = angle.rem_euclid(TAU);
    // A tiny negative angle is rounded up to a full turn.
    if wrapped >= TAU { 0.0 } else { wrapped }
}

//! Gauss's quadrature rules of tridiagonal matrices.

/// Most steps of the iteration per eigenvalue: two or three are usual.
const MOST_STEPS: usize = 60;

/// The tridiagonal matrix of some steps of Lanczos' recurrence, of one vector of length one.
#[derive(Clone, Debug, Default)]
pub(super) struct Tridiagonal {
    /// `α₁ … α_m`.
    pub diagonal: Vec<f64>,
    /// `β₁ … β_m`, the last of which leads out of the matrix; zero if the space is invariant.
    pub off: Vec<f64>,
}

/// Why a rule does not exist.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Defect {
    /// An eigenvalue is not above the lower bound that was given; the smallest one that was found.
    Below(f64),
    /// The iteration has not converged.
    NoConvergence,
}

impl Tridiagonal {
    /// Gauss's rule for `e₁ᵀ log T e₁`: never less than the value for the whole matrix, because all even derivatives of the
    /// logarithm are negative.
    pub(super) fn upper(&self) -> Result<f64, Defect> {
        log_form(self.diagonal.clone(), self.off.clone())
    }

    /// The rule of Gauss and Radau with one node at `lower`: never more than the value for the whole matrix if no eigenvalue
    /// is below that, because all odd derivatives of the logarithm are positive.
    pub(super) fn lower(&self, lower: f64) -> Result<f64, Defect> {
        let mut pivot = f64::INFINITY;
        let mut before = 0.0;
        for (a, b) in self.diagonal.iter().zip(&self.off) {
            // In the first step, the quotient is zero.
            pivot = a - lower - before * before / pivot;
            if pivot.is_nan() || pivot <= 0.0 {
                return Err(self.below(lower));
            }
            before = *b;
        }
        if before == 0.0 {
            return self.upper();
        }
        let (mut diagonal, mut off) = (self.diagonal.clone(), self.off.clone());
        diagonal.push(lower + before * before / pivot);
        off.push(0.0);
        log_form(diagonal, off)
    }

    /// The error that names the smallest eigenvalue.
    fn below(&self, lower: f64) -> Defect {
        let (mut diagonal, mut off) = (self.diagonal.clone(), self.off.clone());
        let mut first = vec![0.0; diagonal.len()];
        if !diagonalise(&mut diagonal, &mut off, &mut first) {
            return Defect::NoConvergence;
        }
        Defect::Below(diagonal.into_iter().fold(lower, f64::min))
    }
}

/// `e₁ᵀ log T e₁`.
fn log_form(mut diagonal: Vec<f64>, mut off: Vec<f64>) -> Result<f64, Defect> {
    let mut first = vec![0.0; diagonal.len()];
    first[0] = 1.0;
    if !diagonalise(&mut diagonal, &mut off, &mut first) {
        return Err(Defect::NoConvergence);
    }
    let smallest = diagonal.iter().fold(f64::INFINITY, |a, &b| a.min(b));
    if smallest <= 0.0 {
        return Err(Defect::Below(smallest));
    }
    Ok(diagonal.iter().zip(&first).map(|(value, first)| first * first * value.ln()).sum())
}

/// Replaces the diagonal by the eigenvalues, and the first row `z` of some orthogonal matrix by that of its product with
/// the eigenvectors: the implicit QL iteration (Golub & Welsch 1969). The last entry of `off` is not read.
///
/// Returns whether it has converged.
fn diagonalise(diagonal: &mut [f64], off: &mut [f64], z: &mut [f64]) -> bool {
    let n = diagonal.len();
    if diagonal.iter().chain(&off[..n - 1]).any(|x| !x.is_finite()) {
        return false;
    }
    off[n - 1] = 0.0;
    for l in 0..n {
        let mut steps = 0;
        loop {
            let is_split =
                |m: &usize| off[*m].abs() <= f64::EPSILON * (diagonal[*m].abs() + diagonal[*m + 1].abs());
            let end = (l..n - 1).find(is_split).unwrap_or(n - 1);
            if end == l {
                break;
            }
            if steps == MOST_STEPS {
                return false;
            }
            steps += 1;
            step(diagonal, off, z, (l, end));
        }
    }
    true
}

/// One step on the rows from `l` to `end`, both included.
fn step(diagonal: &mut [f64], off: &mut [f64], z: &mut [f64], (l, end): (usize, usize)) {
    let half = (diagonal[l + 1] - diagonal[l]) / (2.0 * off[l]);
    let shift = off[l] / (half + half.hypot(1.0).copysign(half));
    let mut g = diagonal[end] - diagonal[l] + shift;
    let (mut sin, mut cos, mut p) = (1.0, 1.0, 0.0);
    for i in (l..end).rev() {
        let (f, b) = (sin * off[i], cos * off[i]);
        let radius = f.hypot(g);
        off[i + 1] = radius;
        if radius == 0.0 {
            // The matrix has split.
            diagonal[i + 1] -= p;
            off[end] = 0.0;
            return;
        }
        (sin, cos) = (f / radius, g / radius);
        let before = diagonal[i + 1] - p;
        let r = (diagonal[i] - before) * sin + 2.0 * cos * b;
        p = sin * r;
        diagonal[i + 1] = before + p;
        g = cos * r - b;
        (z[i], z[i + 1]) = (cos * z[i] - sin * z[i + 1], sin * z[i] + cos * z[i + 1]);
    }
    diagonal[l] -= p;
    off[l] = g;
    off[end] = 0.0;
}

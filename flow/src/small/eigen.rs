//! Eigenvalues of small symmetric matrices.

/// Smallest eigenvalue of a symmetric `n × n` matrix; NaN if an entry is not finite.
pub(crate) fn smallest_eigenvalue(h: &[f64], n: usize) -> f64 {
    if h.iter().any(|x| !x.is_finite()) {
        return f64::NAN;
    }
    match n {
        1 => h[0],
        2 => {
            // Of the closed form, the branch that does not cancel for the small root: det / larger.
            let (mean, half) = (0.5 * (h[0] + h[3]), 0.5 * (h[0] - h[3]));
            let radius = half.hypot(h[1]);
            if mean > 0.0 {
                let larger = mean + radius;
                h[0] / larger * h[3] - h[1] / larger * h[1]
            } else {
                mean - radius
            }
        }
        _ => Spectrum::without_vectors(h, n).smallest(),
    }
}

/// Eigenvalues and eigenvectors of a symmetric matrix.
pub(crate) struct Spectrum {
    n: usize,
    /// The matrix in the basis of its eigenvectors.
    matrix: Vec<f64>,
    /// Eigenvectors, row by row, in the order of [`Spectrum::values`]; none if nobody wants them.
    vectors: Vec<f64>,
}

/// What is below this share of the largest entry is rounding.
const NOTHING: f64 = 1e-18;
/// Sweeps after which rotations are no longer expected to find anything: convergence is quadratic, seven do.
const SWEEPS: usize = 40;

impl Spectrum {
    /// Of a symmetric `n × n` matrix of finite numbers.
    pub(crate) fn new(h: &[f64], n: usize) -> Self {
        let mut vectors = vec![0.0; n * n];
        vectors.iter_mut().step_by(n + 1).for_each(|v| *v = 1.0);
        Self { n, matrix: h.to_vec(), vectors }.diagonal()
    }

    /// Eigenvalues alone.
    pub(crate) fn without_vectors(h: &[f64], n: usize) -> Self {
        Self { n, matrix: h.to_vec(), vectors: vec![] }.diagonal()
    }

    /// By cyclic Jacobi rotations (Golub & Van Loan, *Matrix Computations*, §8.5): short for the few dimensions here, and as
    /// exact as any.
    fn diagonal(mut self) -> Self {
        let n = self.n;
        let size = self.matrix.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
        // Differences of the largest numbers would overflow.
        let unit = if size > 0.0 { size } else { 1.0 };
        self.matrix.iter_mut().for_each(|x| *x /= unit);
        for _ in 0..SWEEPS {
            let mut rotated = false;
            for p in 0..n {
                for q in p + 1..n {
                    rotated |= self.rotate(p, q);
                }
            }
            if !rotated {
                break;
            }
        }
        self.matrix.iter_mut().for_each(|x| *x *= unit);
        self
    }

    /// Makes entry `(p, q)` zero; `false` where it is nothing.
    fn rotate(&mut self, p: usize, q: usize) -> bool {
        let Self { n, matrix: a, vectors } = self;
        let n = *n;
        let off = a[p * n + q];
        let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * off);
        let tan = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
        // Eigenvalues move by this alone, far less than the entry where they lie apart.
        let gain = if vectors.is_empty() { tan * off } else { off };
        if off == 0.0 || gain.abs() <= NOTHING {
            return false;
        }
        let cos = 1.0 / (tan * tan + 1.0).sqrt();
        let sin = tan * cos;
        let turn = |a: &mut [f64], i: usize, j: usize| {
            (a[i], a[j]) = (cos * a[i] - sin * a[j], sin * a[i] + cos * a[j]);
        };
        // The lower triangle is never read.
        for k in 0..p {
            turn(a, k * n + p, k * n + q);
        }
        for k in p + 1..q {
            turn(a, p * n + k, k * n + q);
        }
        for k in q + 1..n {
            turn(a, p * n + k, q * n + k);
        }
        a[p * n + p] -= tan * off;
        a[q * n + q] += tan * off;
        a[p * n + q] = 0.0;
        for k in 0..vectors.len() / n {
            turn(vectors, p * n + k, q * n + k);
        }
        true
    }

    /// The eigenvalues, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = f64> {
        self.matrix.iter().step_by(self.n + 1).copied()
    }

    /// The smallest eigenvalue.
    pub(crate) fn smallest(&self) -> f64 {
        // `f64::min` would pass over a NaN.
        self.values().fold(f64::INFINITY, |min, l| if l >= min { min } else { l })
    }

    /// Writes `Σ f(λ) v vᵀ`, a function of the matrix.
    pub(crate) fn apply(&self, f: impl Fn(f64) -> f64, out: &mut [f64]) {
        out.fill(0.0);
        for (value, v) in self.values().zip(self.vectors.chunks_exact(self.n)) {
            let f = f(value);
            for i in 0..self.n {
                for j in 0..self.n {
                    out[i * self.n + j] += f * (v[i] * v[j]);
                }
            }
        }
    }
}

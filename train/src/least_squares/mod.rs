//! Damped linear least squares over a Jacobian of many samples and many parameters.
//!
//! With residuals `r` and their Jacobian `J` (`n × P`) a step is `δ = −(JᵀΠJ + nμ)⁻¹ JᵀΠ r`. `Π = 1 − s sᵀ/sᵀs` takes a
//! nuisance parameter out, in whose direction `s` all residuals move together (here the constant `log Z`). There are three
//! ways to the same step, chosen by size:
//!
//! - *normal equations*, a `P × P` matrix, where there are fewer parameters than samples;
//! - the *kernel form* `δ = −JᵀΠ (ΠJJᵀΠ + nμ)⁻¹ Π r`, an `n × n` matrix, where there are more;
//! - *matrix-free*, conjugate gradients on the normal equations over a Jacobian that is computed anew block by block,
//!   where neither matrix nor Jacobian should be stored.

mod cholesky;
mod dense;
mod rows;

use cholesky::Cholesky;
pub use rows::{Rows, Source};

/// How the equations are solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `P × P` normal equations.
    Normal,
    /// `n × n` kernel matrix.
    Kernel,
    /// Conjugate gradients, nothing stored.
    MatrixFree,
}

/// Largest matrix that is factorised: 6144³/3 multiply-adds are some seconds of one core.
const LARGEST_FACTOR: usize = 6144;
/// Most entries of a stored Jacobian: 2 GiB.
const LARGEST_JACOBIAN: usize = 1 << 28;

impl Form {
    /// The cheapest form for `samples` residuals of `parameters` parameters.
    pub fn choose(samples: usize, parameters: usize) -> Self {
        let entries = samples.saturating_mul(parameters);
        if samples.min(parameters) > LARGEST_FACTOR || entries > LARGEST_JACOBIAN {
            Self::MatrixFree
        } else if samples < parameters {
            Self::Kernel
        } else {
            Self::Normal
        }
    }

    /// Most samples for which the equations of a model are still stored: the matrix-free form is far slower.
    pub fn most_samples(parameters: usize) -> usize {
        let stored = LARGEST_JACOBIAN / parameters.max(1);
        if parameters > LARGEST_FACTOR { stored.min(LARGEST_FACTOR) } else { stored }
    }

    /// Name for logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal equations",
            Self::Kernel => "kernel form",
            Self::MatrixFree => "matrix-free",
        }
    }
}

/// The equations of one linearisation: solved for any damping and any residuals.
pub struct System<'a> {
    form: Form,
    rows: Rows<'a>,
    /// Unit vector along the nuisance direction.
    nuisance: Vec<f64>,
    /// Lower triangle of the projected matrix, column-major; empty for the matrix-free form.
    matrix: Vec<f64>,
}

impl<'a> System<'a> {
    /// Sets up the equations over `rows`, in the direction `nuisance` (one number a sample, not all zero).
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn new(form: Form, rows: Rows<'a>, nuisance: &[f64]) -> Self {
        assert_eq!(nuisance.len(), rows.samples(), "a nuisance direction over the samples");
        let norm = dot(nuisance, nuisance).sqrt();
        let nuisance: Vec<f64> = nuisance.iter().map(|s| s / norm).collect();
        let matrix = match form {
            Form::Normal => {
                let mut gram = dense::parameter_gram(&rows);
                let along = rows.transposed_times(&nuisance);
                dense::subtract_outer(&mut gram, &along);
                gram
            }
            Form::Kernel => {
                let mut gram = dense::sample_gram(&rows);
                dense::project(&mut gram, &nuisance);
                gram
            }
            Form::MatrixFree => Vec::new(),
        };
        Self { form, rows, nuisance, matrix }
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.rows.samples()
    }

    /// `J δ`.
    ///
    /// # Panics
    /// If `delta` is not one number a parameter.
    pub fn times(&self, delta: &[f64]) -> Vec<f64> {
        self.rows.times(delta)
    }

    /// `JᵀΠ r`: half the gradient of `|Π r|²`.
    ///
    /// # Panics
    /// If `r` is not one number a sample.
    pub fn gradient(&self, r: &[f64]) -> Vec<f64> {
        self.rows.transposed_times(&self.project(r))
    }

    /// The equations with damping `μ`, which is added `n` times to the diagonal; `None` where rounding has left the matrix
    /// indefinite: raise `μ`.
    pub fn damped(&self, mu: f64) -> Option<Damped<'_>> {
        let shift = mu * self.samples() as f64;
        let solver = match self.form {
            Form::MatrixFree => Solver::Conjugate,
            Form::Normal | Form::Kernel => Solver::Factor(Cholesky::new(&self.matrix, shift)?),
        };
        Some(Damped { system: self, shift, solver })
    }

    /// `Π r`.
    fn project(&self, r: &[f64]) -> Vec<f64> {
        let along = dot(&self.nuisance, r);
        r.iter().zip(&self.nuisance).map(|(r, s)| r - along * s).collect()
    }
}

/// A [`System`] with one damping.
pub struct Damped<'a> {
    system: &'a System<'a>,
    shift: f64,
    solver: Solver,
}

enum Solver {
    Factor(Cholesky),
    Conjugate,
}

impl Damped<'_> {
    /// `−(JᵀΠJ + nμ)⁻¹ JᵀΠ r`.
    ///
    /// # Panics
    /// If `r` is not one number a sample.
    pub fn step(&self, r: &[f64]) -> Vec<f64> {
        let system = self.system;
        let mut step = match (&self.solver, system.form) {
            (Solver::Factor(factor), Form::Kernel) => {
                let inner = factor.solve(system.project(r));
                system.gradient(&inner)
            }
            (Solver::Factor(factor), _) => factor.solve(system.gradient(r)),
            (Solver::Conjugate, _) => self.conjugate(system.gradient(r)),
        };
        step.iter_mut().for_each(|x| *x = -*x);
        step
    }

    /// Conjugate gradients (Hestenes & Stiefel 1952) on `(JᵀΠJ + nμ) x = b`, from zero.
    ///
    /// Stopped early the step is still a descent direction, in the Krylov space of the steepest ones (Steihaug 1983).
    fn conjugate(&self, b: Vec<f64>) -> Vec<f64> {
        const MOST: usize = 60;
        const TOLERANCE: f64 = 1e-3;
        let mut x = vec![0.0; b.len()];
        let (mut residual, mut direction) = (b.clone(), b);
        let start = dot(&residual, &residual);
        let mut square = start;
        for _ in 0..MOST {
            if square <= TOLERANCE * TOLERANCE * start {
                break;
            }
            let mut image = self.system.rows.normal_times(&direction, |r| self.system.project(r));
            for (image, d) in image.iter_mut().zip(&direction) {
                *image += self.shift * d;
            }
            let length = square / dot(&direction, &image);
            for k in 0..x.len() {
                x[k] += length * direction[k];
                residual[k] -= length * image[k];
            }
            let next = dot(&residual, &residual);
            for (d, r) in direction.iter_mut().zip(&residual) {
                *d = r + next / square * *d;
            }
            square = next;
        }
        x
    }
}

/// Sum of products.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests;

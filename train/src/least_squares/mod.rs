//! Damped linear least squares over a Jacobian of many samples and many parameters.
//!
//! With residuals `r` and their Jacobian `J` (`n × P`) a step is `δ = −(JᵀΠJ + nμD)⁻¹ JᵀΠ r`. `Π = 1 − s sᵀ/sᵀs` takes a
//! nuisance parameter out, in whose direction `s` all residuals move together (here the constant `log Z`). The diagonal
//! `D` lets parameters that hardly move the residuals take longer steps (`docs/mathematics.md`, section 19). There are
//! three ways to the same step, chosen by size:
//!
//! - *normal equations*, a `P × P` matrix, where there are fewer parameters than samples;
//! - the *kernel form* `δ = −D⁻¹JᵀΠ (ΠJD⁻¹JᵀΠ + nμ)⁻¹ Π r`, an `n × n` matrix, where there are more;
//! - *matrix-free*, conjugate gradients on the normal equations over a Jacobian that is computed anew block by block,
//!   where neither matrix nor Jacobian should be stored.

mod block_sparse;
mod cholesky;
mod dense;
mod rows;

use ircpm_flow::Jacobian;
use nalgebra::{DMatrix, DVector};

pub(crate) use block_sparse::{
    NEGLIGIBLE, active_columns, block_sparse_gram, column_maxima, gram_of_active, larger,
};
pub(crate) use cholesky::Cholesky;
pub use rows::{ColumnSource, JacobianRows};
pub(crate) use rows::{divided, gathered};

/// How the equations are solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Normal equations, a `P × P` matrix.
    Normal,
    /// Kernel form, an `n × n` matrix.
    Kernel,
    /// Conjugate gradients, without a stored matrix.
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
}

/// The equations of one linearisation: solved for any damping and any residuals.
pub struct System<'a> {
    form: Form,
    rows: JacobianRows<'a>,
    /// The diagonal of `D` to the power of −½: what the parameters are measured in.
    units: DVector<f64>,
    /// Unit vector along the nuisance direction.
    nuisance: DVector<f64>,
    /// Lower triangle of the projected matrix in these units; empty for the matrix-free form.
    matrix: DMatrix<f64>,
}

impl<'a> System<'a> {
    /// Sets up the equations over `rows`, in the direction `nuisance` (one number per sample, not all zero).
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn new(form: Form, rows: JacobianRows<'a>, nuisance: &DVector<f64>) -> Self {
        assert_eq!(nuisance.len(), rows.samples(), "a nuisance direction over the samples");
        let nuisance = nuisance.normalize();
        let units = rows.units();
        let matrix = match form {
            Form::Normal => {
                let mut gram = dense::parameter_gram(&rows);
                let along = rows.transposed_times(&nuisance);
                gram.ger(-1.0, &along, &along, 1.0);
                dense::rescale(&mut gram, &units);
                gram
            }
            Form::Kernel => {
                let mut gram = dense::sample_gram(&rows, &units);
                dense::project(&mut gram, &nuisance);
                gram
            }
            Form::MatrixFree => DMatrix::zeros(0, 0),
        };
        Self { form, rows, units, nuisance, matrix }
    }

    /// Adds the rows of residuals in which the nuisance parameter is held fixed to the normal equations. Damping remains
    /// that of the other rows.
    ///
    /// # Panics
    /// If the equations have another form, or rows another length.
    pub fn add(&mut self, rows: &Jacobian) {
        assert_eq!(self.form, Form::Normal, "the form to which rows are added");
        assert_eq!(rows.parameters(), self.rows.parameters(), "the length of a row");
        let mut gram = dense::parameter_gram(&JacobianRows::stored(rows));
        dense::rescale(&mut gram, &self.units);
        self.matrix += gram;
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.rows.samples()
    }

    /// `J δ`.
    ///
    /// # Panics
    /// If `delta` is not one number per parameter.
    pub fn times(&self, delta: &DVector<f64>) -> DVector<f64> {
        self.rows.times(delta)
    }

    /// `δᵀDδ`, the squared length that damping shortens.
    ///
    /// # Panics
    /// If `delta` is not one number per parameter.
    pub fn length_squared(&self, delta: &DVector<f64>) -> f64 {
        delta.component_div(&self.units).norm_squared()
    }

    /// `JᵀΠ r`: half the gradient of `|Π r|²`.
    ///
    /// # Panics
    /// If `r` is not one number per sample.
    pub fn gradient(&self, r: &DVector<f64>) -> DVector<f64> {
        self.rows.transposed_times(&self.project(r))
    }

    /// The equations with damping `μ`; `None` where rounding has left the matrix indefinite: raise `μ`.
    pub fn damped(&self, mu: f64) -> Option<Damped<'_>> {
        let shift = mu * self.samples() as f64;
        let solver = match self.form {
            Form::MatrixFree => Solver::Conjugate,
            Form::Normal | Form::Kernel => Solver::Factor(Cholesky::new(&self.matrix, shift)?),
        };
        Some(Damped { system: self, shift, solver })
    }

    /// `Π r`.
    fn project(&self, r: &DVector<f64>) -> DVector<f64> {
        r - &self.nuisance * self.nuisance.dot(r)
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
    /// `−(JᵀΠJ + nμD)⁻¹ JᵀΠ r`.
    ///
    /// # Panics
    /// If `r` is not one number per sample.
    pub fn step(&self, r: &DVector<f64>) -> DVector<f64> {
        match self.system.form {
            Form::Kernel => self.step_along(r, &DVector::zeros(0)),
            Form::Normal | Form::MatrixFree => self.step_along(r, &self.system.gradient(r)),
        }
    }

    /// As [`Damped::step`], where the `gradient` of `r` is known ([`System::gradient`]): steps of several dampings share
    /// it. The kernel form has no use for it.
    ///
    /// # Panics
    /// If `r` is not one number per sample, or, but for the kernel form, `gradient` not one per parameter.
    pub fn step_along(&self, r: &DVector<f64>, gradient: &DVector<f64>) -> DVector<f64> {
        let system = self.system;
        let scaled = match (&self.solver, system.form) {
            (Solver::Factor(factor), Form::Kernel) => {
                system.gradient(&factor.solve(system.project(r))).component_mul(&system.units)
            }
            (Solver::Factor(factor), _) => factor.solve(gradient.component_mul(&system.units)),
            (Solver::Conjugate, _) => self.conjugate(gradient.component_mul(&system.units)),
        };
        -scaled.component_mul(&system.units)
    }

    /// Conjugate gradients (Hestenes & Stiefel 1952) on `(UJᵀΠJU + nμ) x = b` with the units `U`, from zero.
    ///
    /// Stopped early the step is still a descent direction, in the Krylov space of the steepest ones (Steihaug 1983).
    fn conjugate(&self, b: DVector<f64>) -> DVector<f64> {
        const MOST: usize = 60;
        const TOLERANCE: f64 = 1e-3;
        let mut x = DVector::zeros(b.len());
        let (mut residual, mut direction) = (b.clone(), b);
        let start = residual.norm_squared();
        let mut square = start;
        for _ in 0..MOST {
            if square <= TOLERANCE * TOLERANCE * start {
                break;
            }
            let units = &self.system.units;
            let image = self.system.gradient(&self.system.times(&direction.component_mul(units)));
            let image = image.component_mul(units) + self.shift * &direction;
            let length = square / direction.dot(&image);
            x.axpy(length, &direction, 1.0);
            residual.axpy(-length, &image, 1.0);
            let next = residual.norm_squared();
            direction = &residual + next / square * direction;
            square = next;
        }
        x
    }
}

#[cfg(test)]
mod tests;

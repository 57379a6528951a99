//! `log det H` and its gradient without a factor: conjugate gradients and stochastic Lanczos quadrature.
//!
//! Where elimination would fill, what is left are products with vectors: `H v = v − Σ_m a_m c_m (q_m·v) q_m`, one pass over
//! the terms, of which those on the same sites are a small block. From these alone,
//!
//! - [`Hessian::solve`] finds `H⁻¹ b` by conjugate gradients (Hestenes & Stiefel 1952);
//! - [`Hessian::log_form`] encloses `vᵀ (log H) v` between two quadrature rules of Lanczos' recurrence (Golub & Meurant 1994);
//! - [`Hessian::log_det`] is the mean of these over random signs `z`, because `E zᵀ (log H) z = tr log H` (Ubaru, Chen & Saad
//!   2017);
//! - [`Hessian::log_det_gradient`] estimates `∂ log det H/∂θ_k = −Σ_{m∈k} c_m q_mᵀH⁻¹q_m/|q_m|²`, the trace of `H⁻¹ ∂_k H`, by
//!   `zᵀ (∂_k H) H⁻¹z`, and the gradient in the angles likewise (Hutchinson 1989).
//!
//! # An estimate is no density
//!
//! With the signs drawn anew every time, a gradient is unbiased up to the solver's tolerance, which is what stochastic
//! optimisers ask for. A log-determinant is off by 2 to 7 nats per probe on lattices of 64 to 1024 sites, and `exp` of an
//! unbiased estimate is biased: it must not become `log q` of a sample or a weight. So nothing here is a
//! [`ircpm_flow::Map`], and an [`Estimate`] is not a number but a value with its standard error. At 32 × 32 sites the exact
//! gradient costs as much as four probes: take [`crate::LatticeMap`] wherever it can be built.
//!
//! ```
//! use ircpm_lattice::Square;
//! use ircpm_lattice::matrix_free::{Clusters, Probes, Quadrature, Solve};
//!
//! let charges = Square::default().charges(16)?;
//! let clusters = Clusters::new(&charges);
//! // One parameter per class, and one angle per site.
//! let theta = vec![0.01; clusters.parameters()];
//! let y: Vec<f64> = (0..256).map(|i| f64::from(i) * 0.7).collect();
//! let hessian = clusters.at(&theta, &y)?;
//!
//! let probes = Probes { count: 64, seed: 1 };
//! let gradient = hessian.log_det_gradient(probes, Solve::default())?;
//! println!("{} ± {}", gradient.theta[0].value, gradient.theta[0].standard_error);
//!
//! // No eigenvalue of H is below 1/2 for parameters as small as these.
//! let log_det = hessian.log_det(probes, Quadrature { steps: 12, lower: 0.5 })?;
//! assert!(log_det.bias < 1e-6 && log_det.estimate.standard_error > 1e-3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//!
//! Charges only, no windows. Samples are drawn, and their densities found, by [`crate::LatticeMap`] alone: the training of
//! `ircpm-train` does not use these estimates. Everything runs on the calling thread, one point at a time with the
//! probes in lanes: take a multiple of eight of them, and points on several threads.

mod clusters;
mod estimate;
mod krylov;
mod quadrature;

use ircpm_ad::{Kernel, Real};

pub use clusters::{Clusters, Hessian};
pub use estimate::{Estimate, Gradient, LogDet, Probes};

use crate::error::MatrixFreeError;
use crate::lanes::Batch;
use krylov::{ConjugateGradients, Lanczos};
use quadrature::{Defect, Tridiagonal};

/// When conjugate gradients end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solve {
    /// Largest residual `|b − H x|/|b|`.
    pub tolerance: f64,
    /// Most products with `H`.
    pub most_steps: usize,
}

impl Default for Solve {
    /// A residual of `10⁻⁸`, in at most 1000 steps.
    fn default() -> Self {
        Self { tolerance: 1e-8, most_steps: 1000 }
    }
}

/// A quadrature rule for the logarithm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quadrature {
    /// Number of products with `H` per vector, which is that of the nodes; where it reaches the number of sites the
    /// rule is exact. With `κ` the condition number of `H`, the error falls like `((√κ − 1)/(√κ + 1))^(2 steps)`.
    pub steps: usize,
    /// A lower bound of the eigenvalues of `H` at the point, above zero: of a map behind a wall one minus its limit.
    pub lower: f64,
}

impl Quadrature {
    /// # Errors
    /// [`MatrixFreeError::Quadrature`] unless the bound is positive and there is a step.
    fn check(&self) -> Result<(), MatrixFreeError> {
        if self.steps > 0 && self.lower > 0.0 && self.lower.is_finite() {
            return Ok(());
        }
        Err(MatrixFreeError::Quadrature { steps: self.steps, lower: self.lower })
    }
}

/// Two numbers with `vᵀ (log H) v` between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Enclosure {
    /// The rule of Gauss and Radau, at most the exact value.
    pub lower: f64,
    /// Gauss's rule, at least the exact value.
    pub upper: f64,
}

/// Solutions of `H x = b`.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// The solutions, `[vector][site]`.
    pub x: Vec<f64>,
    /// The largest `|b − H x|/|b|`.
    pub residual: f64,
    /// Largest number of products with `H` in a pack of vectors.
    pub steps: usize,
}

impl Hessian<'_> {
    /// `H v` of several vectors, `[vector][site]`.
    ///
    /// # Panics
    /// If the length of `v` is no multiple of the number of sites.
    pub fn multiply(&self, v: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; v.len()];
        self.clusters.isa.dispatch(Multiply { h: self, v, batch: self.batch(v), out: &mut out });
        out
    }

    /// `H⁻¹ b` of several vectors, `[vector][site]`.
    ///
    /// # Errors
    /// [`MatrixFreeError::Indefinite`] where a direction is met along which `H` is not positive, and
    /// [`MatrixFreeError::NotConverged`] if a residual stays above the tolerance.
    ///
    /// # Panics
    /// If the length of `b` is no multiple of the number of sites.
    pub fn solve(&self, b: &[f64], solve: Solve) -> Result<Solution, MatrixFreeError> {
        let out = Solution { x: vec![0.0; b.len()], residual: 0.0, steps: 0 };
        self.clusters.isa.dispatch(SolveAll { h: self, b, batch: self.batch(b), solve, out })
    }

    /// Encloses `vᵀ (log H) v` for each of several vectors, `[vector][site]`.
    ///
    /// The sum over all unit vectors is `log det H`. The enclosure is as right as [`Quadrature::lower`] is, up to rounding.
    ///
    /// # Errors
    /// [`MatrixFreeError::Indefinite`] where `H` is not positive definite, [`MatrixFreeError::Below`] if an eigenvalue below
    /// the lower bound is met, and [`MatrixFreeError::Quadrature`] if the rule is out of range.
    ///
    /// # Panics
    /// If the length of `v` is no multiple of the number of sites.
    pub fn log_form(&self, v: &[f64], quadrature: Quadrature) -> Result<Vec<Enclosure>, MatrixFreeError> {
        quadrature.check()?;
        self.clusters.isa.dispatch(LogForms { h: self, v, batch: self.batch(v), quadrature })
    }

    /// Vectors in packs.
    fn batch(&self, v: &[f64]) -> Batch {
        let n = self.clusters.sites;
        assert!(v.len().is_multiple_of(n), "vectors have {n} numbers");
        Batch { samples: v.len() / n }
    }
}

/// The two rules of one matrix, times the square of the vector's length.
fn enclosure(matrix: &Tridiagonal, square: f64, lower: f64) -> Result<Enclosure, MatrixFreeError> {
    if square == 0.0 {
        return Ok(Enclosure { lower: 0.0, upper: 0.0 });
    }
    let rules = matrix.upper().and_then(|upper| Ok((matrix.lower(lower)?, upper)));
    match rules {
        Ok((low, upper)) => Ok(Enclosure { lower: square * low.min(upper), upper: square * upper }),
        Err(Defect::Below(found)) if found > 0.0 => Err(MatrixFreeError::Below { lower, found }),
        Err(Defect::Below(_)) => Err(MatrixFreeError::Indefinite),
        Err(Defect::NoConvergence) => Err(MatrixFreeError::Overflow),
    }
}

struct Multiply<'a, 'b> {
    h: &'a Hessian<'b>,
    v: &'a [f64],
    batch: Batch,
    out: &'a mut [f64],
}

impl Kernel for Multiply<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let Multiply { h, v, batch, out } = self;
        let n = h.clusters.sites;
        let (mut vector, mut product) = (vec![R::zero(); n], vec![R::zero(); n]);
        for p in 0..batch.packs::<R>() {
            for i in 0..n {
                vector[i] = batch.load(v, n, i, p);
            }
            h.product(&vector, &mut product);
            for i in 0..n {
                batch.store(product[i], out, n, i, p);
            }
        }
    }
}

struct SolveAll<'a, 'b> {
    h: &'a Hessian<'b>,
    b: &'a [f64],
    batch: Batch,
    solve: Solve,
    out: Solution,
}

impl Kernel for SolveAll<'_, '_> {
    type Output = Result<Solution, MatrixFreeError>;

    #[inline(always)]
    fn run<R: Real>(self) -> Self::Output {
        let SolveAll { h, b, batch, solve, mut out } = self;
        let n = h.clusters.sites;
        let mut gradients = ConjugateGradients::<R>::new(n);
        for p in 0..batch.packs::<R>() {
            for i in 0..n {
                gradients.b[i] = batch.load(b, n, i, p);
            }
            let residual = solve_pack(&mut gradients, h, solve)?;
            out.residual = out.residual.max(residual);
            out.steps = out.steps.max(gradients.steps);
            for i in 0..n {
                batch.store(gradients.x[i], &mut out.x, n, i, p);
            }
        }
        Ok(out)
    }
}

/// Solves one pack, and returns the largest residual.
#[inline(always)]
fn solve_pack<R: Real>(
    gradients: &mut ConjugateGradients<R>,
    h: &Hessian<'_>,
    solve: Solve,
) -> Result<f64, MatrixFreeError> {
    gradients.solve(h, solve.tolerance, solve.most_steps);
    if gradients.indefinite.sum() > 0.0 {
        return Err(MatrixFreeError::Indefinite);
    }
    let mut largest = 0.0;
    for lane in 0..R::LANES {
        let residual = gradients.relative.lane(lane);
        // The residual of the recurrence and that of the solution differ by rounding.
        if residual.is_nan() || residual > 2.0 * solve.tolerance {
            return Err(MatrixFreeError::NotConverged {
                steps: gradients.steps,
                residual,
                tolerance: solve.tolerance,
            });
        }
        largest = f64::max(largest, residual);
    }
    Ok(largest)
}

struct LogForms<'a, 'b> {
    h: &'a Hessian<'b>,
    v: &'a [f64],
    batch: Batch,
    quadrature: Quadrature,
}

impl Kernel for LogForms<'_, '_> {
    type Output = Result<Vec<Enclosure>, MatrixFreeError>;

    #[inline(always)]
    fn run<R: Real>(self) -> Self::Output {
        let LogForms { h, v, batch, quadrature } = self;
        let n = h.clusters.sites;
        let mut lanczos = Lanczos::<R>::new(n);
        let mut out = vec![];
        for p in 0..batch.packs::<R>() {
            for i in 0..n {
                lanczos.vectors[i] = batch.load(v, n, i, p);
            }
            lanczos.run(h, quadrature.steps);
            for lane in 0..batch.lanes::<R>(p) {
                let square = lanczos.square.lane(lane);
                out.push(enclosure(&lanczos.matrix(lane), square, quadrature.lower)?);
            }
        }
        Ok(out)
    }
}

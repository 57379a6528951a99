//! The minimiser `y*(x, θ)` as a function, and its vector–Jacobian products of orders one to three: section 4.2 of the
//! paper (`docs/mathematics.md`, section 33).
//!
//! A *product of order k* of a covector `v` at the image and directions `d₂ … d_k` of the arguments `(x, θ)` is the
//! covector `v · D^k y*[d₂, …, d_k, ·]`: the gradient of `⟨p, d_k⟩`, with `p` the product of order `k − 1`. The paper's
//! recursion solves one linear system with the same matrix `H` for each order. Here the system of first order is
//! solved over dual numbers along the directions, whose arithmetic is that recursion.
//!
//! Everything is derived from [`Expression::value`] and from the manifold's `exp`, logarithm and frames, at the price
//! of a quarter of a third-order evaluation per parameter: for research and for tests. [`crate::Flow::differential`]
//! and [`crate::Flow::vjp`] have the first order of a whole stack, from compiled kernels.

use ircpm_ad::implicit::{Equations, ImplicitError, pull_back, solution};
use ircpm_ad::matrix::Lu;
use ircpm_ad::{Dual, Scalar};
use ircpm_manifolds::{BlockMut, Manifold};
use thiserror::Error;

use crate::potential::Expression;

/// Largest distance in radians at which a point counts as an image up to rounding.
const TOLERANCE: f64 = 1e-8;

/// A direction in which the arguments `(x, θ)` of the minimiser change, or a covector of such directions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variation {
    /// `D` coordinates in the frame at `x`.
    pub point: Vec<f64>,
    /// One number per parameter.
    pub theta: Vec<f64>,
}

/// Why a minimiser cannot be differentiated.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum MinimiserError {
    /// The given image is no critical point.
    #[error(
        "y is no image of x: exp_y(grad psi(y)) lies {distance:e} rad from x, more than {TOLERANCE:e}; take y from \
         Flow::forward with the same parameters, and look whether it is ok"
    )]
    NotAnImage {
        /// Distance from `x` of the point whose image `y` is; NaN where a number is not finite.
        distance: f64,
    },
    /// `H` is singular there.
    #[error("the minimiser is not differentiable at this point")]
    Implicit(#[from] ImplicitError),
}

/// The minimiser `y*(x, θ)` of `F = d(x, y)²/2 + psi(y; θ)` near one point, in normal coordinates:
/// `x = exp_{x₀}(Σ sᵢ Eᵢ)` and `y* = exp_{y₀}(Σ tᵢ Eᵢ)` with the frames at `x₀` and `y₀`.
///
/// So `y*` is a function `(s, θ) ↦ t` with the value 0 at `(0, θ₀)`. On Rⁿ and tori, `s` and `t` are differences of
/// ordinary coordinates; on other manifolds derivatives beyond the first depend on this choice of coordinates.
///
/// ```
/// use ircpm_ad::Scalar;
/// use ircpm_flow::{Expression, Minimiser, Variation};
/// use ircpm_manifolds::Euclidean;
///
/// /// `θ y²/2`, whose minimiser is `y* = x/(1 + θ)`.
/// #[derive(Debug)]
/// struct Spring;
///
/// impl Expression for Spring {
///     fn inputs(&self) -> usize {
///         1
///     }
///     fn parameters(&self) -> usize {
///         1
///     }
///     fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
///         theta[0] * z[0] * z[0] * 0.5
///     }
/// }
///
/// let line = Euclidean::new(1)?;
/// let minimiser = Minimiser::new(&line, &Spring, &[1.0], &[3.0], &[1.5])?;
/// let along_theta = Variation { point: vec![0.0], theta: vec![1.0] };
/// let products = minimiser.vector_jacobian_products(&[1.0], &[along_theta])?;
/// assert_eq!(products[0].point, [0.5]); // dy*/dx
/// assert_eq!(products[0].theta, [-0.75]); // dy*/dθ = −x/(1 + θ)²
/// assert_eq!(products[1].theta, [0.75]); // d²y*/dθ² = 2x/(1 + θ)³
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Minimiser<'a, M, E> {
    manifold: &'a M,
    potential: &'a E,
    theta: &'a [f64],
    /// `x₀`, beside `y₀` on the universal cover.
    x: Vec<f64>,
    /// `D × n`, as the other frame.
    frame_at_x: Vec<f64>,
    y: Vec<f64>,
    frame_at_y: Vec<f64>,
}

impl<'a, M: Manifold, E: Expression> Minimiser<'a, M, E> {
    /// The minimiser near the point `x` with image `y`, both of `n` coordinates, at the parameters `theta`.
    ///
    /// Any critical point will do: derivatives are those of the branch of critical points through `y`.
    ///
    /// # Errors
    /// [`MinimiserError::NotAnImage`] if `y` is not within 1e-8 rad of a critical point of `F(x, ·)`.
    ///
    /// # Panics
    /// If a slice has the wrong length, or the potential reads another number of coordinates than points have.
    pub fn new(
        manifold: &'a M,
        potential: &'a E,
        theta: &'a [f64],
        x: &[f64],
        y: &[f64],
    ) -> Result<Self, MinimiserError> {
        let (n, d) = (manifold.ambient(), manifold.dim());
        assert_eq!(theta.len(), potential.parameters(), "parameters of the potential");
        assert!(x.len() == n && y.len() == n, "points of {manifold} have {n} coordinates");
        assert_eq!(potential.inputs(), n, "coordinates that the potential reads");
        let frame_at = |p: &[f64]| {
            let mut frame = vec![0.0; d * n];
            manifold.frame(p, BlockMut::dense(&mut frame, n));
            frame
        };
        let (frame_at_x, frame_at_y) = (frame_at(x), frame_at(y));
        let mut out =
            Self { manifold, potential, theta, x: x.to_vec(), frame_at_x, y: y.to_vec(), frame_at_y };
        let slope = |i: usize| {
            let t: Vec<Dual<f64, 1>> = (0..d).map(|j| seeded(0.0, i == j)).collect();
            let fixed: Vec<Dual<f64, 1>> = theta.iter().map(|&w| Dual::fixed(w)).collect();
            potential.value(&fixed, &out.moved(&out.y, &out.frame_at_y, &t)).eps[0]
        };
        let gradient: Vec<f64> = (0..d).map(slope).collect();
        let preimage = out.moved(&out.y, &out.frame_at_y, &gradient);
        let distance: f64 = manifold.distance(&preimage, x);
        if distance.is_nan() || distance > TOLERANCE {
            return Err(MinimiserError::NotAnImage { distance });
        }
        out.x = preimage;
        Ok(out)
    }

    /// The products of orders 1 to `directions.len() + 1` of the covector `v`, `D` numbers in the frame at `y`; that of
    /// order `k` is along the first `k − 1` directions.
    ///
    /// # Errors
    /// [`MinimiserError::Implicit`] if `H` is singular at `y`.
    ///
    /// # Panics
    /// If there are more than two directions, or a slice has the wrong length.
    pub fn vector_jacobian_products(
        &self,
        v: &[f64],
        directions: &[Variation],
    ) -> Result<Vec<Variation>, MinimiserError> {
        assert_eq!(v.len(), self.manifold.dim(), "a covector in the frame at the image");
        assert!(directions.len() <= 2, "products of orders one to three");
        for direction in directions {
            assert_eq!(direction.point.len(), self.manifold.dim(), "a direction in the frame at the point");
            assert_eq!(direction.theta.len(), self.theta.len(), "a direction of the parameters");
        }
        let zeros = vec![0.0; self.manifold.dim()];
        let at: Vec<f64> = [&zeros, self.theta].concat();
        let flat: Vec<Vec<f64>> = directions.iter().map(|d| [&d.point[..], &d.theta].concat()).collect();
        let mut products = vec![self.product(&at, v)?];
        if let [first, ..] = &flat[..] {
            let along: Vec<Dual<f64, 1>> = at.iter().zip(first).map(|(&a, &d)| Dual::new(a, [d])).collect();
            products.push(self.product(&along, v)?.into_iter().map(|p| p.eps[0]).collect());
            if let [_, second] = &flat[..] {
                let along: Vec<Dual<Dual<f64, 1>, 1>> =
                    along.iter().zip(second).map(|(&a, &d)| Dual::new(a, [Dual::fixed(d)])).collect();
                products.push(self.product(&along, v)?.into_iter().map(|p| p.eps[0].eps[0]).collect());
            }
        }
        let split = |mut product: Vec<f64>| {
            let theta = product.split_off(self.manifold.dim());
            Variation { point: product, theta }
        };
        Ok(products.into_iter().map(split).collect())
    }

    /// The gradient in `(x, θ)` of `log|det dy*/dx|`, exact: the sum of [`Minimiser::log_det_gradient_along`] over the
    /// directions of the frame at `x`.
    ///
    /// # Errors
    /// As [`Minimiser::vector_jacobian_products`].
    pub fn log_det_gradient(&self) -> Result<Variation, MinimiserError> {
        let d = self.manifold.dim();
        let mut sum = Variation { point: vec![0.0; d], theta: vec![0.0; self.theta.len()] };
        for k in 0..d {
            let mut z = vec![0.0; d];
            z[k] = 1.0;
            let term = self.log_det_gradient_along(&z)?;
            sum.point.iter_mut().zip(term.point).for_each(|(sum, g)| *sum += g);
            sum.theta.iter_mut().zip(term.theta).for_each(|(sum, g)| *sum += g);
        }
        Ok(sum)
    }

    /// `zᵀ J⁻¹ (∂J) z` for a probe `z` of `D` numbers, with `J = dy*/dx`: one product of order two, for which `J⁻ᵀ z`
    /// is the covector and `z` the direction.
    ///
    /// For random probes with `E z zᵀ = 1`, such as independent signs, it is the stochastic estimator that the paper
    /// trains its tori with: an unbiased estimate of [`Minimiser::log_det_gradient`]. For independent signs its
    /// variance is `Σ_{i<j} (Gᵢⱼ + Gⱼᵢ)²` with `G = J⁻¹ ∂J`.
    ///
    /// # Errors
    /// As [`Minimiser::vector_jacobian_products`], and where `J` is singular.
    ///
    /// # Panics
    /// If `z` has another length.
    pub fn log_det_gradient_along(&self, z: &[f64]) -> Result<Variation, MinimiserError> {
        let d = self.manifold.dim();
        assert_eq!(z.len(), d, "a probe in the frame at the point");
        let mut jacobian = Vec::with_capacity(d * d);
        for k in 0..d {
            let mut row = vec![0.0; d];
            row[k] = 1.0;
            jacobian.extend(self.vector_jacobian_products(&row, &[])?.remove(0).point);
        }
        let mut covector = z.to_vec();
        Lu::new(&jacobian, d).map_err(ImplicitError::Singular)?.solve_transposed(&mut covector);
        let along = Variation { point: z.to_vec(), theta: vec![0.0; self.theta.len()] };
        Ok(self.vector_jacobian_products(&covector, &[along])?.remove(1))
    }

    /// The product of first order, with the derivatives that the arguments `(s, θ)` carry.
    fn product<S: Scalar<Base = f64>>(&self, arguments: &[S], v: &[f64]) -> Result<Vec<S>, ImplicitError> {
        let t = solution(self, arguments, &vec![0.0; v.len()])?;
        let covector: Vec<S> = v.iter().map(|&v| S::constant(v)).collect();
        pull_back(self, arguments, &t, &covector)
    }

    /// `exp_p(Σ tᵢ Eᵢ)` with the given frame at `p`.
    fn moved<S: Scalar>(&self, p: &[f64], frame: &[f64], t: &[S]) -> Vec<S> {
        let n = p.len();
        let base: Vec<S> = p.iter().map(|&p| S::constant(p)).collect();
        let (mut velocity, mut q) = (vec![S::zero(); n], vec![S::zero(); n]);
        for (&t, row) in t.iter().zip(frame.chunks_exact(n)) {
            for (v, &e) in velocity.iter_mut().zip(row) {
                *v += t * e;
            }
        }
        self.manifold.exp(&base, &velocity, &mut q);
        q
    }

    /// `F` in normal coordinates.
    fn objective<S: Scalar>(&self, s: &[S], theta: &[S], t: &[S]) -> S {
        let x = self.moved(&self.x, &self.frame_at_x, s);
        let y = self.moved(&self.y, &self.frame_at_y, t);
        let mut velocity = vec![S::zero(); x.len()];
        self.manifold.log_on_cover(&y, &x, &mut velocity);
        let mut covector = velocity.clone();
        self.manifold.lower(&y, &mut covector);
        let square = velocity.iter().zip(&covector).fold(S::zero(), |sum, (&v, &w)| sum + v * w);
        self.potential.value(theta, &y) + square * 0.5
    }
}

/// The condition `∂F/∂t = 0` for the unknowns `t`, of the arguments `s` and `θ`.
impl<M: Manifold, E: Expression> Equations for Minimiser<'_, M, E> {
    fn residual<S: Scalar>(&self, arguments: &[S], t: &[S], out: &mut [S]) {
        let fixed: Vec<Dual<S, 1>> = arguments.iter().map(|&a| Dual::fixed(a)).collect();
        let (s, theta) = fixed.split_at(t.len());
        for (i, out) in out.iter_mut().enumerate() {
            let t: Vec<Dual<S, 1>> = t.iter().enumerate().map(|(j, &t)| seeded(t, i == j)).collect();
            *out = self.objective(s, theta, &t).eps[0];
        }
    }
}

/// A variable or a constant.
fn seeded<S: Scalar>(x: S, is_variable: bool) -> Dual<S, 1> {
    if is_variable { Dual::variable(x, 0) } else { Dual::fixed(x) }
}

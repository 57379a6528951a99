//! The density of one layer as a concave function of the parameters of a linear potential.
//!
//! At a given image `y` the gradient `g` of psi and its Hessian `S` are linear in the parameters `a`. Let the *local
//! coordinates* `z` be the entries of both, `z = Z a`. Then
//! `log q(y) = f(z) = log base(exp_y g) + log det(Hess c(g) + S) − log|det ∂x∂y c(g)|`, and `f` is concave wherever the
//! matrix is positive definite and `|g|` is below the injectivity radius, on tori, spheres, Euclidean spaces and their
//! products (Sei 2013; Figalli, Kim & McCann 2011). So
//! `∇ₐ log q = Zᵀ ∇f` and `−∇²ₐ log q = Zᵀ (−∇²f) Z`, which is positive semi-definite.

use ircpm_ad::{Jet, Kernel, Real, Scalar};
use ircpm_manifolds::{Base, Block, BlockMut, Cost};

use super::{ConcaveMap, Map};
use crate::lanes::{Span, Workspace};
use crate::potential::{Dictionary, Linear, resize};
use crate::small::{Cholesky, smallest_eigenvalue};

/// A layer whose psi is linear in its parameters.
///
/// The local coordinates of a point are the entries of `S` in the order of its upper triangle's rows, after those of
/// `g` where the density depends on `g`, which it does not on a torus.
///
/// # Panics
/// Every method may panic when a slice has the wrong length.
pub trait LinearMap: Map {
    /// Number of local coordinates, at most `D + D(D+1)/2`.
    fn local_coordinates(&self) -> usize;

    /// Writes the matrices `Z` of a batch of points, `[local coordinate][parameter][sample]`.
    fn features(&self, points: &[f64], features: &mut [f64]);

    /// `log q` at one point with local coordinates `z`; `−∞` where there is no density.
    fn log_density(&self, point: &[f64], z: &[f64]) -> f64;

    /// As [`LinearMap::log_density`], with the gradient `∇f` and the curvature `−∇²f`, a symmetric matrix, in the local
    /// coordinates; both are zero where there is no density.
    fn expand_log_density(
        &self,
        point: &[f64],
        z: &[f64],
        gradient: &mut [f64],
        curvature: &mut [f64],
    ) -> f64;

    /// Smallest eigenvalue of `H` at local coordinates `z`; `−∞` at the injectivity radius and beyond it.
    fn smallest_eigenvalue(&self, z: &[f64]) -> f64;
}

/// The features of a batch of points.
struct FeatureKernel<'a, M, B> {
    manifold: &'a M,
    dictionary: &'a B,
    points: &'a [f64],
    features: &'a mut [f64],
    has_gradient: bool,
    work: &'a mut Workspace,
}

/// Buffers of a thread for the features.
struct FeatureWorkspace<R, const D: usize> {
    y: Vec<R>,
    frame: Vec<R>,
    z: Vec<Jet<R, D>>,
    scratch: Vec<Jet<R, D>>,
    values: Vec<Jet<R, D>>,
}

impl<R, const D: usize> Default for FeatureWorkspace<R, D> {
    fn default() -> Self {
        Self { y: vec![], frame: vec![], z: vec![], scratch: vec![], values: vec![] }
    }
}

/// The kernel for one dimension.
struct InDimension<'a, M, B, const D: usize>(FeatureKernel<'a, M, B>);

impl<M: Cost, B: Dictionary, const D: usize> Kernel for InDimension<'_, M, B, D> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let FeatureKernel { manifold: m, dictionary, points, features, has_gradient, work } = self.0;
        let (n, functions) = (m.ambient(), dictionary.functions());
        let FeatureWorkspace { y, frame, z, scratch, values } = work.get::<FeatureWorkspace<R, D>>();
        resize(y, n);
        resize(frame, n * D);
        resize(z, n);
        resize(values, functions);
        let span = Span { start: 0, len: points.len() / n };
        for p in 0..span.packs::<R>() {
            for c in 0..n {
                y[c] = span.load(points, n, c, p);
            }
            R::vectorized(
                #[inline(always)]
                || {
                    let mut t = [Jet::<R, D>::zero(); D];
                    for i in 0..D {
                        t[i] = Jet::variable(R::zero(), i);
                    }
                    m.frame(y, BlockMut::dense(frame, n));
                    m.lift(y, Block::dense(frame, n), &t, z);
                    dictionary.values(z, scratch, values);
                },
            );
            for k in 0..functions {
                let mut entry = 0;
                let mut store = |x: R| {
                    let start = (entry * functions + k) * span.len;
                    span.store(x, &mut features[start..start + span.len], 1, 0, p);
                    entry += 1;
                };
                if has_gradient {
                    for i in 0..D {
                        store(values[k].grad[i]);
                    }
                }
                for i in 0..D {
                    for j in i..D {
                        store(values[k].hess[i][j]);
                    }
                }
            }
        }
    }
}

/// `g` and `H` with what they depend on: the derivatives of `H` in each local coordinate.
struct Local<const D: usize> {
    /// `Hess c`, with derivatives in `g`.
    cost: [[Jet<f64, D>; D]; D],
    h: [[f64; D]; D],
    /// `log base(exp_y g) − log|det ∂x∂y c|`.
    rest: Jet<f64, D>,
    inside: bool,
}

impl<M: Cost + Base, B: Dictionary, const D: usize> ConcaveMap<M, Linear<B>, D> {
    /// Whether the density depends on `g`.
    fn has_gradient(&self) -> bool {
        self.manifold.is_curved() || self.manifold.log_volume().is_none()
    }

    /// `g` and `S` of local coordinates.
    fn unpack(&self, z: &[f64]) -> ([f64; D], [[f64; D]; D]) {
        let (mut g, mut s) = ([0.0; D], [[0.0; D]; D]);
        let mut z = z.iter().copied();
        if self.has_gradient() {
            g.iter_mut().zip(&mut z).for_each(|(g, z)| *g = z);
        }
        for i in 0..D {
            for j in i..D {
                s[i][j] = z.next().expect("all local coordinates");
                s[j][i] = s[i][j];
            }
        }
        (g, s)
    }

    /// What the density is made of. `S` is its jet type: jets, or constants where no derivative is asked for.
    fn local(&self, point: Option<&[f64]>, z: &[f64]) -> Local<D> {
        let m = &self.manifold;
        let (g, s) = self.unpack(z);
        let inside = m.domain_margin(&g) > 0.0;
        let mut v = [Jet::<f64, D>::zero(); D];
        for i in 0..D {
            v[i] = Jet::variable(g[i], i);
        }
        let mut cost = [[Jet::<f64, D>::zero(); D]; D];
        m.cost_hessian(&v, BlockMut::dense(cost.as_flattened_mut(), D));
        let mut h = s;
        for i in 0..D {
            for j in 0..D {
                h[i][j] += cost[i][j].re;
            }
        }
        let rest = point.map_or(Jet::zero(), |y| self.log_base_at(y, &v) - m.mixed_log_det(&v));
        Local { cost, h, rest, inside }
    }

    /// `log base(exp_y(Σ vᵢ Eᵢ))`.
    fn log_base_at(&self, y: &[f64], v: &[Jet<f64, D>; D]) -> Jet<f64, D> {
        let (m, n) = (&self.manifold, self.manifold.ambient());
        if let Some(log_volume) = m.log_volume() {
            return Jet::constant(-log_volume);
        }
        let mut frame = vec![0.0; n * D];
        m.frame(y, BlockMut::dense(&mut frame, n));
        let y: Vec<Jet<f64, D>> = y.iter().map(|&y| Jet::constant(y)).collect();
        let mut tangent = vec![Jet::zero(); n];
        for c in 0..n {
            for i in 0..D {
                tangent[c] += v[i] * frame[i * n + c];
            }
        }
        let mut x = vec![Jet::zero(); n];
        m.exp(&y, &tangent, &mut x);
        m.log_base(&x)
    }
}

impl<M: Cost + Base, B: Dictionary, const D: usize> LinearMap for ConcaveMap<M, Linear<B>, D> {
    fn local_coordinates(&self) -> usize {
        D * (D + 1) / 2 + if self.has_gradient() { D } else { 0 }
    }

    fn features(&self, points: &[f64], features: &mut [f64]) {
        let n = self.manifold.ambient();
        assert!(points.len().is_multiple_of(n), "points have {n} coordinates");
        let entries = points.len() / n * self.local_coordinates() * self.parameters();
        assert_eq!(features.len(), entries, "features of every point");
        if points.is_empty() {
            return;
        }
        Workspace::with(|work| {
            self.isa.dispatch(InDimension::<_, _, D>(FeatureKernel {
                manifold: &self.manifold,
                dictionary: &self.potential.0,
                points,
                features,
                has_gradient: self.has_gradient(),
                work,
            }));
        });
    }

    fn log_density(&self, point: &[f64], z: &[f64]) -> f64 {
        let Local { h, rest, inside, .. } = self.local(Some(point), z);
        let factor = Cholesky::new(&h);
        let value = factor.log_det() + rest.re;
        if inside && factor.definite > 0.0 && value.is_finite() { value } else { f64::NEG_INFINITY }
    }

    fn expand_log_density(
        &self,
        point: &[f64],
        z: &[f64],
        gradient: &mut [f64],
        curvature: &mut [f64],
    ) -> f64 {
        gradient.fill(0.0);
        curvature.fill(0.0);
        let Local { cost, h, rest, inside } = self.local(Some(point), z);
        let factor = Cholesky::new(&h);
        let value = factor.log_det() + rest.re;
        if !(inside && factor.definite > 0.0 && value.is_finite()) {
            return f64::NEG_INFINITY;
        }
        let count = self.local_coordinates();
        let slopes = if self.has_gradient() { D } else { 0 };
        // Column by column, H⁻¹ ∂ₑH for every local coordinate e.
        let mut products = vec![[[0.0; D]; D]; count];
        for k in 0..slopes {
            for j in 0..D {
                let column = std::array::from_fn(|i| cost[i][j].grad[k]);
                let solved = factor.solve(column);
                for i in 0..D {
                    products[k][i][j] = solved[i];
                }
            }
        }
        let inverse = inverse(&factor);
        let mut e = slopes;
        for i in 0..D {
            for j in i..D {
                for r in 0..D {
                    products[e][r][j] = inverse[r][i];
                    products[e][r][i] = inverse[r][j];
                }
                e += 1;
            }
        }
        for e in 0..count {
            gradient[e] = (0..D).map(|i| products[e][i][i]).sum();
            for f in 0..=e {
                let mut trace = 0.0;
                for i in 0..D {
                    for j in 0..D {
                        trace += products[e][i][j] * products[f][j][i];
                    }
                }
                curvature[e * count + f] = trace;
            }
        }
        for k in 0..slopes {
            gradient[k] += rest.grad[k];
            for l in 0..=k {
                let mut bent = rest.hess[k][l];
                for i in 0..D {
                    for j in 0..D {
                        bent += inverse[i][j] * cost[i][j].hess[k][l];
                    }
                }
                curvature[k * count + l] -= bent;
            }
        }
        for e in 0..count {
            for f in 0..e {
                curvature[f * count + e] = curvature[e * count + f];
            }
        }
        value
    }

    fn smallest_eigenvalue(&self, z: &[f64]) -> f64 {
        let Local { h, inside, .. } = self.local(None, z);
        if inside { smallest_eigenvalue(h.as_flattened(), D) } else { f64::NEG_INFINITY }
    }
}

/// `H⁻¹`.
fn inverse<const D: usize>(factor: &Cholesky<f64, D>) -> [[f64; D]; D] {
    let mut inverse = [[0.0; D]; D];
    for i in 0..D {
        let mut unit = [0.0; D];
        unit[i] = 1.0;
        inverse[i] = factor.solve(unit);
    }
    inverse
}

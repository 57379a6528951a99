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
struct FeatureKernel<'a, M, B, const D: usize> {
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

impl<M: Cost, B: Dictionary, const D: usize> Kernel for FeatureKernel<'_, M, B, D> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let FeatureKernel { manifold: m, dictionary, points, features, has_gradient, work } = self;
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

/// What the density at a point is made of, as functions of `g`: real numbers, or jets where derivatives are asked for.
struct Local<S, const D: usize> {
    /// `Hess c`.
    cost: [[S; D]; D],
    /// `H`, without derivatives.
    h: [[f64; D]; D],
    /// Whether `|g|` is below the injectivity radius.
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

    /// The parts of the density at `v`, whose values are `g`.
    fn local<S: Scalar<Base = f64>>(&self, v: &[S; D], hess_psi: [[f64; D]; D]) -> Local<S, D> {
        let m = &self.manifold;
        let inside = m.domain_margin(&v.map(S::value)) > 0.0;
        let mut cost = [[S::zero(); D]; D];
        m.cost_hessian(v, BlockMut::dense(cost.as_flattened_mut(), D));
        let mut h = hess_psi;
        for i in 0..D {
            for j in 0..D {
                h[i][j] += cost[i][j].value();
            }
        }
        Local { cost, h, inside }
    }

    /// `log base(exp_y(Σ vᵢ Eᵢ)) − log|det ∂x∂y c(v)|`.
    fn base_density<S: Scalar<Base = f64>>(&self, y: &[f64], v: &[S; D]) -> S {
        let (m, n) = (&self.manifold, self.manifold.ambient());
        let log_det = m.mixed_log_det(v);
        if let Some(log_volume) = m.log_volume() {
            return S::constant(-log_volume) - log_det;
        }
        let mut frame = vec![0.0; n * D];
        m.frame(y, BlockMut::dense(&mut frame, n));
        let y: Vec<S> = y.iter().map(|&y| S::constant(y)).collect();
        let mut tangent = vec![S::zero(); n];
        for c in 0..n {
            for i in 0..D {
                tangent[c] += v[i] * frame[i * n + c];
            }
        }
        let mut x = vec![S::zero(); n];
        m.exp(&y, &tangent, &mut x);
        m.log_base(&x) - log_det
    }

    /// `H⁻¹ ∂ₑH` for every local coordinate `e`.
    fn products(
        &self,
        cost: &[[Jet<f64, D>; D]; D],
        factor: &Cholesky<f64, D>,
        inverse: &[[f64; D]; D],
    ) -> Vec<[[f64; D]; D]> {
        let mut products = Vec::with_capacity(self.local_coordinates());
        for k in 0..self.slopes() {
            let mut product = [[0.0; D]; D];
            for j in 0..D {
                let solved = factor.solve(std::array::from_fn(|i| cost[i][j].grad[k]));
                for i in 0..D {
                    product[i][j] = solved[i];
                }
            }
            products.push(product);
        }
        for i in 0..D {
            for j in i..D {
                let mut product = [[0.0; D]; D];
                for r in 0..D {
                    product[r][j] = inverse[r][i];
                    product[r][i] = inverse[r][j];
                }
                products.push(product);
            }
        }
        products
    }

    /// Number of local coordinates that are entries of `g`.
    fn slopes(&self) -> usize {
        if self.has_gradient() { D } else { 0 }
    }
}

impl<M: Cost + Base, B: Dictionary, const D: usize> LinearMap for ConcaveMap<M, Linear<B>, D> {
    fn local_coordinates(&self) -> usize {
        D * (D + 1) / 2 + self.slopes()
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
            self.isa.dispatch(FeatureKernel::<_, _, D> {
                manifold: &self.manifold,
                dictionary: &self.potential.0,
                points,
                features,
                has_gradient: self.has_gradient(),
                work,
            });
        });
    }

    fn log_density(&self, point: &[f64], z: &[f64]) -> f64 {
        let (g, hess_psi) = self.unpack(z);
        let Local { h, inside, .. } = self.local(&g, hess_psi);
        log_density(&Cholesky::new(&h), inside, self.base_density(point, &g))
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
        let (g, hess_psi) = self.unpack(z);
        let v = std::array::from_fn(|i| Jet::<f64, D>::variable(g[i], i));
        let (Local { cost, h, inside }, base) = (self.local(&v, hess_psi), self.base_density(point, &v));
        let factor = Cholesky::new(&h);
        let value = log_density(&factor, inside, base.re);
        if value == f64::NEG_INFINITY {
            return value;
        }
        let inverse = inverse(&factor);
        let (count, products) = (self.local_coordinates(), self.products(&cost, &factor, &inverse));
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
        for k in 0..self.slopes() {
            gradient[k] += base.grad[k];
            for l in 0..=k {
                let mut bent = base.hess[k][l];
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
        let (g, hess_psi) = self.unpack(z);
        let Local { h, inside, .. } = self.local(&g, hess_psi);
        if inside { smallest_eigenvalue(h.as_flattened(), D) } else { f64::NEG_INFINITY }
    }
}

/// `log q` from the factor of `H` and `log base − log|det ∂x∂y c|`; `−∞` where there is no density.
fn log_density<const D: usize>(factor: &Cholesky<f64, D>, inside: bool, base: f64) -> f64 {
    let value = factor.log_det() + base;
    if inside && factor.definite > 0.0 && value.is_finite() { value } else { f64::NEG_INFINITY }
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

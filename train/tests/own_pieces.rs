//! A manifold, a potential and an energy of one's own, trained together without a change to these crates.

use std::f64::consts::{FRAC_PI_2, LN_2};
use std::fmt;
use std::sync::Arc;

use ircpm_ad::linear::Weight;
use ircpm_ad::{Algebra, Jet, Real, Scalar};
use ircpm_flow::check::{flow_violations, potential_violations};
use ircpm_flow::{ConcaveMap, Expression, Flow, Map, Potential, Solver};
use ircpm_manifolds::{AnyManifold, Base, BlockMut, Cost, InvalidPoint, Manifold, Sphere, check};
use ircpm_train::fit::{Options, fit};
use ircpm_train::target::{Density, InLanes};

// A manifold: axes in space, which are unit vectors up to their sign.
#[derive(Clone, Debug)]
struct Axes(Sphere);

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RP2")
    }
}

#[rustfmt::skip] // one line per method that the sphere answers
impl Manifold for Axes {
    fn dim(&self) -> usize { self.0.dim() }
    fn ambient(&self) -> usize { self.0.ambient() }
    fn origin(&self) -> Vec<f64> { self.0.origin() }
    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint> { self.0.check_point(p) }
    fn exp<S: Scalar>(&self, p: &[S], v: &[S], q: &mut [S]) { self.0.exp(p, v, q); }
    fn frame<S: Scalar>(&self, p: &[S], frame: BlockMut<'_, S>) { self.0.frame(p, frame); }
    fn transport<S: Scalar>(&self, p: &[S], v: &[S], w: &[S], out: &mut [S]) { self.0.transport(p, v, w, out); }

    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        let cosine = (p[0] * q[0] + p[1] * q[1] + p[2] * q[2]).value();
        let sign = S::Base::select_gt(S::Base::zero(), cosine, -S::Base::one(), S::Base::one());
        self.0.log(p, &[q[0].scale(sign), q[1].scale(sign), q[2].scale(sign)], v) - FRAC_PI_2
    }
}

impl Cost for Axes {
    fn domain_margin<B: Real>(&self, v: &[B]) -> B {
        self.0.domain_margin(v) - FRAC_PI_2
    }
}

#[rustfmt::skip] // as above
impl Base for Axes {
    fn log_base<S: Scalar>(&self, p: &[S]) -> S { self.0.log_base::<S>(p) + LN_2 }
    fn cube_dim(&self) -> usize { self.0.cube_dim() }
    fn base_point(&self, u: &[f64], p: &mut [f64]) { self.0.base_point(u, p); }
    fn log_volume(&self) -> Option<f64> { self.0.log_volume().map(|volume| volume - LN_2) }
}

// A potential with a fast form: a polynomial `Σ θ_k z^{a_k}` of all monomials of an even degree, the same for z and −z.
#[derive(Debug)]
struct Polynomial(Vec<[i32; 3]>);

impl Polynomial {
    fn new(degree: i32) -> Self {
        let pairs = (0..=degree).flat_map(|i| (0..=degree - i).map(move |j| [i, j, degree - i - j]));
        Self(pairs.collect())
    }
    #[inline(always)]
    fn monomial<S: Scalar>(a: [i32; 3], z: &[S]) -> S {
        z[0].powi(a[0]) * z[1].powi(a[1]) * z[2].powi(a[2])
    }
}

#[rustfmt::skip] // short answers
impl Expression for Polynomial {
    fn inputs(&self) -> usize { 3 }
    fn parameters(&self) -> usize { self.0.len() }
    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        theta.iter().zip(&self.0).fold(S::zero(), |sum, (&w, &a)| sum + w * Self::monomial(a, z))
    }
    fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        theta.iter_mut().for_each(|w| *w *= factor);
        true
    }
    fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) { theta.fill_with(|| uniform(0.05)); }
}

impl Potential for Polynomial {
    type SweepWorkspace<S: Algebra> = Vec<([S; 3], S)>; // Each pack's point and cotangent.
    type JetWorkspace<R: Real, const D: usize> = ();
    type Saved<R: Real, const D: usize> = ();

    #[inline(always)]
    #[rustfmt::skip] // the signature in two lines
    fn jets<R: Real, W: Weight, const D: usize>(&self, theta: &[W], z: &[Jet<R, D>], _: &mut (), _: Option<&mut ()>)
        -> Jet<R, D> {
        let mut sum = Jet::zero();
        for (w, &a) in theta.iter().zip(&self.0) {
            sum += Self::monomial(a, z) * (*w).into();
        }
        sum
    }
    fn begin<S: Algebra>(&self, packs: usize, sweep: &mut Vec<([S; 3], S)>) {
        sweep.resize(packs, ([S::zero(); 3], S::zero()));
    }
    #[inline(always)]
    fn forward<S: Algebra>(&self, theta: &[f64], p: usize, z: &[S], sweep: &mut Vec<([S; 3], S)>) -> S {
        sweep[p].0 = [z[0], z[1], z[2]];
        theta.iter().zip(&self.0).fold(S::zero(), |sum, (&w, &a)| sum + Self::monomial(a, z) * w)
    }
    #[inline(always)]
    #[rustfmt::skip] // as above
    fn backward<S: Algebra>(&self, theta: &[f64], p: usize, bar: S, z_bar: &mut [S], sweep: &mut Vec<([S; 3], S)>) {
        sweep[p].1 = bar;
        for (c, z_bar) in z_bar.iter_mut().enumerate() {
            let mut slope = S::zero();
            for (&w, &a) in theta.iter().zip(&self.0).filter(|(_, a)| a[c] > 0) {
                let lower = std::array::from_fn(|i| if i == c { a[i] - 1 } else { a[i] });
                slope += Self::monomial(lower, &sweep[p].0) * (w * f64::from(a[c]));
            }
            *z_bar = slope.act(bar);
        }
    }
    #[inline(always)]
    fn accumulate<S: Algebra>(&self, sweep: &Vec<([S; 3], S)>, theta_bar: &mut [f64]) {
        for (z, bar) in sweep {
            theta_bar.iter_mut().zip(&self.0).for_each(|(g, &a)| *g += Self::monomial(a, z).pair(*bar).sum());
        }
    }
    #[inline(always)]
    fn accumulate_each<S: Algebra>(&self, sweep: &Vec<([S; 3], S)>, rows: &mut [S::Base]) {
        for ((z, bar), row) in sweep.iter().zip(rows.chunks_exact_mut(self.0.len())) {
            row.iter_mut().zip(&self.0).for_each(|(g, &a)| *g += Self::monomial(a, z).pair(*bar));
        }
    }
}

// An energy: axes that like the first direction, and the second a little (a Bingham distribution).
struct Bingham;

impl Density for Bingham {
    fn manifold(&self) -> AnyManifold {
        Axes(Sphere::new(2).expect("a surface")).into()
    }
    fn log_z(&self, _beta: f64) -> Option<f64> {
        None
    }
    #[inline(always)]
    fn energy<S: Scalar>(&self, y: &[S]) -> S {
        -(y[0] * y[0] * 2.0 + y[1] * y[1] * 0.7)
    }
}

#[test]
fn own_manifold_potential_and_energy_train_together() {
    let axes = Axes(Sphere::new(2).unwrap());
    let violations = check::violations(&axes, 5);
    assert!(violations.is_empty(), "laws of the manifold: {violations:?}");

    let polynomial = Polynomial::new(4);
    let theta: Vec<f64> = (0..polynomial.parameters()).map(|k| 0.1 * (k as f64).sin()).collect();
    let violations = potential_violations(&polynomial, &theta, &[0.6, 0.0, 0.8, 0.48, -0.6, 0.64]);
    assert!(violations.is_empty(), "fast forms of the potential: {violations:?}");

    let map = ConcaveMap::<_, _, 2>::new(axes, polynomial, Solver::default()).unwrap();
    let flow = Flow::from_maps(vec![Arc::new(map) as Arc<dyn Map>], true).unwrap();
    let fit = fit(&flow, &InLanes::new("bingham", Bingham), &Options::default().samples(8192)).unwrap();
    let violations = flow_violations(&flow, &fit.theta, &[0.6, 0.0, 0.8, 0.48, -0.6, 0.64]);
    assert!(violations.is_empty(), "derivatives of the flow: {violations:?}");

    let ess = fit.evaluation.weights.expect("a target has weights").ess.value;
    assert!(ess >= 0.99, "ESS {ess}");
    assert!(!fit.evaluation.fold.is_folded());
    // The density is that of axes: the same for both ends of one.
    let [here, there] = [[0.6, 0.0, 0.8], [-0.6, 0.0, -0.8]].map(|y| flow.log_prob(&fit.theta, &y)[0]);
    assert!((here - there).abs() < 1e-12, "{here} {there}");
}

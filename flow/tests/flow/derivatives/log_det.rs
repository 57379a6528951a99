//! The log-determinant and its cotangent: against duals of the manifold's formulas, and against closed forms from the
//! standard library's trigonometry, from coincident points to the pole at `r = π`.

use std::f64::consts::PI;

use ircpm_ad::{Dual, Kernel, Real, Scalar};
use ircpm_flow::Cholesky;
use ircpm_flow::map::log_det::{gradient_cotangent, hessian, log_det};
use ircpm_manifolds::{BlockMut, Cost, Product};
use nalgebra::DMatrix;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::tally::Tally;
use super::{SAMPLES, assert_is, on_all};

/// `g` and `Hess psi` of every sample.
struct Sites<const D: usize> {
    manifold: Product,
    g: Vec<[f64; D]>,
    hess: Vec<[[f64; D]; D]>,
}

/// Lengths of `g`, from zero to a thousandth from the pole.
const LENGTHS: [f64; SAMPLES] = [
    0.0,
    1e-200,
    1e-12,
    1e-8,
    1e-5,
    1e-3,
    0.1,
    0.5,
    1.0,
    1.5,
    2.0,
    2.5,
    3.0,
    PI - 0.1,
    PI - 0.01,
    PI - 0.001,
];

/// Random directions of the given lengths, with Hessians that keep `H` positive definite however negative `r cot r` is.
fn sites<const D: usize>(manifold: &str, seed: u64) -> Sites<D> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut number = || rng.random_range(-1.0..1.0);
    let mut out = Sites { manifold: manifold.parse().unwrap(), g: vec![], hess: vec![] };
    for length in LENGTHS {
        let direction: [f64; D] = std::array::from_fn(|_| number());
        let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
        out.g.push(direction.map(|x| x / norm * length));
        let mut hess = [[0.0; D]; D];
        for i in 0..D {
            for j in 0..i {
                hess[i][j] = 0.5 * number() / D as f64;
                hess[j][i] = hess[i][j];
            }
            hess[i][i] =
                if length > 1.0 { 1.0 - 1.5 * (length / length.tan()).min(0.0) } else { 0.5 * number() };
        }
        out.hess.push(hess);
    }
    out
}

/// `definite`, `ℓ` and `b` of every sample, `2 + D` numbers.
struct Cotangents<'a, const D: usize>(&'a Sites<D>);

impl<const D: usize> Kernel for Cotangents<'_, D> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run<R: Real>(self) -> Vec<f64> {
        let Sites { manifold, g, hess } = self.0;
        let mut out = vec![0.0; SAMPLES * (2 + D)];
        for p in 0..SAMPLES / R::LANES {
            let gather = |f: &dyn Fn(usize) -> f64| R::from_fn(|lane| f(p * R::LANES + lane));
            let v: [R; D] = std::array::from_fn(|i| gather(&|s| g[s][i]));
            let second = std::array::from_fn(|i| std::array::from_fn(|j| gather(&|s| hess[s][i][j])));
            let factor = Cholesky::new(&hessian(manifold, &v, &second));
            let l = log_det(manifold, &v, &factor);
            let b = gradient_cotangent(manifold, &v, &factor.inverse_transposed());
            for lane in 0..R::LANES {
                let out = &mut out[(p * R::LANES + lane) * (2 + D)..];
                (out[0], out[1]) = (factor.definite.lane(lane), l.lane(lane));
                (0..D).for_each(|k| out[2 + k] = b[k].lane(lane));
            }
        }
        out
    }
}

/// `ln det` of a positive definite matrix by elimination, over any scalar.
fn log_det_of<S: Scalar, const D: usize>(mut a: [[S; D]; D]) -> S {
    let mut log = S::zero();
    for k in 0..D {
        log += a[k][k].ln();
        for i in k + 1..D {
            let factor = a[i][k] / a[k][k];
            for j in k..D {
                a[i][j] -= factor * a[k][j];
            }
        }
    }
    log
}

/// `ℓ` and its derivatives in `g`.
fn expected<const D: usize>(m: &Product, g: &[f64; D], hess: &[[f64; D]; D]) -> Dual<Tally, D> {
    let v: [Dual<Tally, D>; D] = std::array::from_fn(|i| Dual::variable(Tally::constant(g[i]), i));
    let mut h = [[Dual::<Tally, D>::zero(); D]; D];
    m.cost_hessian(&v, BlockMut::dense(h.as_flattened_mut(), D));
    for i in 0..D {
        for j in 0..D {
            h[i][j] += Dual::constant(hess[i][j]);
        }
    }
    m.mixed_log_det(&v) - log_det_of(h)
}

fn assert_duals_agree<const D: usize>(manifold: &str, seed: u64) {
    let sites = sites::<D>(manifold, seed);
    for (isa, found) in on_all(|| Cotangents(&sites)) {
        for s in 0..SAMPLES {
            let found = &found[s * (2 + D)..][..2 + D];
            let context = || format!("{manifold}, {isa}, |g| = {:e}, seed {seed}", LENGTHS[s]);
            assert_eq!(found[0], 1.0, "{}: H is positive definite", context());
            let expected = expected(&sites.manifold, &sites.g[s], &sites.hess[s]);
            assert_is(found[1], expected.re, || format!("{}: log-determinant", context()));
            for k in 0..D {
                assert_is(found[2 + k], -expected.eps[k], || format!("{}: cotangent {k}", context()));
            }
        }
    }
}

#[test]
fn log_det_and_its_cotangent_match_duals_up_to_the_pole() {
    assert_duals_agree::<2>("S2", 300);
    assert_duals_agree::<3>("S3", 301);
    assert_duals_agree::<5>("S5", 302);
    assert_duals_agree::<3>("S2xT1", 303);
    assert_duals_agree::<4>("R2xS2", 304);
    assert_duals_agree::<2>("T2", 305);
    assert_duals_agree::<1>("S1", 306);
}

/// The sphere's radial functions: `Hess_y c = q I + m g gᵀ`, and `f′(r)/r` of each as `slope_…`.
struct Profile {
    q: f64,
    m: f64,
    log_mixed: f64,
    slope_q: f64,
    slope_m: f64,
    slope_log_mixed: f64,
}

impl Profile {
    fn at(r: f64) -> Self {
        let u = r * r;
        if r <= 1e-3 {
            // Taylor's series: what is left out is of order r⁶, below 1e-18.
            return Self {
                q: 1.0 - u / 3.0 - u * u / 45.0,
                m: 1.0 / 3.0 + u / 45.0 + 2.0 * u * u / 945.0,
                log_mixed: u / 6.0 + u * u / 180.0,
                slope_q: -2.0 / 3.0 - 4.0 * u / 45.0 - 12.0 * u * u / 945.0,
                slope_m: 2.0 / 45.0 + 8.0 * u / 945.0 + 2.0 * u * u / 1575.0,
                slope_log_mixed: 1.0 / 3.0 + u / 45.0 + 2.0 * u * u / 945.0,
            };
        }
        let (sine, cot) = (r.sin(), 1.0 / r.tan());
        let (q, slope_q) = (r * cot, (cot - r / (sine * sine)) / r);
        let m = (1.0 - q) / u;
        Self {
            q,
            m,
            log_mixed: (r / sine).ln(),
            slope_q,
            slope_m: -slope_q / u - 2.0 * m / u,
            slope_log_mixed: (1.0 / r - cot) / r,
        }
    }
}

/// `ℓ` and `b` on `S^D` from the closed form, each with the sum of its terms' magnitudes.
fn closed_form<const D: usize>(g: &[f64; D], hess: &[[f64; D]; D], r: f64) -> (Tally, [Tally; D]) {
    let f = Profile::at(r);
    let number = |value: f64| Tally { value, size: value.abs() };
    let unit = |i: usize, j: usize| f64::from(i == j);
    let h = DMatrix::from_fn(D, D, |i, j| hess[i][j] + f.q * unit(i, j) + f.m * g[i] * g[j]);
    let inverse = h.clone().try_inverse().expect("H is positive definite");
    let transverse = D as f64 - 1.0;
    let b = std::array::from_fn(|k| {
        let mut sum = number(-transverse * f.slope_log_mixed * g[k]);
        for i in 0..D {
            for j in 0..D {
                let bent = [f.slope_q * unit(i, j) * g[k], f.slope_m * g[i] * g[j] * g[k]];
                let turned = [f.m * unit(i, k) * g[j], f.m * g[i] * unit(j, k)];
                for term in bent.into_iter().chain(turned) {
                    sum += number(inverse[(i, j)] * term);
                }
            }
        }
        sum
    });
    let spread = h.symmetric_eigenvalues().iter().fold(number(0.0), |sum, e| sum + number(e.ln()));
    (number(transverse * f.log_mixed) - spread + Tally { value: 0.0, size: 1.0 }, b)
}

fn assert_closed_form_agrees<const D: usize>(manifold: &str, seed: u64) {
    let sites = sites::<D>(manifold, seed);
    for (isa, found) in on_all(|| Cotangents(&sites)) {
        for (s, r) in LENGTHS.into_iter().enumerate() {
            let (log_det, b) = closed_form(&sites.g[s], &sites.hess[s], r);
            // Near the pole a relative error ε of r is one of ε r/(π − r) in sin r, twice that in its square.
            let amplified = 1.0 + r / (PI - r);
            let pairs = std::iter::once((found[s * (2 + D)..][1], log_det))
                .chain(b.into_iter().enumerate().map(|(k, b)| (found[s * (2 + D)..][2 + k], b)));
            for (i, (found, expected)) in pairs.enumerate() {
                let (error, limit) = ((found - expected.value).abs(), 1e-14 * amplified * expected.size);
                let what = if i == 0 { "log-determinant".into() } else { format!("cotangent {}", i - 1) };
                assert!(
                    error <= limit,
                    "{manifold}, {isa}, r = {r:e}, seed {seed}: {what} {found:e} is not {:e}, error {error:e} > {limit:e}",
                    expected.value
                );
            }
        }
    }
}

#[test]
fn log_det_and_its_cotangent_match_the_sphere_s_closed_form_up_to_the_pole() {
    assert_closed_form_agrees::<2>("S2", 310);
    assert_closed_form_agrees::<3>("S3", 311);
}

#[test]
fn cotangent_vanishes_on_flat_manifolds() {
    let sites = sites::<3>("R1xT2", 320);
    for (isa, found) in on_all(|| Cotangents(&sites)) {
        for (s, found) in found.chunks(5).enumerate() {
            assert_eq!(found[2..], [0.0; 3], "{isa}, sample {s}");
        }
    }
}

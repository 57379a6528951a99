//! The second contraction of a pull-back, which starts from the first one's cotangents, against one of its own.

use std::array::from_fn;

use ircpm_ad::{Isa, Jet, Kernel, Lap, Real, Scalar};
use ircpm_flow::{
    Average, EvaluatedPack, FeatureMap, Features, Network, PointGroup, Potential, Symmetries, Symmetry,
};
use ircpm_manifolds::AnyManifold;

/// Packs in the tile.
const PACKS: usize = 3;

/// Gradients in the parameters for the same cotangents, by both ways.
struct Both<'a, P, const D: usize> {
    potential: &'a P,
    theta: &'a [f64],
    inputs: usize,
}

impl<P: Potential, const D: usize> Kernel for Both<'_, P, D> {
    type Output = [Vec<f64>; 2];

    #[inline(always)]
    fn run<R: Real>(self) -> [Vec<f64>; 2] {
        let Both { potential, theta, inputs } = self;
        let number = |k: usize| R::from_fn(|lane| (1.7 * (k * R::LANES + lane) as f64).sin());
        let jet = |k: usize, lap: R| {
            let grad = from_fn(|i| number(31 * k + i));
            Lap::<R, D> { re: R::zero(), grad, lap }
        };
        let z: Vec<_> =
            (0..PACKS * inputs).map(|k| Lap { re: number(7 * k), ..jet(k, number(11 * k)) }).collect();
        let directions: Vec<[[R; D]; D]> =
            (0..PACKS).map(|p| from_fn(|i| from_fn(|k| number(41 * p + 3 * i + k)))).collect();
        let mut saved: Vec<_> = (0..PACKS).map(|_| P::Saved::<R, D>::default()).collect();
        let points: Vec<_> = z.iter().map(|z| Jet { re: z.re, ..Jet::variable(z.re, 0) }).collect();
        let mut work = Default::default();
        for (points, saved) in points.chunks_exact(inputs).zip(&mut saved) {
            potential.jets(theta, points, &mut work, Some(saved));
        }
        let first: Vec<_> = (0..PACKS).map(|p| jet(100 + p, R::constant(-1.0))).collect();
        // One lane of the second contraction counts nothing, as a failed sample does.
        let lap = |p: usize| R::from_fn(|lane| if lane == 0 { 0.0 } else { number(17 * p).lane(lane) });
        let second: Vec<_> = (0..PACKS).map(|p| jet(200 + p, lap(p))).collect();
        let mut gradients = [vec![0.0; theta.len()], vec![0.0; theta.len()]];
        for (again, gradient) in [true, false].into_iter().zip(&mut gradients) {
            let mut sweep = Default::default();
            potential.begin(PACKS, &mut sweep);
            let mut z_bar = vec![Lap::zero(); inputs];
            for p in 0..PACKS {
                let pack = || {
                    let z = &z[p * inputs..][..inputs];
                    EvaluatedPack { p, z, directions: &directions[p], saved: &saved[p] }
                };
                // The cotangents of the first pack are not replaced.
                let (replaced, whole) = (again && p > 0, if p > 0 { second[p] } else { first[p] });
                let psi_bar = if again { first[p] } else { whole };
                potential.contract(theta, pack(), psi_bar, &mut z_bar, &mut sweep);
                if replaced {
                    potential.replace_cotangents(theta, pack(), second[p], &mut z_bar, &mut sweep);
                }
            }
            potential.accumulate(&sweep, gradient);
        }
        gradients
    }
}

fn network(manifold: &AnyManifold, hidden: &[usize]) -> Network {
    Network::new(FeatureMap::new(&Features::Harmonics { order: 1 }, manifold).unwrap(), hidden, 3.0)
}

fn assert_ways_agree<P: Potential, const D: usize>(potential: &P) {
    let inputs = potential.inputs();
    let theta: Vec<f64> = (0..potential.parameters()).map(|k| 0.8 * (2.3 * k as f64).sin()).collect();
    for isa in Isa::available() {
        let [again, whole] = isa.dispatch(Both::<P, D> { potential, theta: &theta, inputs });
        let size = whole.iter().fold(0.0_f64, |size, g| size.max(g.abs()));
        for (k, (a, b)) in again.iter().zip(&whole).enumerate() {
            // Rounding of sums of some 1e3 terms, relative to the largest entry.
            assert!((a - b).abs() < 1e-13 * size, "{}: parameter {k}: {a} {b}", isa.name());
        }
    }
}

#[test]
fn second_contraction_matches_one_of_its_own() {
    let [circle, sphere, torus]: [AnyManifold; 3] = ["T1", "S2", "T3"].map(|name| name.parse().unwrap());
    assert_ways_agree::<_, 1>(&network(&circle, &[5]));
    assert_ways_agree::<_, 2>(&network(&sphere, &[7, 9]));
    assert_ways_agree::<_, 3>(&network(&torus, &[4, 6, 5]));
    let group = Symmetries::new(&[Symmetry::PointGroup(PointGroup::D(3))], &sphere).unwrap().group().clone();
    assert_ways_agree::<_, 2>(&Average::new(network(&sphere, &[7, 9]), group));
}

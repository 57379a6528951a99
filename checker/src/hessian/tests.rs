//! `K` against geodesics and differences.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::*;
use crate::manifold::Manifold;
use crate::map::{Bump, Layer, Map, Potential, Record, Terms, Zonal};

/// A linear layer with a wave of each angle, and a zonal harmonic of each sphere, and a bump.
fn map(name: &str, rng: &mut Pcg64) -> Map {
    let manifold = Manifold::named(name).expect("a manifold");
    let angles = manifold.angles().count();
    let row = |k: usize| (0..angles).map(|i| i32::from(i == k) + i32::from(k == 1)).collect();
    let mut centre = vec![0.0; manifold.coordinates()];
    let mut zonals = vec![];
    for run in manifold.runs() {
        run.coordinates.clone().for_each(|i| centre[i] = rng.random_range(0.0..1.0));
        if run.factor != Factor::Angle {
            let own = &mut centre[run.coordinates.clone()];
            let length = own.iter().map(|x| x * x).sum::<f64>().sqrt();
            own.iter_mut().for_each(|x| *x /= length);
            let far = own.iter().rev().map(|x| -x).collect();
            zonals.push(Zonal { first: run.coordinates.start, centre: far, degrees: [1, 3] });
        }
    }
    let bumps = vec![Bump { kappa: 2.0, centre }];
    let terms = Terms { waves: (0..angles).map(row).collect(), zonals, bumps };
    let theta = (0..terms.parameters()).map(|_| rng.random_range(-0.4..0.4)).collect();
    let record = Record { first_depth: 0, steps: vec![] };
    let layer = Layer { terms, theta, bound: 0.0, record };
    Map { manifold, copies: 1, potential: Potential::Linear, layers: vec![layer] }
}

/// psi by its definition, at angles and unit vectors.
fn psi(Map { manifold, layers, .. }: &Map, z: &[f64]) -> f64 {
    let Layer { terms, theta, .. } = &layers[0];
    let mut values = vec![];
    for row in &terms.waves {
        let phase: f64 =
            manifold.angles().zip(row).map(|(run, &m)| f64::from(m) * z[run.coordinates.start]).sum();
        values.extend([phase.cos(), phase.sin()].map(|x| std::f64::consts::SQRT_2 * x));
    }
    for Zonal { first, centre, .. } in &terms.zonals {
        let t: f64 = centre.iter().zip(&z[*first..]).map(|(c, y)| c * y).sum();
        values.extend(match centre.len() {
            // Cosines of multiples of the angle, Legendre's polynomials, and sin lφ/(l sin φ).
            2 => [t, 2.0 * t * t - 1.0, 4.0 * t * t * t - 3.0 * t],
            3 => [t, 1.5 * t * t - 0.5, 2.5 * t * t * t - 1.5 * t],
            _ => [t, (4.0 * t * t - 1.0) / 3.0, 2.0 * t * t * t - t],
        });
    }
    let Bump { kappa, centre } = &terms.bumps[0];
    let mut exponent = 0.0;
    for run in manifold.runs() {
        let own = run.coordinates.clone();
        exponent += match run.factor {
            Factor::Angle => (z[own.start] - centre[own.start]).cos() - 1.0,
            Factor::Sphere(_) => own.map(|i| z[i] * centre[i]).sum::<f64>() - 1.0,
        };
    }
    values.push((kappa * exponent).exp() / kappa);
    values.iter().zip(theta).map(|(x, a)| x * a).sum()
}

/// The unit vector of a point `u` on a face, beside the angles, and its derivatives along the directions.
fn point(manifold: &Manifold, chart: usize, u: &[f64]) -> Vec<f64> {
    let mut z = vec![];
    for (run, face) in manifold.runs().iter().zip(manifold.faces(chart)) {
        let mut own = u[run.directions.clone()].to_vec();
        if run.factor != Factor::Angle {
            own.insert(face / 2, if face % 2 == 0 { 1.0 } else { -1.0 });
            let length = own.iter().map(|x| x * x).sum::<f64>().sqrt();
            own.iter_mut().for_each(|x| *x /= length);
        }
        z.extend(own);
    }
    z
}

/// The end of the geodesic from `z` with the velocity `v`.
fn exponential(manifold: &Manifold, z: &[f64], v: &[f64]) -> Vec<f64> {
    let mut end = z.to_vec();
    for run in manifold.runs() {
        let own = run.coordinates.clone();
        let length = v[own.clone()].iter().map(|x| x * x).sum::<f64>().sqrt();
        for i in own {
            end[i] = match run.factor {
                Factor::Angle => z[i] + v[i],
                _ if length == 0.0 => z[i],
                Factor::Sphere(_) => z[i] * length.cos() + v[i] * length.sin() / length,
            };
        }
    }
    end
}

/// `xᵀ K x` is `d²/dt² psi(exp_z tX)` and the cost's part, with `X` the vector of `x` in the chart. Both are central
/// differences of psi and of the unit vector; on a sphere the cost's part is `r cot r` across the gradient, and 1
/// along it.
fn reference(map: &Map, chart: usize, u: &[f64], x: &[f64], bound: f64) -> f64 {
    let manifold = &map.manifold;
    let (step, n) = (1e-4, u.len());
    let z = point(manifold, chart, u);
    let moved = |direction: &[f64], h: f64| {
        let u: Vec<f64> = u.iter().zip(direction).map(|(u, x)| u + h * x).collect();
        point(manifold, chart, &u)
    };
    let vector = |direction: &[f64]| -> Vec<f64> {
        let (before, after) = (moved(direction, -step), moved(direction, step));
        before.iter().zip(after).map(|(b, a)| (a - b) / (2.0 * step)).collect()
    };
    let tangent = vector(x);
    let along = |v: &[f64], h: f64| {
        psi(map, &exponential(manifold, &z, &v.iter().map(|v| h * v).collect::<Vec<_>>()))
    };
    let slope = |v: &[f64]| (along(v, step) - along(v, -step)) / (2.0 * step);
    let mut sum = (along(&tangent, step) - 2.0 * psi(map, &z) + along(&tangent, -step)) / (step * step);
    for run in manifold.runs() {
        let part = |v: &[f64]| -> Vec<f64> {
            (0..v.len()).map(|i| if run.coordinates.contains(&i) { v[i] } else { 0.0 }).collect()
        };
        let own = part(&tangent);
        let square: f64 = own.iter().map(|x| x * x).sum();
        // An orthonormal basis of the tangent space, by Gram and Schmidt.
        let mut basis: Vec<Vec<f64>> = vec![];
        for k in run.directions.clone() {
            let mut unit = vec![0.0; n];
            unit[k] = 1.0;
            let mut e = part(&vector(&unit));
            for other in &basis {
                let overlap: f64 = e.iter().zip(other).map(|(a, b)| a * b).sum();
                e.iter_mut().zip(other).for_each(|(a, b)| *a -= overlap * b);
            }
            let length = e.iter().map(|x| x * x).sum::<f64>().sqrt();
            e.iter_mut().for_each(|x| *x /= length);
            basis.push(e);
        }
        let gradient: Vec<f64> = basis.iter().map(|e| slope(e)).collect();
        let r = gradient.iter().map(|x| x * x).sum::<f64>().sqrt();
        let radial: f64 = basis
            .iter()
            .zip(&gradient)
            .map(|(e, g)| g * e.iter().zip(&own).map(|(a, b)| a * b).sum::<f64>())
            .sum();
        let share = (radial / r).powi(2);
        let across = if basis.len() > 1 { r / r.tan() } else { 1.0 };
        sum += share + across * (square - share) - bound * square;
    }
    sum
}

#[test]
fn the_matrix_is_that_of_geodesics() {
    let mut rng = Pcg64::seed_from_u64(5);
    for name in ["T2", "S1", "S2", "S3", "T1xS2", "S1xT1", "S2xS2"] {
        for _ in 0..12 {
            let map = map(name, &mut rng);
            let (n, bound) = (map.manifold.dimension(), 0.3);
            let chart = rng.random_range(0..map.manifold.charts());
            let u: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
            let psi = Psi::new(&map, 0);
            let hessian = Hessian::new(&psi, bound);
            let patch = Patch::new(&map.manifold, chart, u.iter().map(|&u| Ball::exact(u)).collect());
            let layout = psi.layout();
            let points = Expansion::new(patch.point(layout, true), patch.point(layout, false), layout);
            let k = hessian.matrix(layout, &psi.jets(&points).over, &patch).expect("a short gradient");
            for _ in 0..3 {
                let x: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
                let found: f64 = (0..n * n).map(|p| k[p].value().centre() * x[p / n] * x[p % n]).sum();
                let exact = reference(&map, chart, &u, &x, bound);
                assert!((found - exact).abs() < 3e-6, "{name}: {found}, not {exact}");
                assert!(k.iter().all(|k| k.value().radius() < 1e-12));
            }
        }
    }
}

/// The derivatives of `K` are its central differences, and `Wᵀ K W` over a box contains that of its points.
#[test]
fn boxes_contain_their_points() {
    let mut rng = Pcg64::seed_from_u64(6);
    for name in ["T2", "S1", "S2", "S3", "T1xS2", "S2xS2"] {
        for _ in 0..20 {
            let map = map(name, &mut rng);
            let (n, bound) = (map.manifold.dimension(), -12.0);
            let chart = rng.random_range(0..map.manifold.charts());
            let u: Vec<f64> = (0..n).map(|_| rng.random_range(-0.9..0.9)).collect();
            let psi = Psi::new(&map, 0);
            let (layout, hessian) = (psi.layout(), Hessian::new(&psi, bound));
            let matrix = |u: &[f64]| {
                let patch = Patch::new(&map.manifold, chart, u.iter().map(|&u| Ball::exact(u)).collect());
                let points = Expansion::new(patch.point(layout, true), patch.point(layout, false), layout);
                hessian.matrix(layout, &psi.jets(&points).over, &patch).expect("a short gradient")
            };
            let at = matrix(&u);
            let step = 1e-5;
            for k in 0..n {
                let moved = |h: f64| {
                    let mut u = u.clone();
                    u[k] += h;
                    matrix(&u)
                };
                for ((at, before), after) in at.iter().zip(moved(-step)).zip(moved(step)) {
                    let difference = (after.value() + -before.value()).centre() / (2.0 * step);
                    assert!(
                        (at.slope(k).centre() - difference).abs() < 1e-6,
                        "{name}: {at:?}, not {difference}"
                    );
                }
            }
            let r = 10_f64.powf(rng.random_range(-5.0..-1.5));
            let patch = Patch::new(&map.manifold, chart, u.iter().map(|&u| Ball::new(u, r)).collect());
            let Enclosure { matrix: over, .. } = hessian.over(&patch).expect("positive at the middle");
            let values = |k: &[Slopes]| k.iter().map(Slopes::value).collect::<Vec<_>>();
            let unit = frame(&values(&at), n).expect("positive");
            for _ in 0..10 {
                let inside: Vec<f64> = u.iter().map(|u| u + r * rng.random_range(-1.0..1.0)).collect();
                // The transport with δ = inside − m: A depends on the middle alone and is linear in δ.
                let mut a = values(&transport(&Patch::new(
                    &map.manifold,
                    chart,
                    u.iter().map(|&u| Ball::exact(u)).collect(),
                )));
                let slopes = transport(&patch);
                for (a, slopes) in a.iter_mut().zip(&slopes) {
                    for k in 0..n {
                        *a = *a + slopes.slope(k) * (inside[k] - u[k]);
                    }
                }
                let w = product(&a, &unit, n);
                let exact = congruent(&values(&matrix(&inside)), &w, n);
                for (over, exact) in over.iter().zip(&exact) {
                    let slack = 1e-12 * (1.0 + exact.centre().abs());
                    assert!(
                        over.lower() <= exact.upper() + slack && exact.lower() <= over.upper() + slack,
                        "{name}: {over:?}, {exact:?}"
                    );
                    assert!(over.radius() < 400.0 * r, "{name}: {over:?} with {r}");
                }
            }
        }
    }
}

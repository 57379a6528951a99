//! Estimates from weights whose distribution is known: `log w = log Z + σz − σ²/2` with `z` normal has mean weight `Z`,
//! ESS `exp(−σ²)` and `KL = σ²/2`.

use rand::Rng;
use rand_pcg::Pcg64;
use rand_pcg::rand_core::SeedableRng;

use super::*;

/// Standard normal numbers, by Box and Muller.
fn normal(rng: &mut Pcg64) -> f64 {
    let mut uniform = || ((rng.next_u64() >> 12) as f64 + 0.5) * 2f64.powi(-52);
    (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()
}

fn log_normal(rng: &mut Pcg64, n: usize, sigma: f64, log_z: f64) -> Vec<f64> {
    (0..n).map(|_| log_z + sigma * normal(rng) - sigma * sigma / 2.0).collect()
}

#[test]
fn estimates_match_log_normal_weights() {
    let seed = 41;
    let mut rng = Pcg64::seed_from_u64(seed);
    for (sigma, log_z) in [(0.05, 0.0), (0.3, -4.0), (0.7, 1e4)] {
        let weights = log_normal(&mut rng, 100_000, sigma, log_z);
        let found = Estimates::new(&weights, 3, Some(log_z)).expect("finite weights");
        let kl = sigma * sigma / 2.0;
        for (name, estimate, exact) in [
            ("ESS", found.ess, (-sigma * sigma).exp()),
            ("log Z", found.log_z, log_z),
            ("KL", found.kl, kl),
            ("free energy", found.free_energy, kl - log_z),
            ("reverse KL", found.reverse_kl.expect("log Z is known"), kl),
            ("KL without Z", Estimates::new(&weights, 0, None).expect("finite weights").kl, kl),
        ] {
            // Four and a half standard errors: 7e-6 two-sided.
            let error = (estimate.value - exact).abs();
            assert!(
                error < 4.5 * estimate.standard_error,
                "seed {seed}, σ = {sigma}: {name} {estimate:?}, not {exact}"
            );
        }
        assert_eq!((found.samples, found.excluded), (100_000, 3));
    }
}

/// Fraction of repetitions whose estimate lies within two standard errors of the exact value.
fn coverage(sigma: f64, exact: f64, pick: impl Fn(&Estimates) -> Estimate) -> f64 {
    let mut rng = Pcg64::seed_from_u64(42);
    let inside = (0..1000).filter(|_| {
        let weights = log_normal(&mut rng, 2000, sigma, 1.5);
        let estimate = pick(&Estimates::new(&weights, 0, Some(1.5)).expect("finite weights"));
        (estimate.value - exact).abs() < 2.0 * estimate.standard_error
    });
    inside.count() as f64 / 1000.0
}

#[test]
fn two_standard_errors_cover_the_exact_value_as_often_as_they_should() {
    // 95.45 % for a normal estimate; 1000 repetitions scatter by 0.66 %, bias and skewness at n = 2000 take up to 3 %.
    let sigma = 0.3_f64;
    let kl = sigma * sigma / 2.0;
    for (name, fraction) in [
        ("ESS", coverage(sigma, (-sigma * sigma).exp(), |e| e.ess)),
        ("log Z", coverage(sigma, 1.5, |e| e.log_z)),
        ("KL", coverage(sigma, kl, |e| e.kl)),
        ("reverse KL", coverage(sigma, kl, |e| e.reverse_kl.expect("log Z is known"))),
    ] {
        assert!((0.92..0.98).contains(&fraction), "seed 42, {name}: {fraction}");
    }
}

#[test]
fn coverage_of_kl_without_log_z_is_right() {
    let (sigma, mut rng) = (0.3_f64, Pcg64::seed_from_u64(43));
    let inside = (0..1000).filter(|_| {
        let kl = Estimates::new(&log_normal(&mut rng, 2000, sigma, 9.0), 0, None).expect("finite weights").kl;
        (kl.value - sigma * sigma / 2.0).abs() < 2.0 * kl.standard_error
    });
    let fraction = inside.count() as f64 / 1000.0;
    assert!((0.92..0.98).contains(&fraction), "seed 43: {fraction}");
}

#[test]
fn kl_with_log_z_resolves_a_millionth_where_the_plain_mean_cannot() {
    let (sigma, mut rng) = (2e-6_f64.sqrt(), Pcg64::seed_from_u64(44));
    let found =
        Estimates::new(&log_normal(&mut rng, 65_536, sigma, 4.0), 0, Some(4.0)).expect("finite weights");
    let plain = found.reverse_kl.expect("log Z is known");
    assert!(found.kl.standard_error < 1e-8 && plain.standard_error > 1e-6, "{found:?}");
    assert!((found.kl.value - 1e-6).abs() < 4.5 * found.kl.standard_error, "seed 44: {:?}", found.kl);
}

#[test]
fn delta_method_agrees_with_the_jackknife() {
    let mut rng = Pcg64::seed_from_u64(45);
    let n = 400;
    let weights = log_normal(&mut rng, n, 0.5, -2.0);
    let whole = Estimates::new(&weights, 0, None).expect("finite weights");
    let without: Vec<Estimates> = (0..n)
        .map(|i| {
            let rest: Vec<f64> = [&weights[..i], &weights[i + 1..]].concat();
            Estimates::new(&rest, 0, None).expect("finite weights")
        })
        .collect();
    type Pick = fn(&Estimates) -> Estimate;
    let picks: [(&str, Pick); 3] = [("ESS", |e| e.ess), ("log Z", |e| e.log_z), ("KL", |e| e.kl)];
    for (name, pick) in picks {
        let centre = without.iter().map(|e| pick(e).value).sum::<f64>() / n as f64;
        let squares: f64 = without.iter().map(|e| (pick(e).value - centre).powi(2)).sum();
        let jackknife = (squares * (n - 1) as f64 / n as f64).sqrt();
        let delta = pick(&whole).standard_error;
        // They differ at order 1/n times the skewness of w².
        assert!((delta / jackknife - 1.0).abs() < 0.05, "seed 45, {name}: {delta} against {jackknife}");
    }
}

#[test]
fn equal_weights_are_perfect_whatever_their_size() {
    for level in [0.0, -1e300, 1e5] {
        let found = Estimates::new(&[level; 100], 0, None).expect("finite weights");
        assert_eq!((found.ess.value, found.kl.value), (1.0, 0.0), "{found:?}");
        assert_eq!((found.log_z.value, found.log_z.standard_error), (level, 0.0));
        assert!((found.largest_share - 0.01).abs() < 1e-17);
        assert_eq!(found.pareto_k, None);
    }
}

#[test]
fn one_dominant_weight_is_seen_as_such() {
    let mut weights = [-1e4; 50];
    weights[17] = 1e4;
    let found = Estimates::new(&weights, 0, None).expect("finite weights");
    assert!((found.ess.value - 0.02).abs() < 1e-15, "{found:?}");
    assert_eq!(found.largest_share, 1.0);
    assert!((found.log_z.value - (1e4 - 50f64.ln())).abs() < 1e-10);
}

#[test]
fn weights_without_an_estimate_are_refused() {
    let error = |weights: &[f64], log_z| Estimates::new(weights, 7, log_z).expect_err("no estimate");
    assert_eq!(error(&[], None), EstimateError::TooFew { samples: 0, excluded: 7 });
    assert_eq!(error(&[1.0], None), EstimateError::TooFew { samples: 1, excluded: 7 });
    for value in [f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(error(&[0.0, 0.1, value], None), EstimateError::NotFinite { index: 2, value });
    }
    assert!(matches!(error(&[f64::NAN, 0.0], None), EstimateError::NotFinite { index: 0, .. }));
    assert_eq!(error(&[0.0, 1.0], Some(f64::INFINITY)), EstimateError::LogZ { value: f64::INFINITY });
    assert_eq!(error(&[0.0, 310.0], Some(5.0)), EstimateError::Excess { index: 1, excess: 305.0 });
    assert!(error(&[0.0, 310.0], Some(5.0)).to_string().contains("305"));
}

//! Conditional densities: laws whose parameters depend on conditioning variables, fitted and compared with the truth.

use std::f64::consts::{PI, TAU};
use std::path::Path;

use ircpm_manifolds::AnyManifold;
use ircpm_train::data::{Column, DataError, Options as TableOptions, decode};
use ircpm_train::fit::{Fit, FlowFile, Options, fit_data};
use ircpm_train::points::{Generator, Quadrature};
use ircpm_train::samples::Samples;

/// A uniform number in `(0, 1)`.
fn uniform(rng: &mut Generator) -> f64 {
    ((rng.next_u64() >> 11) as f64 + 0.5) * 2f64.powi(-53)
}

/// `log` of the normal density.
fn log_normal(x: f64, mean: f64, deviation: f64) -> f64 {
    -0.5 * ((x - mean) / deviation).powi(2) - deviation.ln() - 0.5 * TAU.ln()
}

/// A law of `y` given `c`.
struct Law {
    manifold: &'static str,
    context: fn(&mut Generator) -> Vec<f64>,
    draw: fn(&[f64], &mut Generator) -> Vec<f64>,
    log_density: fn(&[f64], &[f64]) -> f64,
}

/// A wrapped normal angle, whose mean and width depend on a temperature of some hundred kelvins.
const ANGLE: Law = Law {
    manifold: "T1xC1",
    context: |rng| vec![300.0 + 10.0 * rng.normal()],
    draw: |c, rng| {
        let (mean, width) = angle_at(c[0]);
        vec![(mean + width * rng.normal()).rem_euclid(TAU)]
    },
    log_density: |y, c| {
        let (mean, width) = angle_at(c[0]);
        (-9..=9).map(|k| log_normal(y[0] + TAU * f64::from(k), mean, width).exp()).sum::<f64>().ln()
    },
};

fn angle_at(kelvins: f64) -> (f64, f64) {
    let t = (kelvins - 300.0) / 10.0;
    (2.0 + 0.6 * t, 0.5 * (0.3 * t).exp())
}

/// A number whose mean and deviation depend on two others.
const NUMBER: Law = Law {
    manifold: "R1xC2",
    context: |rng| vec![rng.normal(), uniform(rng)],
    draw: |c, rng| {
        let (mean, deviation) = number_at(c);
        vec![mean + deviation * rng.normal()]
    },
    log_density: |y, c| {
        let (mean, deviation) = number_at(c);
        log_normal(y[0], mean, deviation)
    },
};

fn number_at(c: &[f64]) -> (f64, f64) {
    (30.0 + 2.0 * c[0] - 3.0 * c[1] * c[1], 0.4 + 0.6 * c[1])
}

/// A von Mises–Fisher direction whose mean turns with the variable.
const DIRECTION: Law = Law {
    manifold: "S2xC1",
    context: |rng| vec![uniform(rng)],
    draw: |c, rng| {
        let (mean, kappa) = direction_at(c[0]);
        let (u, azimuth) = (uniform(rng), TAU * uniform(rng));
        let w = 1.0 + (u + (1.0 - u) * (-2.0 * kappa).exp()).ln() / kappa;
        let s = (1.0 - w * w).max(0.0).sqrt();
        // The mean lies on the equator; the frame there is its quarter turn and the pole.
        let (east, north) = ([-mean[1], mean[0], 0.0], [0.0, 0.0, 1.0]);
        (0..3).map(|i| w * mean[i] + s * (azimuth.cos() * east[i] + azimuth.sin() * north[i])).collect()
    },
    log_density: |y, c| {
        let (mean, kappa) = direction_at(c[0]);
        let cosine: f64 = y.iter().zip(&mean).map(|(a, b)| a * b).sum();
        kappa * (cosine - 1.0) + (kappa / (TAU * (1.0 - (-2.0 * kappa).exp()))).ln()
    },
};

fn direction_at(c: f64) -> ([f64; 3], f64) {
    let azimuth = PI * c;
    ([azimuth.cos(), azimuth.sin(), 0.0], 4.0 + 8.0 * c)
}

impl Law {
    fn points(&self, count: usize, seed: u64) -> Vec<f64> {
        let mut rng = Generator::from_seed(seed);
        let mut of_one = || {
            let c = (self.context)(&mut rng);
            let y = (self.draw)(&c, &mut rng);
            [y, c].concat()
        };
        (0..count).flat_map(|_| of_one()).collect()
    }

    fn on(&self) -> AnyManifold {
        self.manifold.parse().expect("a manifold")
    }

    /// Mean of the true over the model's log-density at fresh points, in nats, and its standard error.
    fn excess(&self, file: &FlowFile, seed: u64) -> (f64, f64) {
        let manifold = self.on();
        let (n, own) = (manifold.ambient(), manifold.ambient() - manifold.contexts());
        let y = self.points(4000, seed);
        let log_q = file.flow.log_prob(&file.theta, &y);
        let gaps: Vec<f64> = y
            .chunks_exact(n)
            .zip(&log_q)
            .map(|(y, q)| (self.log_density)(&y[..own], &y[own..]) - q)
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let square = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        (mean, (square / gaps.len() as f64).sqrt())
    }

    fn fit(&self, count: usize, seed: u64) -> (FlowFile, Fit) {
        let options = Options::default().seed(seed).samples(8192);
        let (_, fit) = fit_data(&self.on(), &self.points(count, seed), &options).expect("a fit");
        (FlowFile::of_points(&self.on(), &fit).expect("a flow"), fit)
    }
}

// What a thousand rows tell: two to six hundredths of a nat, most of it at values that few rows have.
#[test]
fn conditional_laws_are_learned_from_a_thousand_points() {
    for (law, most) in [(ANGLE, 0.1), (NUMBER, 0.05), (DIRECTION, 0.1)] {
        let (file, fit) = law.fit(1000, 1);
        let (excess, error) = law.excess(&file, 100);
        assert!(fit.evaluation.is_density(), "{}: {:?}", law.manifold, fit.evaluation);
        assert!(excess < most, "{}: {excess} ± {error} nats above the truth", law.manifold);
    }
}

#[test]
fn density_integrates_to_one_at_every_value_of_the_variable() {
    let (file, _) = ANGLE.fit(500, 2);
    let rule = Quadrature::new(&"T1".parse().expect("a circle"), 512).expect("a rule");
    for kelvins in [285.0, 297.0, 300.0, 308.0, 318.0] {
        let y: Vec<f64> = rule.points.iter().flat_map(|&angle| [angle, kelvins]).collect();
        let q: Vec<f64> = file.flow.log_prob(&file.theta, &y).iter().map(|l| l.exp()).collect();
        let mass = rule.integrate(&q);
        assert!((mass - 1.0).abs() < 1e-8, "mass {mass} at {kelvins}");
    }
}

#[test]
fn samples_given_a_value_have_its_law() {
    let (file, _) = ANGLE.fit(2000, 3);
    let rows = [290.0, 310.0];
    let samples = Samples::given(&file.flow, &file.theta, &rows, 9000, 5);
    let batches: Vec<_> = samples.collect::<Result<_, _>>().expect("samples");
    let (points, log_q): (Vec<f64>, Vec<f64>) = batches.iter().fold((vec![], vec![]), |(mut p, mut l), b| {
        p.extend(&b.points);
        l.extend(&b.log_q);
        (p, l)
    });
    // The eigenvalues of four layers divide the residuals of the solves, 1e-13.
    let again = file.flow.log_prob(&file.theta, &points);
    let worst = again.iter().zip(&log_q).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-7, "{worst}");
    for (k, kelvins) in rows.into_iter().enumerate() {
        let some = &points[2 * 9000 * k..2 * 9000 * (k + 1)];
        assert!(
            some.chunks_exact(2).all(|point| point[1] == kelvins),
            "samples come in the order of the rows"
        );
        let (mean, width) = angle_at(kelvins);
        let [cos, sin] =
            [f64::cos, f64::sin].map(|f| some.chunks_exact(2).map(|p| f(p[0] - mean)).sum::<f64>() / 9000.0);
        let resultant = (-0.5 * width * width).exp();
        // Some 500 rows lie near each value, so the fitted mean direction errs by 0.03.
        assert!(
            (cos - resultant).abs() < 0.1 && sin.abs() < 0.1,
            "{kelvins}: {cos} is not {resultant}, {sin}"
        );
    }
    // One sample per row, as the flow draws them itself.
    let pushed = file.flow.sample_given(&file.theta, &rows, 1);
    assert_eq!((pushed.y[1], pushed.y[3]), (290.0, 310.0));
}

#[test]
fn variables_are_found_among_the_columns() {
    let text = b"id,T,phi,psi\n0,300,0.1,0.2\n1,310,0.3,0.4\n2,320,0.5,0.6\n";
    let read = |manifold: &str, options: TableOptions| {
        decode(text, Path::new("x.csv"), &manifold.parse().expect("a manifold"), &options)
    };
    let named =
        |names: &[&str]| names.iter().map(|name| Column::Name((*name).to_owned())).collect::<Vec<_>>();
    let options = TableOptions { context: named(&["T"]), ..TableOptions::default() };
    let points = read("T2xC1", options.clone()).expect("points").points;
    assert_eq!(points[..3], [0.1, 0.2, 300.0]);
    let chosen =
        TableOptions { columns: named(&["psi"]), context: named(&["T", "phi"]), ..TableOptions::default() };
    assert_eq!(read("T1xC2", chosen).expect("points").points[..3], [0.2, 300.0, 0.1]);
    let last = TableOptions { columns: named(&["phi", "T"]), ..TableOptions::default() };
    assert_eq!(read("T1xC1", last).expect("points").points[..2], [0.1, 300.0]);
    assert!(matches!(read("T2xC2", options.clone()), Err(DataError::Contexts { found: 1, .. })));
    let twice = TableOptions { columns: named(&["phi", "T"]), ..options.clone() };
    assert!(matches!(read("T2xC1", twice), Err(DataError::Twice { .. })));
    let unknown = TableOptions { context: named(&["temperature"]), ..options };
    assert!(matches!(read("T2xC1", unknown), Err(DataError::Name { .. })));
}

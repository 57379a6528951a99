//! What a symmetry saves: networks with it and without it on the same targets, by size.
//!
//! `cargo run --release -p ircpm-train --example symmetry`
//!
//! One layer each, least squares, at most 40 steps. One line per network: the median of seeds 0 to 2, and the time of one
//! density (`log q` of a given point) on one thread.

use std::time::Instant;

use ircpm_flow::{Flow, Symmetry};
use ircpm_manifolds::AnyManifold;
use ircpm_train::config::{Layers, ModelConfig};
use ircpm_train::fit::{Options, fit_target};
use ircpm_train::target::{Expression, Parameters, Target};

/// Median of three.
fn median(mut values: [f64; 3]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[1]
}

/// Least time of one density on one thread, in microseconds, over batches of 1024 points.
fn microseconds(flow: &Flow, theta: &[f64]) -> Result<f64, rayon::ThreadPoolBuildError> {
    let points = flow.sample(theta, 1024, 1).y;
    let time = |_| {
        let start = Instant::now();
        std::hint::black_box(flow.log_prob(theta, &points));
        start.elapsed().as_secs_f64()
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    Ok(pool.install(|| (0..10).map(time).fold(f64::INFINITY, f64::min)) * 1e6 / 1024.0)
}

/// Prints the Kullback–Leibler divergence that networks of several widths come to.
fn compare(
    name: &str,
    target: &dyn Target,
    symmetry: &[Symmetry],
    widths: &[usize],
) -> Result<(), Box<dyn std::error::Error>> {
    let list: Vec<String> = symmetry.iter().map(Symmetry::to_string).collect();
    let what = if list.is_empty() { "none".to_owned() } else { list.join(", ") };
    for &width in widths {
        let (mut kl, mut seconds, mut density) = ([0.0; 3], [0.0; 3], [0.0; 3]);
        let (mut parameters, mut folded) = (0, 0);
        for seed in 0..3 {
            let model = ModelConfig {
                layers: Layers::Fixed(1),
                hidden: vec![width; 2],
                symmetry: symmetry.to_vec(),
                ..ModelConfig::default()
            };
            let options = Options::default().seed(seed as u64).steps(40).goal(1e-9).samples(1 << 13);
            let (flow, fit) = fit_target(target, &options.model(model))?;
            let weights = fit.evaluation.weights.as_ref().ok_or("a target has weights")?;
            (kl[seed], seconds[seed]) = (weights.kl.value, fit.progress.cpu_seconds);
            density[seed] = microseconds(&flow, &fit.theta)?;
            parameters = flow.parameters();
            folded += usize::from(fit.evaluation.fold.is_folded());
        }
        let [kl, seconds, density] = [kl, seconds, density].map(median);
        println!(
            "| {name} | {what} | {width}, {width} | {parameters} | {kl:.1e} | {seconds:.1} | {density:.2} | {folded} |"
        );
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sphere: AnyManifold = "S2".parse()?;
    let cube = Expression::parse(&sphere, "-6 * (x1^4 + x2^4 + x3^4)", &Parameters::new())?;
    let bonds = "-2 * (cos(theta1 - theta2) + cos(theta2 - theta3) + cos(theta3 - theta1))";
    let ring = Expression::parse(&"T3".parse()?, bonds, &Parameters::new())?;
    let names = |list: &[&str]| list.iter().map(|name| name.parse()).collect::<Result<Vec<Symmetry>, _>>();
    println!("| target | symmetry | hidden | parameters | KL (nats) | CPU s | µs per density | folded |");
    println!("|---|---|---|---|---|---|---|---|");
    let moved = "translations(1, 1, 1)";
    let all: [(&str, &dyn Target, &[&str]); 2] =
        [("cube on S²", &cube, &["Oh"]), ("ring on T³", &ring, &[moved, "shifts", "reversal", "inversion"])];
    for (name, target, symmetries) in all {
        compare(name, target, &[], &[4, 8, 16])?;
        compare(name, target, &names(symmetries)?, &[2, 4, 8])?;
    }
    Ok(())
}

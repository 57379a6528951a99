//! What a symmetry saves: networks with it and without it on the same targets, by size.
//!
//! `cargo run --release -p ircpm-train --example symmetry`
//!
//! One layer each, least squares, at most 60 steps. One line per network: the median of seeds 0 to 2.

use ircpm_flow::Symmetry;
use ircpm_manifolds::AnyManifold;
use ircpm_train::config::{Layers, ModelConfig};
use ircpm_train::fit::{Options, fit_target};
use ircpm_train::target::{Expression, Parameters, Target, by_name};

/// Median of three.
fn median(mut values: [f64; 3]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[1]
}

/// Prints the Kullback–Leibler divergence that networks of several widths come to.
fn compare(
    what: &str,
    target: &dyn Target,
    symmetry: &[Symmetry],
    widths: &[usize],
) -> Result<(), Box<dyn std::error::Error>> {
    for &width in widths {
        let (mut kl, mut seconds, mut parameters, mut folded) = ([0.0; 3], [0.0; 3], 0, 0);
        for seed in 0..3 {
            let model = ModelConfig {
                layers: Layers::Fixed(1),
                hidden: vec![width; 2],
                symmetry: symmetry.to_vec(),
                ..ModelConfig::default()
            };
            let options = Options::default().seed(seed as u64).steps(60).goal(1e-9).samples(1 << 14);
            let (flow, fit) = fit_target(target, &options.model(model))?;
            let weights = fit.evaluation.weights.as_ref().ok_or("a target has weights")?;
            (kl[seed], seconds[seed]) = (weights.kl.value, fit.progress.cpu_seconds);
            parameters = flow.parameters();
            folded += usize::from(fit.evaluation.fold.is_folded());
        }
        let (kl, seconds) = (median(kl), median(seconds));
        println!(
            "| {} | {what} | {width}, {width} | {parameters} | {kl:.1e} | {seconds:.1} | {folded} |",
            target.name()
        );
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sphere: AnyManifold = "S2".parse()?;
    let cube = Expression::parse(&sphere, "-6 * (x1^4 + x2^4 + x3^4)", &Parameters::new())?;
    let ring = by_name("xy-ring-3").ok_or("a target of the table")?;
    let names = |list: &[&str]| list.iter().map(|name| name.parse()).collect::<Result<Vec<Symmetry>, _>>();
    println!("| target | symmetry | hidden | parameters | KL (nats) | CPU s | folded |");
    println!("|---|---|---|---|---|---|---|");
    let all: [(&dyn Target, &[&[&str]]); 2] = [
        (&cube, &[&[], &["reflections"], &["Oh"]]),
        (
            ring.as_ref(),
            &[&[], &["translations(1, 1, 1)"], &["translations(1, 1, 1)", "shifts", "inversion"]],
        ),
    ];
    for (target, symmetries) in all {
        for list in symmetries {
            let what = if list.is_empty() { "none".to_owned() } else { list.join(", ") };
            compare(&what, target, &names(list)?, &[2, 4, 8, 16])?;
        }
    }
    Ok(())
}

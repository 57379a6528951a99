//! Section 3.2: a symmetric model needs fewer points. Likelihood fits with the symmetry of a law and without it.

use std::sync::atomic::Ordering;

use ircpm_flow::{Flow, FlowSpec, Solver};
use ircpm_manifolds::AnyManifold;

use super::{Setting, header};
use crate::estimate::Estimate;
use crate::fit::{Algorithm, Options, fit_points};
use crate::paper::{Models, PaperError, Table};
use crate::points::{Generator, Quadrature};
use crate::target::{Target, by_name};

/// Numbers of points.
const SIZES: [usize; 4] = [50, 200, 800, 3200];
/// Sets of points per number, each with fits from a seed of its own.
const SEEDS: (u64, u64) = (2, 5);
/// Steps of a fit.
const STEPS: (usize, usize) = (400, 1000);
/// Quadrature nodes per angle.
const NODES: usize = 128;

/// What the network sees of a point, by name.
fn models() -> [(&'static str, ircpm_flow::Features); 2] {
    [
        ("plain", ircpm_flow::Features::Harmonics { order: 1 }),
        ("symmetric", ircpm_flow::Features::Combinations { directions: vec![vec![1, 1]], order: 2 }),
    ]
}

/// Divergences of the fits from the law that the points are of.
pub(super) fn measure(_: &Models, setting: &Setting<'_>) -> Result<Option<Table>, PaperError> {
    let target = by_name("torus-correlated").expect("a target of the table");
    let (seeds, steps) = if setting.quick { (SEEDS.0, STEPS.0) } else { (SEEDS.1, STEPS.1) };
    let mut table = Table {
        title: "Symmetries and the number of points (section 3.2)".to_owned(),
        lead: format!(
            "Points of exp(cos(θ₁+θ₂−1.94))/Z on T², which is invariant under (θ₁+α, θ₂−α), and networks [16, 16] fitted to \
             them by maximum likelihood ({steps} steps of Adam): one that sees cos and sin of both angles, and one that \
             sees them of θ₁+θ₂ and 2(θ₁+θ₂) alone. Both have 369 parameters. KL(p ‖ q) in nats by quadrature, mean ± \
             standard error over {seeds} sets of points; fits that fold have no density and are left out."
        ),
        header: header(["points", "plain", "symmetric", "plain, folded", "symmetric, folded"]),
        ..Table::default()
    };
    for size in SIZES {
        let mut found: [Vec<f64>; 2] = [vec![], vec![]];
        for seed in 0..seeds {
            let points = draw(target.as_ref(), size, setting.seed.wrapping_add(seed));
            for ((_, features), found) in models().into_iter().zip(&mut found) {
                if setting.stop.load(Ordering::Relaxed) {
                    return Err(PaperError::Stopped);
                }
                found.extend(divergence(target.as_ref(), features, &points, steps, seed)?);
            }
        }
        let [plain, symmetric] = &found;
        // A fit that folds has no divergence, and loses against one that has.
        let better = mean(symmetric).is_some_and(|s| mean(plain).is_none_or(|plain| s.value < plain.value));
        table.missed += usize::from(!better);
        let text = |found: &[f64]| mean(found).map_or("–".to_owned(), text);
        let folded = |found: &[f64]| (seeds as usize - found.len()).to_string();
        table.rows.push(vec![
            size.to_string(),
            text(plain),
            text(symmetric),
            folded(plain),
            folded(symmetric),
        ]);
    }
    Ok(Some(table))
}

fn mean(found: &[f64]) -> Option<Estimate> {
    (found.len() > 1).then(|| Estimate::mean_of(found))
}

fn text(Estimate { value, standard_error }: Estimate) -> String {
    format!("{value:.4} ± {standard_error:.4}")
}

/// Points of the density by rejection from the uniform one: its energy is at least −1.
fn draw(target: &dyn Target, size: usize, seed: u64) -> Vec<f64> {
    let mut generator = Generator::from_seed(seed);
    let mut uniform = move || generator.uniform();
    let mut points = Vec::new();
    while points.len() < 2 * size {
        let y = [uniform(), uniform()].map(|u| std::f64::consts::TAU * u);
        let mut u = [0.0];
        target.energies(&y, &mut u);
        if uniform() < (-u[0] - 1.0).exp() {
            points.extend(y);
        }
    }
    points
}

/// KL(p ‖ q) of a fit; none if it is no density.
fn divergence(
    target: &dyn Target,
    features: ircpm_flow::Features,
    points: &[f64],
    steps: usize,
    seed: u64,
) -> Result<Option<f64>, PaperError> {
    let manifold: &AnyManifold = target.manifold();
    let flow = Flow::new(FlowSpec {
        manifold: manifold.clone(),
        layers: 1,
        shared: false,
        hidden: vec![16, 16],
        features,
        symmetry: vec![],
        output_scale: 1.0,
        solver: Solver::default(),
    })?;
    let options = Options::default().algorithm(Algorithm::Adam).steps(steps).seed(seed);
    let options = options.samples(1 << 13).held_out(0.0);
    let fit = fit_points(&flow, points, &options)?;
    if !fit.evaluation.is_density() {
        return Ok(None);
    }
    let rule = Quadrature::new(manifold, NODES).expect("a surface");
    let log_z = target.log_z(1.0).expect("a normaliser in closed form");
    let mut u = vec![0.0; rule.weights.len()];
    target.energies(&rule.points, &mut u);
    let log_q = flow.log_prob(&fit.theta, &rule.points);
    let terms = u.iter().zip(&log_q).map(|(u, log_q)| (-u - log_z).exp() * (-u - log_z - log_q));
    Ok(Some(rule.integrate(&terms.collect::<Vec<f64>>())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_by_rejection_have_the_law_s_moments() {
        let target = by_name("torus-correlated").expect("a target of the table");
        let size = 20_000;
        let points = draw(target.as_ref(), size, 3);
        assert_eq!(points.len(), 2 * size);
        let mean = |f: fn(&[f64]) -> f64| points.chunks_exact(2).map(f).sum::<f64>() / size as f64;
        // E cos(s − 1.94) = I₁(1)/I₀(1) for s = θ₁ + θ₂, and θ₁ alone is uniform; the deviation of a mean is below 0.006.
        assert!((mean(|y| (y[0] + y[1] - 1.94).cos()) - 0.446_398).abs() < 0.025);
        assert!(mean(|y| y[0].cos()).abs() < 0.025 && mean(|y| y[1].sin()).abs() < 0.025);
    }
}

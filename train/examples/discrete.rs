//! Discrete potentials as a baseline: Adam on the reverse Kullback–Leibler divergence, beside the implicit map.
//!
//! `cargo run --release -p ircpm-train --example discrete [STEPS] [SEEDS] [ROW]`
//!
//! Prints a table, or the row of that number, counted from 0. By default it takes 1500 steps, in which the published
//! size on the sphere (5 layers of 68 components, γ = 0.1, batches of 256) reaches the published quality. The learning
//! rate falls along half a cosine from 5e-3, where the authors keep it at 1e-3 for 30,000 steps and more. Seconds are
//! those of the process on all threads, without the evaluations on the way.

use std::error::Error;
use std::sync::Arc;

use cpu_time::ProcessTime;
use ircpm_flow::{Discrete, DiscreteError, DiscreteMap, Flow, Map, OrbitGroup};
use ircpm_manifolds::{AnyManifold, Product};
use ircpm_train::estimate::{Estimate, Estimates};
use ircpm_train::optimiser::{LearningRate, Optimiser, Schedule, ScheduledAdam, Settings};
use ircpm_train::points::{Generator, Spread};
use ircpm_train::target::{Target, by_name};
use ircpm_train::training::Source;
use ircpm_train::training::minibatch::Minibatch;
use ircpm_train::{Options, fit_target};

/// ESS that the authors' public log has on the four modes of the sphere after 30,000 steps.
const PUBLISHED: f64 = 0.9875;
/// Base points of a step.
const BATCH: usize = 256;
/// Samples of an evaluation.
const SAMPLES: usize = 65_536;
/// Evaluations on the way.
const LOOKS: usize = 15;

/// A row of the table.
struct Row {
    target: &'static str,
    layers: usize,
    components: usize,
    smoothing: f64,
    translations: Vec<Vec<i32>>,
}

fn rows() -> Vec<Row> {
    let sphere = |layers, components, smoothing| Row {
        target: "sphere-four-mode",
        layers,
        components,
        smoothing,
        translations: vec![],
    };
    let torus = |target, components, smoothing, translations| Row {
        target,
        layers: 1,
        components,
        smoothing,
        translations,
    };
    vec![
        torus("torus-correlated", 12, 0.1, vec![vec![1, -1]]),
        torus("torus-correlated", 48, 0.3, vec![]),
        torus("torus-multi-modal", 48, 0.3, vec![]),
        sphere(1, 68, 0.1),
        sphere(2, 68, 0.1),
        sphere(3, 68, 0.1),
        sphere(5, 24, 0.2),
        sphere(5, 68, 0.1),
    ]
}

impl Row {
    fn flow(&self, manifold: &AnyManifold) -> Result<Flow, Box<dyn Error>> {
        let manifold: Product = manifold.to_string().parse()?;
        let symmetry = OrbitGroup { group: vec![], translations: self.translations.clone() };
        let &Self { components, smoothing, .. } = self;
        let discrete = Discrete { components, smoothing, constant: false, symmetry };
        let layer = || -> Result<Arc<dyn Map>, DiscreteError> {
            Ok(Arc::new(DiscreteMap::<_, 2>::new(manifold.clone(), &discrete)?))
        };
        Ok(Flow::from_maps((0..self.layers).map(|_| layer()).collect::<Result<_, _>>()?, false)?)
    }

    /// Trains one model, and prints its line.
    fn run(&self, steps: usize, seed: u64) -> Result<(), Box<dyn Error>> {
        let target = by_name(self.target).ok_or("a target of the table")?;
        let flow = self.flow(target.manifold())?;
        let mut theta = flow.initial(seed);
        let learning_rate = LearningRate { peak: 5e-3, schedule: Schedule::Cosine, warmup: 10, steps };
        let settings = Settings { parameters: theta.len(), learning_rate, clip: 100.0 };
        let source = Source::Target { target: target.as_ref(), beta: 1.0 };
        let generator = Generator::from_seed(seed);
        let mut batches = Minibatch::new(&flow, source, Spread::Random, BATCH, generator);
        let (mut adam, mut seconds, mut reached) = (ScheduledAdam::new(settings), 0.0, None);
        for step in 0..steps {
            let start = ProcessTime::now();
            adam.step(&mut theta, &mut batches, step)?;
            seconds += start.elapsed().as_secs_f64();
            if reached.is_none() && (step + 1).is_multiple_of(steps.div_ceil(LOOKS)) {
                let found = estimates(&flow, &theta, target.as_ref(), SAMPLES / 8, 1)?;
                reached = (found.ess.value >= PUBLISHED).then_some(seconds);
            }
        }
        let found = estimates(&flow, &theta, target.as_ref(), SAMPLES, 2)?;
        let reached = reached.map_or("–".to_owned(), |s| format!("{s:.1}"));
        let orbits = if self.translations.is_empty() { "points" } else { "orbits" };
        let Self { target, layers, components, smoothing, .. } = self;
        print!("| {target} | {layers} × {components} {orbits}, γ = {smoothing} | {} | {seed} ", theta.len());
        println!("| {} | {reached} | {seconds:.1} |", quality(&found));
        Ok(())
    }
}

/// What the importance weights of the model's own samples say.
fn estimates(
    flow: &Flow,
    theta: &[f64],
    target: &dyn Target,
    samples: usize,
    seed: u64,
) -> Result<Estimates, Box<dyn Error>> {
    let pushed = flow.sample(theta, samples, seed);
    let mut u = vec![0.0; samples];
    target.energies(&pushed.y, &mut u);
    let counts: Vec<usize> = (0..samples).filter(|&s| pushed.ok[s]).collect();
    let log_weights: Vec<f64> = counts.iter().map(|&s| -u[s] - pushed.log_q[s]).collect();
    Ok(Estimates::new(&log_weights, samples - counts.len(), target.log_z(1.0))?)
}

/// ESS and KL with their standard errors, and samples without a density.
fn quality(found: &Estimates) -> String {
    let Estimate { value: ess, standard_error } = found.ess;
    let Estimate { value: kl, standard_error: of_kl } = found.kl;
    format!(
        "{:.3} ± {:.3} | {kl:.1e} ± {of_kl:.0e} | {}",
        100.0 * ess,
        100.0 * standard_error,
        found.excluded
    )
}

/// The implicit map on the same target, by least squares.
fn implicit(name: &str, seed: u64) -> Result<(), Box<dyn Error>> {
    let target = by_name(name).ok_or("a target of the table")?;
    let (flow, fit) = fit_target(target.as_ref(), &Options::default().seed(seed).samples(SAMPLES))?;
    let seconds = fit.progress.cpu_seconds;
    let weights = fit.evaluation.weights.as_ref().ok_or("a target has weights")?;
    let (layers, parameters) = (flow.layers(), fit.theta.len());
    print!("| {name} | implicit, {layers} layers, least squares | {parameters} | {seed} ");
    println!("| {} | – | {seconds:.1} |", quality(weights));
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let number = |i: usize, default| numbers.get(i).copied().unwrap_or(default);
    let (steps, seeds) = (number(0, 1500), number(1, 3) as u64);
    println!(
        "| target | model | parameters | seed | ESS % | KL (nats) | samples without density | CPU s to 98.75 % | CPU s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let all = rows();
    let chosen = match numbers.get(2) {
        Some(&row) => all.get(row..=row).ok_or("no such row")?,
        None => &all,
    };
    for row in chosen {
        for seed in 0..seeds {
            row.run(steps, seed)?;
        }
    }
    if chosen.len() < all.len() {
        return Ok(());
    }
    for name in ["sphere-four-mode", "torus-multi-modal", "torus-correlated"] {
        for seed in 0..seeds {
            implicit(name, seed)?;
        }
    }
    Ok(())
}

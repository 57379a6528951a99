//! Estimates of `log det H` by products with vectors alone, against the factor: their bias, their standard deviation and their time.
//!
//! `cargo run --release -p ircpm-lattice --example matrix_free` prints two tables. Parameters of one layer are random, as large
//! as the wall allows: `H ≽ 0.1` as far as a search finds. Points are samples of the map.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;

use cpu_time::ProcessTime;
use ircpm_flow::{Flow, Part, Solver};
use ircpm_lattice::matrix_free::{Clusters, Estimate, Probes, Quadrature, Solve};
use ircpm_lattice::{Chain, Charges, LatticeMap, Square, Wall};

/// What any part of this program may fail with.
type Failure = Box<dyn std::error::Error>;

/// Number of points per row.
const POINTS: usize = 16;
/// Number of probes per point.
const PROBES: usize = 64;
/// Number of turns, of which the fastest counts.
const TURNS: usize = 5;
/// Below all eigenvalues, as far as the search has found.
const LOWER: f64 = 0.05;
/// Steps of the quadratures.
const STEPS: [usize; 4] = [2, 4, 8, 16];

/// CPU seconds of the fastest of some calls.
fn seconds<E>(mut f: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    let mut least = f64::INFINITY;
    for _ in 0..TURNS {
        let start = ProcessTime::now();
        f()?;
        least = least.min(start.elapsed().as_secs_f64());
    }
    Ok(least)
}

/// The standard deviation of one probe, as a square.
fn variance(of: &Estimate) -> f64 {
    of.standard_error.powi(2) * of.probes as f64
}

/// The map of a potential, random parameters behind the wall, and samples.
struct Model {
    charges: Charges,
    flow: Flow,
    theta: Vec<f64>,
    y: Vec<f64>,
}

impl Model {
    fn new(charges: Charges) -> Result<Self, Failure> {
        let map = Arc::new(LatticeMap::new(charges.clone(), Solver::default())?);
        let flow = Flow::from_maps(vec![map.clone()], false)?;
        let mut theta = flow.initial(0);
        theta.iter_mut().for_each(|a| *a *= 200.0);
        let mut wall = Wall::new(map, 0.9, 16, 0)?;
        wall.search(&theta, 20);
        theta = wall.scale(&theta).theta;
        let y = flow.sample(&theta, POINTS, 2).y;
        Ok(Self { charges, flow, theta, y })
    }

    fn points(&self) -> std::slice::Chunks<'_, f64> {
        self.y.chunks(self.charges.sites())
    }
}

/// Microseconds per sample of a density and of its gradient by the factor.
fn by_factor(model: &Model) -> Result<(f64, f64), Failure> {
    // As many points as several packs.
    let many: Vec<f64> = model.y.iter().copied().cycle().take(4 * model.y.len()).collect();
    let loss = |part: Part<'_>| -> Result<(), Infallible> {
        part.log_q_bar.fill(1.0);
        Ok(())
    };
    let density = seconds(|| {
        black_box(model.flow.inverse(&model.theta, &many));
        Ok::<(), Infallible>(())
    })?;
    let gradient = seconds(|| model.flow.inverse_gradient(&model.theta, &many, loss).map(|_| ()))?;
    let micro = 1e6 / (4 * POINTS) as f64;
    Ok((density * micro, gradient * micro))
}

/// A row of the table of determinants.
fn determinants(name: &str, model: &Model) -> Result<(), Failure> {
    let clusters = Clusters::new(&model.charges);
    let (mut bias, mut bound, mut square) = ([0.0; STEPS.len()], [0.0; STEPS.len()], 0.0);
    for (number, y) in model.points().enumerate() {
        let hessian = clusters.at(&model.theta, y)?;
        let probes = Probes { count: PROBES, seed: number as u64 };
        let of = |steps| hessian.log_det(probes, Quadrature { steps, lower: LOWER });
        // Of the same probes, with as many steps as leave no bias.
        let exact = of(64)?;
        for (k, &steps) in STEPS.iter().enumerate() {
            let found = of(steps)?;
            bias[k] += (found.estimate.value - exact.estimate.value) / POINTS as f64;
            bound[k] += found.bias / POINTS as f64;
        }
        square += variance(&exact.estimate) / POINTS as f64;
    }
    let hessian = clusters.at(&model.theta, &model.y[..model.charges.sites()])?;
    let probes = Probes { count: PROBES, seed: 0 };
    let rule = Quadrature { steps: 16, lower: LOWER };
    let time = seconds(|| hessian.log_det(probes, rule).map(|_| ()))? * 1e6 / PROBES as f64;
    let evaluation =
        seconds(|| clusters.at(&model.theta, &model.y[..model.charges.sites()]).map(|_| ()))? * 1e6;
    let (density, _) = by_factor(model)?;
    let cells: Vec<String> =
        bias.iter().zip(&bound).map(|(bias, bound)| format!("{bias:.1e} ({bound:.1e})")).collect();
    println!(
        "| {name} | {} | {} | {:.2} | {:.0} | {density:.1} | {evaluation:.0} + {time:.1} |",
        model.charges.sites(),
        cells.join(" | "),
        square.sqrt(),
        square / 0.01,
    );
    Ok(())
}

/// A row of the table of gradients.
fn gradients(name: &str, model: &Model) -> Result<(), Failure> {
    let clusters = Clusters::new(&model.charges);
    let (mut noise, mut size, mut steps) = ([0.0; 2], [0.0; 2], 0);
    for (number, y) in model.points().enumerate() {
        let hessian = clusters.at(&model.theta, y)?;
        let probes = Probes { count: PROBES, seed: number as u64 };
        let found = hessian.log_det_gradient(probes, Solve::default())?;
        steps = steps.max(found.steps);
        for (k, all) in [found.theta, found.points].iter().enumerate() {
            noise[k] += all.iter().map(variance).sum::<f64>();
            // What the noise adds to the square is taken off.
            size[k] += all.iter().map(|of| of.value.powi(2) - of.standard_error.powi(2)).sum::<f64>();
        }
    }
    let hessian = clusters.at(&model.theta, &model.y[..model.charges.sites()])?;
    let probes = Probes { count: PROBES, seed: 0 };
    let time =
        seconds(|| hessian.log_det_gradient(probes, Solve::default()).map(|_| ()))? * 1e6 / PROBES as f64;
    let (_, gradient) = by_factor(model)?;
    println!(
        "| {name} | {} | {:.2} | {:.2} | {steps} | {gradient:.1} | {time:.1} |",
        model.charges.sites(),
        (noise[0] / size[0]).sqrt(),
        (noise[1] / size[1]).sqrt(),
    );
    Ok(())
}

fn rows() -> Result<(), Failure> {
    let mut models = vec![];
    for sites in [64, 256, 1024] {
        models.push((format!("open chain of {sites}"), Model::new(Chain::default().charges(sites)?)?));
    }
    for side in [8, 16, 32] {
        models.push((format!("square, {side} × {side}"), Model::new(Square::default().charges(side)?)?));
    }
    let steps: Vec<String> = STEPS.iter().map(|steps| format!("bias, {steps} steps (bound)")).collect();
    println!(
        "| lattice | D | {} | s.d. per probe, nats | probes for 0.1 nats | density by the factor, µs | terms + a probe of 16 steps, µs |",
        steps.join(" | ")
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (name, model) in &models {
        determinants(name, model)?;
    }
    println!();
    println!(
        "| lattice | D | s.d. per probe, parameters | s.d., angles | steps | gradient by the factor, µs | a probe, µs |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for (name, model) in &models {
        gradients(name, model)?;
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    // Threads that wait for work would add to the CPU time.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    pool.install(|| rows().map_err(|failure| failure.to_string())).map_err(Failure::from)
}

//! Trains a flow for the open XY chain of 16 sites, and draws from chains of 64 and 256 sites with its parameters.
//!
//! The energy is `−Σ cos(yᵢ − yᵢ₊₁) − h Σ cos yᵢ`, `h = 1/2`. Training is Adam on path gradients of the reverse
//! Kullback–Leibler divergence: with `v = ∇(log q − log p)` at the samples, held fixed, the gradient of `Σ v·y` in the
//! parameters (Roeder, Wu & Duvenaud 2017). `cargo run --release -p ircpm-lattice --example chain`.

use std::convert::Infallible;
use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use cpu_time::ProcessTime;
use ircpm_flow::{Flow, Map, Part, Solver};
use ircpm_lattice::wall::{self, LIMIT};
use ircpm_lattice::{Chain, LatticeMap, Wall, certify};

/// What any part of this program may fail with.
type Failure = Box<dyn std::error::Error>;

const LAYERS: usize = 3;
const FIELD: f64 = 0.5;
const STEPS: usize = 1500;
const SAMPLES: usize = 256;
const RATE: f64 = 1.5e-2;
/// Steps in which the inverse temperature rises to one.
const RAMP: usize = STEPS / 5;

/// A stack of maps on a chain, and the map that all layers share.
fn stack(sites: usize) -> Result<(Arc<LatticeMap>, Flow), Failure> {
    let solver = Solver { tolerance: 1e-11, ..Solver::default() };
    let map = Arc::new(LatticeMap::new(Chain::default().charges(sites)?, solver)?);
    let layers = (0..LAYERS).map(|_| Arc::clone(&map) as Arc<dyn Map>).collect();
    Ok((map, Flow::from_maps(layers, false)?))
}

fn log_p(y: &[f64]) -> f64 {
    let bonds: f64 = y.windows(2).map(|pair| (pair[1] - pair[0]).cos()).sum();
    bonds + FIELD * y.iter().map(|y| y.cos()).sum::<f64>()
}

/// Adds `−β ∇ log p` to `out`.
fn add_slope(y: &[f64], beta: f64, out: &mut [f64]) {
    for i in 0..y.len() {
        out[i] += beta * FIELD * y[i].sin();
        if i > 0 {
            let sine = beta * (y[i] - y[i - 1]).sin();
            out[i] += sine;
            out[i - 1] -= sine;
        }
    }
}

/// `log Z` by the transfer operator, on so many angles that it is exact to rounding.
fn log_z(sites: usize) -> f64 {
    let n = 64;
    let angle = |k: usize| TAU * k as f64 / n as f64;
    let field: Vec<f64> = (0..n).map(|k| (FIELD * angle(k).cos()).exp()).collect();
    let (mut f, mut log) = (field.clone(), 0.0);
    for _ in 1..sites {
        let next = |k: usize| -> f64 { (0..n).map(|j| (angle(k) - angle(j)).cos().exp() * f[j]).sum() };
        f = (0..n).map(|k| field[k] * next(k) * TAU / n as f64).collect();
        let largest = f.iter().copied().fold(0.0, f64::max);
        f.iter_mut().for_each(|f| *f /= largest);
        log += largest.ln();
    }
    log + (f.iter().sum::<f64>() * TAU / n as f64).ln()
}

/// The path gradient in the parameters of the map, at fresh samples.
fn path_gradient(flow: &Flow, theta: &[f64], beta: f64, seed: u64) -> Vec<f64> {
    let n = flow.manifold().dim();
    let base = flow.inverse(theta, &flow.sample(theta, SAMPLES, seed).y).x;
    let of = |part: Part<'_>| -> Result<(), Infallible> {
        part.points_bar.copy_from_slice(&flow.score(theta, part.points));
        for (y, bar) in part.points.chunks(n).zip(part.points_bar.chunks_mut(n)) {
            add_slope(y, beta, bar);
        }
        Ok(())
    };
    let Ok((mut gradient, _, _)) = flow.forward_gradient(theta, &base, of);
    gradient.iter_mut().for_each(|g| *g /= SAMPLES as f64);
    gradient
}

fn train(map: &Arc<LatticeMap>, flow: &Flow) -> Result<Vec<f64>, Failure> {
    let mut walls = (0..LAYERS)
        .map(|l| Wall::new(Arc::clone(map), LIMIT, 16, l as u64))
        .collect::<Result<Vec<_>, _>>()?;
    let mut raw = flow.initial(0);
    let (mut mean, mut square) = (vec![0.0; raw.len()], vec![0.0; raw.len()]);
    for step in 0..STEPS {
        let scaled: Vec<_> = (0..LAYERS)
            .map(|l| {
                walls[l].search(&raw[flow.slot(l)], 8);
                walls[l].scale(&raw[flow.slot(l)])
            })
            .collect();
        let theta: Vec<f64> = scaled.iter().flat_map(|scaled| scaled.theta.clone()).collect();
        let beta = ((step + 1) as f64 / RAMP as f64).min(1.0);
        let mut gradient = path_gradient(flow, &theta, beta, step as u64);
        (0..LAYERS).for_each(|l| scaled[l].pull_back(&mut gradient[flow.slot(l)]));
        let rate = RATE * 0.5 * (1.0 + (PI * step as f64 / STEPS as f64).cos());
        for k in 0..raw.len() {
            mean[k] = 0.9 * mean[k] + 0.1 * gradient[k];
            square[k] = 0.99 * square[k] + 0.01 * gradient[k] * gradient[k];
            let first = mean[k] / (1.0 - 0.9f64.powi(step as i32 + 1));
            let second = square[k] / (1.0 - 0.99f64.powi(step as i32 + 1));
            raw[k] -= rate * first / (second.sqrt() + 1e-8);
        }
    }
    // A last search for a point that the pools have missed.
    for l in 0..LAYERS {
        let own = &mut raw[flow.slot(l)];
        walls[l].search(own, 60);
        own.copy_from_slice(&walls[l].scale(own).theta);
        let worst = wall::search(map, own, 64, 60, 7)?.curvature;
        own.iter_mut().for_each(|a| *a *= (LIMIT / worst).min(1.0));
    }
    Ok(raw)
}

/// Prints how good independent samples of the model are.
fn report(flow: &Flow, theta: &[f64], samples: usize) {
    let (n, start) = (flow.manifold().dim(), ProcessTime::now());
    let pushed = flow.sample(theta, samples, 99);
    let cpu = start.elapsed().as_secs_f64();
    let log_w: Vec<f64> = pushed.y.chunks(n).zip(&pushed.log_q).map(|(y, q)| log_p(y) - q).collect();
    let exact = log_z(n);
    let w: Vec<f64> = log_w.iter().map(|l| (l - exact).exp()).collect();
    let (sum, squares) = (w.iter().sum::<f64>(), w.iter().map(|w| w * w).sum::<f64>());
    let count = samples as f64;
    let kl = w.iter().zip(&log_w).map(|(w, l)| w - 1.0 - (l - exact)).sum::<f64>() / count;
    println!(
        "D {n:>4}: ESS {:.2} %, KL {kl:.2e}, mean weight {:.4} ± {:.4}, {} failed, {cpu:.2} CPU seconds for {samples} samples",
        100.0 * sum * sum / squares / count,
        sum / count,
        ((squares / count - (sum / count).powi(2)) / count).sqrt(),
        pushed.ok.iter().filter(|ok| !**ok).count(),
    );
}

fn main() -> Result<(), Failure> {
    let start = ProcessTime::now();
    let (map, flow) = stack(16)?;
    let theta = train(&map, &flow)?;
    println!(
        "{} parameters, {:.1} CPU seconds of training",
        flow.parameters(),
        start.elapsed().as_secs_f64()
    );
    for (sites, samples) in [(16, 20_000), (64, 20_000), (256, 5_000)] {
        let (large, flow_there) = stack(sites)?;
        let mut moved = vec![];
        for l in 0..LAYERS {
            let own = large.psi().parameters_from(map.psi(), &theta[flow.slot(l)])?;
            let start = ProcessTime::now();
            let certificate = certify(large.charges().ok_or("charges")?, &own, 0.0, 48)?;
            let worst = wall::search(&large, &own, 32, 60, 3)?.curvature;
            println!(
                "layer {l} at D = {sites}: {}, smallest pivot {:.3} at site {}; found in a search: 1 − s = {:.3}; {:.1} CPU s",
                if certificate.holds() { "certified" } else { "not certified" },
                certificate.pivot,
                certificate.site,
                1.0 - worst,
                start.elapsed().as_secs_f64(),
            );
            moved.extend(own);
        }
        report(&flow_there, &moved, samples);
    }
    Ok(())
}

//! Hamiltonian Monte Carlo on targets of tori, to compare effective samples per second of the processor with.
//!
//! `cargo run --release -p ircpm-train --example hmc -- NAME BETA LEAPFROG STEP [DRAWS [SEED]]`
//!
//! 64 chains with unit mass take `LEAPFROG` steps of length `STEP` radians, a fifth up or down, to a draw. Prints the share
//! that is accepted, and of the energy, and the charge of a gauge theory or the squared magnetisation of spins, the mean with
//! its error, the autocorrelation time in draws and effective samples per second of the processor. The step is not adapted:
//! a lower bound of what the method can do. The autocorrelation time is summed to six times itself (Sokal 1997).

use std::env::args;
use std::error::Error;

use cpu_time::ProcessTime;
use ircpm_train::points::{Generator, Sequence, Spread, base_points};
use ircpm_train::target::gauge::PlaneGauge;
use ircpm_train::target::{Target, by_name};

const CHAINS: usize = 64;

/// A number in [0, 1).
fn uniform(generator: &mut Generator) -> f64 {
    (generator.next_u64() >> 11) as f64 * 2f64.powi(-53)
}

/// All chains at one draw.
struct Chains<'a> {
    target: &'a dyn Target,
    beta: f64,
    y: Vec<f64>,
    u: Vec<f64>,
    slope: Vec<f64>,
    accepted: usize,
}

impl<'a> Chains<'a> {
    fn new(target: &'a dyn Target, beta: f64, generator: &mut Generator) -> Self {
        let n = target.manifold().ambient();
        let y = base_points(target.manifold(), &Sequence::new(Spread::Random, CHAINS, n), generator);
        let (mut u, mut slope) = (vec![0.0; CHAINS], vec![0.0; y.len()]);
        target.gradients(&y, &mut u, &mut slope);
        Self { target, beta, y, u, slope, accepted: 0 }
    }

    /// One draw of every chain (Neal 2011, *MCMC using Hamiltonian dynamics*).
    fn draw(&mut self, leapfrog: usize, step: f64, generator: &mut Generator) {
        let (n, beta) = (self.y.len() / CHAINS, self.beta);
        let step = step * (0.8 + 0.4 * uniform(generator));
        let mut p: Vec<f64> = (0..self.y.len()).map(|_| generator.normal()).collect();
        let kinetic = |p: &[f64]| -> Vec<f64> {
            p.chunks_exact(n).map(|p| 0.5 * p.iter().map(|p| p * p).sum::<f64>()).collect()
        };
        let before = kinetic(&p);
        let (mut y, mut u, mut slope) = (self.y.clone(), self.u.clone(), self.slope.clone());
        for _ in 0..leapfrog {
            p.iter_mut().zip(&slope).for_each(|(p, slope)| *p -= 0.5 * step * beta * slope);
            y.iter_mut().zip(&p).for_each(|(y, p)| *y += step * p);
            self.target.gradients(&y, &mut u, &mut slope);
            p.iter_mut().zip(&slope).for_each(|(p, slope)| *p -= 0.5 * step * beta * slope);
        }
        let after = kinetic(&p);
        for c in 0..CHAINS {
            let change = beta * (u[c] - self.u[c]) + after[c] - before[c];
            if uniform(generator) < (-change).exp() {
                let at = c * n..(c + 1) * n;
                self.y[at.clone()].copy_from_slice(&y[at.clone()]);
                self.slope[at.clone()].copy_from_slice(&slope[at]);
                self.u[c] = u[c];
                self.accepted += 1;
            }
        }
    }
}

/// Integrated autocorrelation time in draws, of values `[draw][chain]`.
fn autocorrelation_time(values: &[Vec<f64>]) -> f64 {
    let (draws, count) = (values.len(), (values.len() * CHAINS) as f64);
    let mean = values.iter().flatten().sum::<f64>() / count;
    let covariance = |lag: usize| {
        let pairs = values.iter().zip(&values[lag..]);
        let product = |(a, b): (&Vec<f64>, &Vec<f64>)| {
            a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>()
        };
        pairs.map(product).sum::<f64>() / ((draws - lag) * CHAINS) as f64
    };
    let (variance, mut time) = (covariance(0), 1.0);
    for lag in 1..draws / 2 {
        time += 2.0 * covariance(lag) / variance;
        if lag as f64 > 6.0 * time {
            break;
        }
    }
    time
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = args().skip(1).collect();
    let [name, beta, leapfrog, step, rest @ ..] = &words[..] else {
        return Err("give NAME BETA LEAPFROG STEP [DRAWS [SEED]]".into());
    };
    let target = by_name(name).ok_or("a name of a target")?;
    let (beta, leapfrog, step): (f64, usize, f64) = (beta.parse()?, leapfrog.parse()?, step.parse()?);
    let draws: usize = rest.first().map_or(Ok(4000), |draws| draws.parse())?;
    let seed: u64 = rest.get(1).map_or(Ok(0), |seed| seed.parse())?;
    let n = target.manifold().ambient();
    let gauge = name.starts_with("u1-").then(|| PlaneGauge { side: (n + 1).isqrt() });
    let observe = |y: &[f64]| match gauge {
        Some(gauge) => gauge.charge(y),
        None => {
            let sum = |f: fn(f64) -> f64| y.iter().map(|&angle| f(angle)).sum::<f64>() / n as f64;
            sum(f64::cos).powi(2) + sum(f64::sin).powi(2)
        }
    };
    let mut generator = Generator::from_seed(seed);
    let mut chains = Chains::new(target.as_ref(), beta, &mut generator);
    for _ in 0..draws / 5 {
        chains.draw(leapfrog, step, &mut generator);
    }
    chains.accepted = 0;
    let (start, mut energies, mut others) = (ProcessTime::now(), vec![], vec![]);
    for _ in 0..draws {
        chains.draw(leapfrog, step, &mut generator);
        energies.push(chains.u.clone());
        others.push(chains.y.chunks_exact(n).map(observe).collect::<Vec<f64>>());
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{name}, beta {beta}, {leapfrog} x {step}, {CHAINS} chains of {draws} draws, seed {seed}");
    println!("accepted {:.3}, {seconds:.2} CPU s", chains.accepted as f64 / (CHAINS * draws) as f64);
    let squares =
        |x: &[Vec<f64>]| x.iter().map(|x| x.iter().map(|x| x * x).collect()).collect::<Vec<Vec<f64>>>();
    let mut rows = vec![("energy", energies)];
    if gauge.is_some() {
        rows.push(("charge squared", squares(&others)));
        rows.push(("charge", others));
    } else {
        rows.push(("magnetisation squared", others));
    }
    for (what, values) in rows {
        let (count, time) = ((CHAINS * draws) as f64, autocorrelation_time(&values));
        let mean = values.iter().flatten().sum::<f64>() / count;
        let variance = values.iter().flatten().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        let effective = count / time;
        let error = (variance / effective).sqrt();
        println!(
            "{what}: {mean:.6} +- {error:.6}, time {time:.2}, {:.0} effective per CPU s",
            effective / seconds
        );
    }
    Ok(())
}

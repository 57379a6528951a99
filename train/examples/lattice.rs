//! Trains a flow of charges on one lattice and measures it there and, with the same parameters, on others.
//!
//! `cargo run --release -p ircpm-train --example lattice -- FILE.toml [KEY=VALUE …] [TARGET …]`
//!
//! The file is a configuration with `potential = "charges"`; keys are replaced as by `ircpm train --set`. Prints a line per
//! target: effective sample size, KL, Pareto shape and largest share of the weights of 20,000 own samples, log Z beside the
//! exact one, and of a gauge theory the mean square of its charge. Seconds are those of the process on all threads.

use std::env::args;
use std::error::Error;
use std::fs::read_to_string;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use cpu_time::ProcessTime;
use ircpm_manifolds::AnyManifold;
use ircpm_train::config::{Config, Override};
use ircpm_train::estimate::Estimates;
use ircpm_train::lattice::LatticeFlow;
use ircpm_train::points::{Generator, Sequence, Spread, base_points};
use ircpm_train::target::gauge::PlaneGauge;
use ircpm_train::target::{Target, by_name};
use ircpm_train::training::{Source, Step, Trainer, Watcher};
use std::ops::ControlFlow;

const SAMPLES: usize = 20_000;
/// Samples at a time.
const BATCH: usize = 2000;

/// Prints some of the steps.
struct Lines(ProcessTime);

impl Watcher for Lines {
    fn step(&mut self, step: &Step) -> ControlFlow<()> {
        if step.logged && (step.step.is_multiple_of(50) || step.damping.is_some()) {
            let number = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.3e}"));
            println!(
                "  step {:4} loss {:.6} ess {} kl {} damping {} failed {} cpu {:.1}",
                step.step,
                step.loss,
                number(step.ess),
                number(step.kl),
                number(step.damping),
                step.unconverged,
                self.0.elapsed().as_secs_f64()
            );
        }
        ControlFlow::Continue(())
    }

    fn checkpoint(&mut self, _: &ircpm_train::training::State) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// A line for a flow with its parameters on a target.
fn measure(
    lattice: &LatticeFlow,
    theta: &[f64],
    target: &dyn Target,
    beta: f64,
) -> Result<(), Box<dyn Error>> {
    let n = target.manifold().ambient();
    let (start, wall) = (ProcessTime::now(), Instant::now());
    let (mut log_weights, mut charges, mut failed) = (vec![], vec![], 0);
    let gauge = target.name().starts_with("u1-").then(|| PlaneGauge { side: (n + 1).isqrt() });
    let mut generator = Generator::from_seed(0x00e5_7a7e);
    for _ in 0..SAMPLES / BATCH {
        let x = base_points(target.manifold(), &Sequence::new(Spread::Random, BATCH, n), &mut generator);
        let pushed = lattice.flow.forward(theta, &x);
        let mut u = vec![0.0; BATCH];
        target.energies(&pushed.y, &mut u);
        for (s, u) in u.iter().enumerate() {
            if pushed.ok[s] {
                log_weights.push(-beta * u - pushed.log_q[s]);
                charges.extend(gauge.map(|gauge| gauge.charge(&pushed.y[s * n..(s + 1) * n])));
            } else {
                failed += 1;
            }
        }
    }
    let (cpu, wall) = (start.elapsed().as_secs_f64(), wall.elapsed().as_secs_f64());
    let e = Estimates::new(&log_weights, failed, target.log_z(beta))?;
    println!(
        "{} beta {beta}: ESS {:.3} +- {:.3} %, KL {:.3e} +- {:.0e}, k {:.2}, largest share {:.1e}, log Z {:.5} +- {:.5} (exact {:?}), failed {failed}, samples {cpu:.1} CPU s {wall:.1} s",
        target.name(),
        100.0 * e.ess.value,
        100.0 * e.ess.standard_error,
        e.kl.value,
        e.kl.standard_error,
        e.pareto_k.unwrap_or(f64::NAN),
        e.largest_share,
        e.log_z.value,
        e.log_z.standard_error,
        target.log_z(beta),
    );
    if let Some(gauge) = gauge {
        let largest = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let w: Vec<f64> = log_weights.iter().map(|l| (l - largest).exp()).collect();
        let sum: f64 = w.iter().sum();
        let mean = w.iter().zip(&charges).map(|(w, q)| w * q * q).sum::<f64>() / sum;
        let variance: f64 = w.iter().zip(&charges).map(|(w, q)| (w * (q * q - mean)).powi(2)).sum();
        let exact = gauge.mean_square_charge(beta);
        println!("  mean square charge {mean:.4} +- {:.4} (exact {exact:?})", variance.sqrt() / sum);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = args().skip(1).collect();
    let [file, rest @ ..] = &words[..] else { return Err("give a configuration".into()) };
    let (sets, targets): (Vec<&String>, Vec<&String>) = rest.iter().partition(|word| word.contains('='));
    let sets = sets.iter().map(|set| set.parse()).collect::<Result<Vec<Override>, _>>()?;
    let config = Config::parse_with(&read_to_string(file)?, file, &sets)?;
    let target = config.target()?.ok_or("a target")?;
    let beta = config.beta();
    let flow_on = |manifold: &AnyManifold| LatticeFlow::new(&config, manifold);
    let lattice = flow_on(target.manifold())?;
    println!(
        "{} beta {beta}, seed {}, {} layers, {} parameters, forms {:?}",
        target.name(),
        config.seed,
        lattice.maps.len(),
        lattice.flow.parameters(),
        lattice.maps.iter().map(|map| map.form()).collect::<Vec<_>>()
    );
    let source = Source::Target { target: target.as_ref(), beta };
    let (start, wall) = (ProcessTime::now(), Instant::now());
    let mut trainer = Trainer::of_lattice(&lattice, source, &config.training, config.seed)?;
    trainer.run(&AtomicBool::new(false), &mut Lines(start))?;
    println!(
        "training {:.1} CPU s {:.1} s, smallest eigenvalue of H seen {:?}",
        start.elapsed().as_secs_f64(),
        wall.elapsed().as_secs_f64(),
        trainer.progress().lowest_seen
    );
    measure(&lattice, trainer.theta(), target.as_ref(), beta)?;
    for name in targets {
        let other = by_name(name).ok_or("a name of a target")?;
        let larger = flow_on(other.manifold())?;
        let theta = larger.parameters_from(&lattice, trainer.theta())?;
        measure(&larger, &theta, other.as_ref(), beta)?;
    }
    Ok(())
}

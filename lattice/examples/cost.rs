//! What a sample of a lattice costs: forward with its density, and the gradients of training, against the number of
//! sites.
//!
//! `cargo run --release -p ircpm-lattice --example cost` prints CPU microseconds per sample, over all layers, and CPU
//! seconds are those of the whole process. Parameters are random, as large as the wall allows: `H ≽ 0.1` as far as a
//! search finds, so that Newton's method takes the steps that it takes in trained models, or more.

use std::convert::Infallible;
use std::sync::Arc;

use cpu_time::ProcessTime;
use ircpm_flow::{Flow, Jacobian, Map, Part, Solver};
use ircpm_lattice::{Chain, Charges, ChargesError, LatticeMap, Square, Wall};

/// Number of layers.
const LAYERS: usize = 3;

/// CPU seconds of a call.
fn seconds<T>(f: impl FnOnce() -> T) -> (f64, T) {
    let start = ProcessTime::now();
    let out = f();
    (start.elapsed().as_secs_f64(), out)
}

/// What any part of this program may fail with.
type Failure = Box<dyn std::error::Error>;

/// A stack of maps of one potential, and random parameters behind the wall.
fn stack(charges: &Charges) -> Result<(Arc<LatticeMap>, Flow, Vec<f64>), Failure> {
    let map = Arc::new(LatticeMap::new(charges.clone(), Solver { tolerance: 1e-11, ..Solver::default() })?);
    let flow = Flow::from_maps((0..LAYERS).map(|_| Arc::clone(&map) as Arc<dyn Map>).collect(), false)?;
    let mut theta = flow.initial(0);
    for layer in 0..LAYERS {
        let own = &mut theta[flow.slot(layer)];
        own.iter_mut().for_each(|a| *a *= 200.0);
        let mut wall = Wall::new(Arc::clone(&map), 0.9, 16, 0)?;
        wall.search(own, 20);
        let scaled = wall.scale(own);
        own.copy_from_slice(&scaled.theta);
    }
    Ok((map, flow, theta))
}

/// A loss of points and densities, the same for all targets: its work is small.
#[expect(clippy::needless_pass_by_value, reason = "the signature of a loss")]
fn loss(part: Part<'_>) -> Result<(), Infallible> {
    part.points_bar.iter_mut().zip(part.points).for_each(|(bar, y)| *bar = y * 0.1);
    part.log_q_bar.fill(1.0);
    Ok(())
}

fn row(name: &str, charges: &Charges, samples: usize) -> Result<(), Failure> {
    let (map, flow, theta) = stack(charges)?;
    let (warm, _) = seconds(|| flow.sample(&theta, 64, 1));
    let (forward, pushed) = seconds(|| flow.sample(&theta, samples, 2));
    let failed = pushed.ok.iter().filter(|ok| !**ok).count();
    let (inverse, _) = seconds(|| flow.inverse(&theta, &pushed.y));
    let (gradient, _) = seconds(|| flow.inverse_gradient(&theta, &pushed.y, loss));
    let (both, _) = seconds(|| flow.forward_gradient(&theta, &pushed.y, loss));
    let mut jacobian = Jacobian::default();
    let weights = vec![1.0; samples];
    let (scores, ()) = seconds(|| flow.jacobian(&theta, &pushed.y, &weights, 1e-3, &mut jacobian));
    let micro = |seconds: f64| seconds / samples as f64 * 1e6;
    let form = format!("{}{}", map.form(), if map.ranks() > 0 { " + rank" } else { "" });
    println!(
        "{name:<22} {:>4} {:>5} {:>6} {form:<42} {:>5.2} {:>9.1} {:>9.1} {:>9.1} {:>9.1} {:>9.1} {:>8.0} {failed}",
        charges.sites(),
        flow.parameters(),
        charges.terms(),
        pushed.stats.steps_mean(),
        micro(forward),
        micro(inverse),
        micro(gradient),
        micro(both),
        micro(scores),
        1.0 / micro(forward) * 1e6,
    );
    assert!(warm.is_finite());
    Ok(())
}

fn main() -> Result<(), Failure> {
    println!(
        "{LAYERS} layers; CPU microseconds per sample; instruction set {}",
        ircpm_ad::Isa::best().name()
    );
    println!(
        "{:<22} {:>4} {:>5} {:>6} {:<42} {:>5} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} failed",
        "lattice",
        "D",
        "P",
        "terms",
        "H",
        "steps",
        "forward",
        "inverse",
        "inv+grad",
        "fwd+grad",
        "jacobian",
        "/CPU s"
    );
    let chain = |sites| Chain::default().charges(sites);
    for (sites, samples) in [(8, 8192), (16, 8192), (64, 4096), (256, 1024), (1024, 256)] {
        row("open chain", &chain(sites)?, samples)?;
    }
    let ring = Chain { range: 3, closed: true, differences: true, ..Chain::default() };
    row("closed, differences", &ring.charges(64)?, 4096)?;
    for (side, samples) in [(4, 4096), (8, 1024), (16, 256)] {
        row("square lattice", &Square::default().charges(side)?, samples)?;
    }
    let sites = |of: usize| -> Result<Charges, ChargesError> {
        Charges::sum(&[Charges::single_sites(of, 8)?, Charges::total(of, 3)?])
    };
    row("single sites, total", &sites(63)?, 4096)
}

//! What a sample of a lattice costs: forward with its density, and the gradients of training, against the number of
//! sites.
//!
//! `cargo run --release -p ircpm-lattice --example cost` prints CPU microseconds per sample, over all layers; CPU
//! seconds are those of the whole process. The share of the peak counts the multiplications of the forward direction
//! against chains of independent multiply-additions in registers; memory is what the records of all layers hold. Parameters are random, as large as the wall allows: `H ≽ 0.1` as far as a
//! search finds, so that Newton's method takes the steps that it takes in trained models, or more.

#![allow(clippy::needless_range_loop, reason = "index loops over packs")]

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;

use cpu_time::ProcessTime;
use ircpm_ad::{Isa, Kernel, Real};
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

/// Chains of independent multiply-additions, so many that they hide each other's latency.
struct Peak;

impl Kernel for Peak {
    /// A number that depends on all of them, and how many there were.
    type Output = (f64, f64);

    #[inline(always)]
    fn run<R: Real>(self) -> (f64, f64) {
        const CHAINS: usize = 12;
        const STEPS: usize = 4_000_000;
        // Numbers that the compiler does not know, all different, so that no chain is computed beforehand or shared.
        let mut sums = [R::constant(0.0); CHAINS];
        for c in 0..CHAINS {
            sums[c] = R::constant(black_box(c as f64));
        }
        let (factor, term) = (R::constant(black_box(0.999_999)), R::constant(black_box(1e-6)));
        for _ in 0..STEPS {
            for c in 0..CHAINS {
                sums[c] = sums[c].mul_add(factor, term);
            }
        }
        let mut sum = R::constant(0.0);
        for c in 0..CHAINS {
            sum += sums[c];
        }
        (sum.sum(), (CHAINS * STEPS * R::LANES) as f64)
    }
}

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

fn row(name: &str, charges: &Charges, samples: usize, peak: f64) -> Result<(), Failure> {
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
    let steps = pushed.stats.steps_mean();
    let rate = map.operations() as f64 * steps * (LAYERS * samples) as f64 / forward;
    // Two points, a residual and a log-determinant, two flags, and two counts.
    let bytes = LAYERS * (2 * charges.sites() * 8 + 16 + 2 + 8);
    let form = format!("{}{}", map.form(), if map.ranks() > 0 { " + rank" } else { "" });
    println!(
        "{name:<22} {:>4} {:>5} {:>6} {form:<42} {:>5.2} {:>9.1} {:>9.1} {:>9.1} {:>9.1} {:>9.1} {:>8.0} {:>5.0} % {bytes:>7} {failed}",
        charges.sites(),
        flow.parameters(),
        charges.terms(),
        steps,
        micro(forward),
        micro(inverse),
        micro(gradient),
        micro(both),
        micro(scores),
        1.0 / micro(forward) * 1e6,
        100.0 * rate / peak,
    );
    assert!(warm.is_finite());
    Ok(())
}

fn main() -> Result<(), Failure> {
    println!("{LAYERS} layers; CPU microseconds per sample; instruction set {}", Isa::best().name());
    println!(
        "{:<22} {:>4} {:>5} {:>6} {:<42} {:>5} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>7} {:>7} failed",
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
        "/CPU s",
        "of peak",
        "bytes"
    );
    let (cpu, (checked, operations)) = seconds(|| Isa::best().dispatch(Peak));
    assert!(checked.is_finite());
    let peak = operations / cpu;
    println!("peak: {:.1} billion multiply-additions per CPU second", peak / 1e9);
    let chain = |sites| Chain::default().charges(sites);
    for (sites, samples) in [(8, 8192), (16, 8192), (64, 4096), (256, 1024), (1024, 256)] {
        row("open chain", &chain(sites)?, samples, peak)?;
    }
    let ring = Chain { range: 3, closed: true, differences: true, ..Chain::default() };
    row("closed, differences", &ring.charges(64)?, 4096, peak)?;
    for (side, samples) in [(4, 4096), (8, 1024), (16, 256)] {
        row("square lattice", &Square::default().charges(side)?, samples, peak)?;
    }
    let sites = |of: usize| -> Result<Charges, ChargesError> {
        Charges::sum(&[Charges::single_sites(of, 8)?, Charges::total(of, 3)?])
    };
    row("single sites, total", &sites(63)?, 4096, peak)
}

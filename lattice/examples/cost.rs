//! What a sample of a lattice costs: forward with its density, and the gradients of training, against the number of
//! sites.
//!
//! `cargo run --release -p ircpm-lattice --example cost` prints a table of CPU microseconds per sample, over all layers: the
//! fastest of some turns, on one thread. The share of the peak counts the multiplications of the forward direction against
//! chains of independent multiply-additions in registers. The buffers are those of one layer's run, per sample of a pack;
//! records are what all layers keep of a sample for gradients. Parameters are random, as large as the wall allows: `H ≽ 0.1`
//! as far as a search finds, so that Newton's method takes the steps that it takes in trained models, or more.

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

/// Number of turns, of which the fastest counts: others may disturb one.
const TURNS: usize = 7;

/// CPU seconds of the fastest of some calls, and the last result.
fn seconds<T>(mut f: impl FnMut() -> T) -> (f64, T) {
    let mut turn = || {
        let start = ProcessTime::now();
        let out = f();
        (start.elapsed().as_secs_f64(), out)
    };
    let (mut least, mut out) = turn();
    for _ in 1..TURNS {
        let (time, last) = turn();
        (least, out) = (least.min(time), last);
    }
    (least, out)
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
    let (forward, pushed) = seconds(|| flow.sample(&theta, samples, 2));
    if pushed.ok.iter().any(|ok| !ok) {
        return Err(format!("{name}: a sample has failed").into());
    }
    let (inverse, _) = seconds(|| flow.inverse(&theta, &pushed.y));
    let (both, _) = seconds(|| flow.forward_gradient(&theta, &pushed.y, loss));
    let mut jacobian = Jacobian::default();
    let weights = vec![1.0; samples];
    let (scores, ()) = seconds(|| flow.jacobian(&theta, &pushed.y, &weights, 1e-3, &mut jacobian));
    let micro = |seconds: f64| seconds / samples as f64 * 1e6;
    let steps = pushed.stats.steps_mean();
    let rate = map.operations() as f64 * steps * (LAYERS * samples) as f64 / forward;
    // Two points, a residual and a log-determinant, two flags, and two counts.
    let record = LAYERS * (2 * charges.sites() * 8 + 16 + 2 + 8);
    println!(
        "| {name} | {} | {}{} | {:.1} | {:.1} | {:.0} | {:.0} % | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
        charges.sites(),
        map.form(),
        if map.ranks() > 0 { " + rank one" } else { "" },
        steps,
        micro(forward),
        micro(forward) / charges.sites() as f64 * 1e3,
        100.0 * rate / peak,
        micro(inverse),
        micro(both),
        micro(scores),
        map.buffers() as f64 * 8.0 / 1024.0,
        record as f64 / 1024.0,
    );
    Ok(())
}

/// All rows, on the calling pool.
fn rows() -> Result<(), Failure> {
    let (cpu, (checked, operations)) = seconds(|| Isa::best().dispatch(Peak));
    assert!(checked.is_finite());
    let peak = operations / cpu;
    println!(
        "{LAYERS} layers; instruction set {}; peak {:.1} billion multiply-adds per CPU second\n",
        Isa::best().name(),
        peak / 1e9
    );
    println!(
        "| lattice | D | H | steps | sample, µs | per site, ns | of peak | density of a point, µs | training gradient, µs | scores, µs | buffers, KiB | record, KiB |"
    );
    println!("|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let chain = |sites| Chain::default().charges(sites);
    for (sites, samples) in [(8, 8192), (16, 8192), (64, 2048), (256, 512), (1024, 128)] {
        row("open chain", &chain(sites)?, samples, peak)?;
    }
    let ring = Chain { range: 3, closed: true, differences: true, ..Chain::default() };
    row("closed chain, differences", &ring.charges(64)?, 2048, peak)?;
    for (side, samples) in [(4, 4096), (8, 512), (16, 64), (32, 16)] {
        row(&format!("square, {side} × {side}"), &Square::default().charges(side)?, samples, peak)?;
    }
    let sites = |of: usize| -> Result<Charges, ChargesError> {
        Charges::sum(&[Charges::single_sites(of, 8)?, Charges::total(of, 3)?])
    };
    row("single sites and their sum", &sites(63)?, 4096, peak)
}

fn main() -> Result<(), Failure> {
    // Threads that wait for work would add to the CPU time.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    pool.install(|| rows().map_err(|failure| failure.to_string())).map_err(Failure::from)
}

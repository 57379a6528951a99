//! The tables; `cargo run --release -p ircpm-benches -- <name>` prints one of them.

mod growth;
mod kernels;
mod maps;
mod threads;
mod train_step;

use std::fmt::{self, Display, Formatter};

use ircpm_ad::Isa;
use ircpm_flow::SolveStats;

use crate::race::{Clock, Contender, Timing};
use crate::roofline;
use crate::table::Table;

/// The name of a table, and the function that measures it.
type Entry = (&'static str, fn() -> Table);

/// All tables, with the names that the program understands.
pub const TABLES: [Entry; 7] = [
    ("hessian", kernels::hessian),
    ("contraction", kernels::contraction),
    ("solve", maps::solve),
    ("log_det", maps::log_det),
    ("train_step", train_step::table),
    ("growth", growth::table),
    ("threads", threads::table),
];

/// The line above the tables: processor, instruction set and how times were taken.
pub fn machine() -> String {
    let isa = Isa::best();
    let model = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|info| {
        let line = info.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "Processor: {}, {cores} cores; instruction set {}. Fastest of {} turns, which the contenders of a row take in rotation; CPU time of one thread, except in `threads`.",
        model.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        isa.name(),
        Clock::Cpu.rounds()
    )
}

/// The multiply-adds that measure the peak, as a contender.
fn ceiling<'a>(isa: Isa) -> Contender<'a> {
    Contender::new("multiply-adds", 1, move || roofline::multiply_adds(isa))
}

/// The peak in floating-point operations per second, from the time of [`ceiling`].
fn peak(isa: Isa, timing: Timing) -> f64 {
    roofline::multiply_adds(isa) as f64 / timing.least
}

/// Runs `f` on a pool of one thread, because threads that wait for work would add to the CPU time.
fn single<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread").install(f)
}

/// Mean number of evaluations of the Hessian per sample and layer, in double and in single precision.
struct Evaluations {
    double: f64,
    single: f64,
}

/// The remark that explains [`Evaluations`] below a table.
const EVALUATIONS: &str =
    "Hessians per layer: in double precision + before them in single precision, which count half.";

impl Evaluations {
    fn of(stats: &SolveStats) -> Self {
        Self { double: stats.steps_mean(), single: stats.single_steps_mean() }
    }

    /// Number of evaluations in double precision that cost the same, because the peak in single precision is twice as
    /// high.
    fn in_doubles(&self) -> f64 {
        self.double + 0.5 * self.single
    }
}

impl Display for Evaluations {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} + {:.2}", self.double, self.single)
    }
}

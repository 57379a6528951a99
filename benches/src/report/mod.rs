//! The tables, each of them one command: `cargo run --release -p ircpm-benches -- <name>`.

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

/// A name, and what makes the table.
type Entry = (&'static str, fn() -> Table);

/// All tables, by the names that the program takes.
pub const TABLES: [Entry; 7] = [
    ("hessian", kernels::hessian),
    ("contraction", kernels::contraction),
    ("solve", maps::solve),
    ("log_det", maps::log_det),
    ("train_step", train_step::table),
    ("growth", growth::table),
    ("threads", threads::table),
];

/// On what and how it was measured.
pub fn machine() -> String {
    let isa = Isa::best();
    let model = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|info| {
        let line = info.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "Processor: {}, {cores} cores; instruction set {}. Fastest of {} interleaved turns; CPU time of one thread, but for `threads`.",
        model.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        isa.name(),
        Clock::Cpu.rounds()
    )
}

/// The ceiling as a contender.
fn ceiling<'a>(isa: Isa) -> Contender<'a> {
    Contender::new("multiply-adds", 1, move || roofline::multiply_adds(isa))
}

/// Floating-point operations a second that the ceiling reached.
fn peak(isa: Isa, timing: Timing) -> f64 {
    roofline::multiply_adds(isa) as f64 / timing.least
}

/// `f` on a pool of one thread, where CPU time is that of the work alone.
fn single<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread").install(f)
}

/// Evaluations of the Hessian that a sample takes in a layer.
struct Evaluations {
    double: f64,
    single: f64,
}

/// What the tables say of them.
const EVALUATIONS: &str =
    "Hessians a layer: in double precision, and before them in single precision, which count half.";

impl Evaluations {
    fn of(stats: &SolveStats) -> Self {
        Self { double: stats.steps_mean(), single: stats.single_steps_mean() }
    }

    /// As many as they cost at the peak of either precision.
    fn in_doubles(&self) -> f64 {
        self.double + 0.5 * self.single
    }
}

impl Display for Evaluations {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} + {:.2}", self.double, self.single)
    }
}

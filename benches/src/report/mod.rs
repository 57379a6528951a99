//! The tables; `cargo run --release -p ircpm-benches -- <name>` prints one of them.

mod evaluations;
mod growth;
mod kernels;
mod maps;
mod ode;
mod peak;
mod points;
mod text_energy;
mod threads;
mod train_step;

use ircpm_ad::Isa;

use crate::race::Clock;
use crate::table::Table;

/// The name of a table, and the function that measures it.
type Entry = (&'static str, fn() -> Table);

/// All tables, with the names that the program understands.
pub const TABLES: [Entry; 12] = [
    ("hessian", kernels::hessian),
    ("contraction", kernels::contraction),
    ("solve", maps::solve),
    ("log_det", maps::log_det),
    ("train_step", train_step::table),
    ("text_energy", text_energy::table),
    ("growth", growth::table),
    ("threads", threads::table),
    ("points", points::table),
    ("ode", ode::cost),
    ("ode_range", ode::range),
    ("ode_training", ode::training),
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

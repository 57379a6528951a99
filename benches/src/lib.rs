//! Benchmarks: the derivatives against unrolled backpropagation, nested dual numbers and pure forward mode.
//!
//! `cargo run --release -p ircpm-benches` prints every table, and with `-- train_step solve` only those two. `cargo
//! bench -p ircpm-benches` measures the same functions with criterion, which compares with the last run. No build flags
//! are needed, because the instruction set is chosen at run time; the peak of that set is measured in the same run.
//!
//! | rival | what it does |
//! |---|---|
//! | [`unrolled`] | backpropagation through `K` gradient steps, on a general [`tape`] over duals |
//! | [`newton`], [`hessian`] | the implicit formulas, with derivatives by scalar nested duals |
//! | [`contraction::forward`] | pure forward mode, one pass per parameter |
//! | [`ode`] | another model: a manifold ODE flow of the same network, in packs like the map |
//!
//! All contenders of a row evaluate the same generic potential at the same points, and tests hold them to the same
//! numbers. They take turns in a [`race`], because other work on the machine then slows all of them.
//!
//! # Limits
//!
//! The rivals but [`ode`] are scalar code over a generic number, and run one sample at a time. A framework that works on batches
//! runs the same operations in vectors: it is faster by at most the lanes of a register, and its tape holds a whole
//! batch.
#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

pub mod case;
pub mod contraction;
pub mod energy;
pub mod hessian;
pub mod log_det;
pub mod memory;
pub mod newton;
pub mod ode;
pub mod race;
pub mod report;
pub mod roofline;
pub mod samples;
pub mod solve;
pub mod table;
pub mod tape;
pub mod tile;
pub mod train_step;
pub mod unrolled;

/// The library's example in the project's README, run as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

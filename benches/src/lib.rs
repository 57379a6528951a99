//! Measures the derivative engine against naive unrolled backpropagation, nested dual numbers and pure forward mode.
//!
//! `cargo run --release -p ircpm-benches` prints every table, `-- train_step solve` those named; `cargo bench -p
//! ircpm-benches` follows the same functions over time with criterion. No build flags: the instruction set is chosen at
//! run time, and the roofline is that of the same set, measured in the same run.
//!
//! | rival | what it does |
//! |---|---|
//! | [`unrolled`] | backpropagation through `K` gradient steps, on a general [`tape`] over duals |
//! | [`newton`], [`hessian`] | the implicit formulas, with derivatives by scalar nested duals |
//! | [`contraction::forward`] | pure forward mode, one pass a parameter |
//!
//! All contenders of a row evaluate the same generic potential at the same points, and tests hold them to the same numbers.
//! They take turns in a [`race`], so that a noisy machine is noisy for all. Limits: the rivals are scalar code, one
//! sample at a time, as written by hand over a generic number; a batched framework runs the same operations in vectors,
//! at most a register's lanes faster, and holds the whole batch's tape in memory.
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
pub mod race;
pub mod report;
pub mod roofline;
pub mod solve;
pub mod table;
pub mod tape;
pub mod tile;
pub mod train_step;
pub mod unrolled;

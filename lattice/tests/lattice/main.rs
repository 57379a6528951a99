//! Maps of lattices against independent oracles: nested duals, dense matrices, finite differences, symmetry.
#![allow(clippy::needless_range_loop, reason = "indices as in the formulas")]

mod certificate;
mod charges;
mod clamp;
mod derivatives;
mod flows;
mod matrix_free;
mod metric;
mod setup;
mod structures;
mod symmetry;
mod unimodular;
mod wall;
mod windows;

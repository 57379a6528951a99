//! Tests of the manifolds: the table of laws, and what a law cannot say.
#![allow(clippy::needless_range_loop, reason = "indices as in the formulas")]

mod any;
mod common;
mod defaults;
mod derivatives;
mod faults;
mod lanes;
mod own;
mod points;
mod table;

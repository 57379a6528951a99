//! The discrete map against nested duals, differences and quadrature; its limit, its symmetries, its inverse.
#![allow(clippy::needless_range_loop, reason = "indices as in the formulas")]

mod derivatives;
mod limits;
mod oracle;
mod orbits;
mod setup;

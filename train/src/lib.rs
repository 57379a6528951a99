//! Training of implicit Riemannian concave potential maps.
pub mod cli;
pub mod config;
pub mod estimate;
pub mod loss;
pub mod optimiser;
pub mod pareto;
pub mod preset;
pub mod quadrature;
pub mod report;
pub mod run;
pub mod sequence;
pub mod suggest;
pub mod target;

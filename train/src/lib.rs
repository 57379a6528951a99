//! Training of implicit Riemannian concave potential maps.
pub mod estimate;
pub mod loss;
pub mod optimiser;
pub mod pareto;
pub mod quadrature;
pub mod sequence;
pub mod target;
pub mod cli;
pub mod config;
pub mod preset;
pub mod report;
pub mod run;
pub mod suggest;

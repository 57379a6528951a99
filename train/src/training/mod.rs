//! Training: what a flow learns from, the loop, and its state between steps.

pub mod checkpoint;
pub mod collocation;
pub mod data;
pub mod minibatch;
mod problem;
mod trainer;

pub use problem::{Problem, Source};
pub use trainer::{Step, Trainer, Watcher, fit};

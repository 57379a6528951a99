//! Maximum likelihood by convex layers.

mod centres;
mod cloud;
mod dictionary;
mod layer;
mod newton;
mod stack;
mod survey;

pub use dictionary::Richness;
pub use stack::{Stack, fit_stack};

//! Training: what a flow learns from, the loop, and its state between steps.
//!
//! A [`Trainer`] needs a flow, a [`Source`] and the settings of [`crate::config::TrainingConfig`]. A [`Problem`] has
//! all three from a configuration; the function `fit` of the crate makes them for a target of one's own.

pub mod checkpoint;
mod choice;
mod clock;
pub mod collocation;
mod error;
pub mod findings;
mod growth;
mod linear;
pub mod minibatch;
mod model;
mod objective;
pub mod own_samples;
mod problem;
pub(crate) mod range;
mod recent;
pub(crate) mod seal;
mod source;
mod state;
mod trainer;
mod watcher;

pub use choice::{Choice, choose};
pub use error::{ProblemError, TrainingError};
pub(crate) use linear::{NEWTON, fit_linear, resume_linear, state_of};
pub use model::Model;
pub use objective::{Assessment, End, TrainingObjective};
pub(crate) use problem::GROWING_STEPS;
pub use problem::Problem;
pub use source::Source;
pub use state::{Progress, State};
pub use trainer::Trainer;
pub use watcher::{Extent, Step, Watcher};

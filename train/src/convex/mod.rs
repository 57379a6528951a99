//! Densities of points by linear layers: maximum likelihood as a sequence of convex problems.
//!
//! A layer whose psi is linear in its parameters has a concave log-density ([`ircpm_flow::map::linear`]), so its
//! maximum is found by Newton's method, with uniform points beside the data as a barrier against folds (`newton`,
//! `layer`). What is fitted is pulled back, and the next layer is fitted to that (`stack`), until validation points see
//! no gain. At last all layers move together along the natural gradient (`joint`, `natural_gradient`). Folds between the
//! points are looked for and undone (`survey`).
//!
//! With conditioning variables ([`ircpm_manifolds::Context`]) all of this holds for the density given their values: the
//! likelihood is a sum over rows, each at its own value, and the barrier's points take their values from the rows.
//!
//! # Limit
//! That no layer folds is evidence from searches, not a proof.

mod centres;
mod cloud;
mod dictionary;
mod fitted;
mod folds;
mod joint;
mod layer;
mod member;
mod natural_gradient;
mod neighbours;
mod newton;
mod preparation;
mod ray;
mod specification;
mod stack;
mod standard;
mod state;
mod survey;

pub use specification::{BumpTerm, ContextTerm, LayerTerms, ZonalTerm};
pub use stack::{LayerReport, LinearDensity, LinearOptions};
pub(crate) use standard::with_contexts_of;
pub use state::{GrowthError, GrowthState, LayerState, MemberState, ResumeError};

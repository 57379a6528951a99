//! Samples in lanes: how packs are filled from plain slices, and the scratch memory of a thread.

mod samples;
mod workspace;

pub(crate) use samples::{Span, TILE};
pub use workspace::Workspace;

//! What the user sees of a run: numbers, a table, pictures.

pub mod json;
pub mod machine;
#[cfg(feature = "program")]
pub mod picture;
pub mod table;

pub use json::Report;

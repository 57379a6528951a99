//! What the user sees of a run: numbers, a table, pictures.

pub mod json;
pub mod machine;
#[cfg(feature = "program")]
pub mod picture;
pub mod status;
pub mod table;

pub use json::Report;
pub use status::Status;

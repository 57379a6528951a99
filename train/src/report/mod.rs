//! What the user sees of a run: numbers, a table, pictures, and signs of life.

pub mod json;
pub mod machine;
pub mod output;
pub mod picture;
pub mod progress;
pub mod table;

pub use json::Report;

//! Tests of the manifolds: the table of laws, and what a law cannot say.

mod common;
mod derivatives;
mod faults;
mod lanes;
mod points;
mod table;

//! Tests of the manifolds: the table of laws, and what a law cannot say.

mod any;
mod common;
mod defaults;
mod derivatives;
mod faults;
mod lanes;
mod own;
mod points;
mod table;

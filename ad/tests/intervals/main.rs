//! Intervals against references of 160 bits and more, and the rules of what is undefined.

mod containment;
mod derivatives;
mod rules;

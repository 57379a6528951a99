//! Intervals against references of 160 bits and more, and the rules of what is undefined.

mod bytes;
mod containment;
mod derivatives;
mod references;
mod replay;
mod rules;

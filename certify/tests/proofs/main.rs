//! Proofs and refutations of potentials whose smallest eigenvalue is known, and of trained networks.

mod densities;
mod fields;
mod networks;
mod spheres;

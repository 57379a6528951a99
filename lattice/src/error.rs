//! What can go wrong with a lattice.

use ircpm_flow::SolverError;
use thiserror::Error;

/// Why a potential of local terms, or its map, cannot be built.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ChargesError {
    /// There are no sites, or no terms.
    #[error("a potential of local terms needs {what}: there is none")]
    Empty {
        /// What is missing.
        what: &'static str,
    },
    /// A term acts on a site that is not there.
    #[error("term {term} acts on site {site}, but the sites are 0 to {last}")]
    Site {
        /// Number of the term, from 0.
        term: usize,
        /// The site.
        site: usize,
        /// The last site.
        last: usize,
    },
    /// A term has all charges zero: it is a constant.
    #[error("term {term} has no charge that is not zero, so that it is a constant: leave it out")]
    Constant {
        /// Number of the term, from 0.
        term: usize,
    },
    /// A term names a site twice.
    #[error("term {term} names site {site} twice: add the two charges")]
    SiteTwice {
        /// Number of the term, from 0.
        term: usize,
        /// The site.
        site: usize,
    },
    /// A charge is too large for a table of harmonics.
    #[error("term {term} has the charge {charge}, but charges reach from -{largest} to {largest}")]
    Charge {
        /// Number of the term, from 0.
        term: usize,
        /// The charge.
        charge: i32,
        /// The largest one.
        largest: i32,
    },
    /// One class has the same charges twice, up to their sign.
    #[error(
        "term {term} repeats an earlier term of class {class}, up to the sign of all charges: leave one out"
    )]
    Repeated {
        /// Number of the term, from 0.
        term: usize,
        /// The class.
        class: usize,
    },
    /// No term belongs to a class.
    #[error("class {class} of {classes} has no term: number the classes without gaps, from 0")]
    NoTerm {
        /// The class.
        class: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A lattice is too small for the clusters of its terms.
    #[error(
        "{lattice} has {found} sites a side, and its terms need {needed}: take a larger lattice, or smaller clusters"
    )]
    TooSmall {
        /// Which lattice.
        lattice: &'static str,
        /// Sites per side.
        found: usize,
        /// Sites per side that the clusters need.
        needed: usize,
    },
    /// A number that must not be zero is zero.
    #[error("the {what} of {lattice} must not be zero")]
    Zero {
        /// Which lattice.
        lattice: &'static str,
        /// Which number.
        what: &'static str,
    },
    /// There are more terms than a map is compiled for.
    #[error(
        "{found} terms or more, and a map is compiled for at most {most}: lower the range, the degree or the boundary, take fewer \
         clusters, or a smaller lattice"
    )]
    TooMany {
        /// A number that the terms are not below.
        found: usize,
        /// The largest number.
        most: usize,
    },
    /// Elimination of `H` takes too long.
    #[error(
        "one elimination of H takes more than {most} multiplications, because its terms tie too many sites to each other: take terms of \
         shorter range, or fewer sites (`ircpm_lattice::matrix_free` estimates gradients of log det H without elimination, but no \
         densities)"
    )]
    Fill {
        /// Most multiplications.
        most: usize,
    },
    /// The network of a window has too many inputs, or none.
    #[error(
        "the networks of class {class} read {found} angles or differences, and may read 1 to {most}: take other windows"
    )]
    Inputs {
        /// The class.
        class: usize,
        /// Number of inputs.
        found: usize,
        /// Largest number of them.
        most: usize,
    },
    /// A window has another number of sites than others of its class.
    #[error(
        "window {window} has {found} sites, and its class has windows of {expected}: give it a class of its own"
    )]
    WindowSites {
        /// Number of the window, from 0.
        window: usize,
        /// Its sites.
        found: usize,
        /// Those of its class.
        expected: usize,
    },
    /// Potentials on different numbers of sites cannot be added.
    #[error("a potential on {found} sites cannot be added to one on {expected}")]
    Sites {
        /// Sites of the first.
        expected: usize,
        /// Sites of the other.
        found: usize,
    },
    /// The stiffness of a metric is out of range.
    #[error("a metric's stiffness is {value}: it must lie between 0 and {largest}")]
    Stiffness {
        /// What was given.
        value: f64,
        /// Largest one.
        largest: f64,
    },
    /// The solver's numbers are out of range.
    #[error(transparent)]
    Solver(#[from] SolverError),
}

/// Why the parameters of one lattice do not serve another.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The source lattice has no such class.
    #[error(
        "the smaller lattice has no class `{label}`: train on a lattice that is large enough to have a bulk, with the same \
         range, degree, clusters and boundary"
    )]
    Missing {
        /// Label of the class.
        label: String,
    },
    /// The two lattices have potentials of different families.
    #[error(
        "parameters of charges do not serve windows, nor those of windows charges: train with the same potential"
    )]
    Family,
    /// There are not as many parameters as classes.
    #[error("{found} parameters were given for {expected} classes")]
    Parameters {
        /// Classes of the source.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
    /// A layer is a map in another metric, in which the same parameters are another map.
    #[error(
        "layer {layer} has a stiffness of {expected}, and the parameters are those of a stiffness of {found}: set \
         stiffness = {found} in its charges, or train anew"
    )]
    Stiffness {
        /// The layer, counted from 1.
        layer: usize,
        /// The stiffness of the layer that is given parameters.
        expected: f64,
        /// The stiffness of the source's.
        found: f64,
    },
}

/// Why the wall cannot be built.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum WallError {
    /// The limit is not between zero and one.
    #[error("the wall's limit is {value}: it must lie between 0 and 1, where 1 is the fold itself")]
    Limit {
        /// The limit.
        value: f64,
    },
    /// The pool has no points.
    #[error("the wall's pool needs at least one point")]
    NoPoints,
    /// A saved state is of another wall.
    #[error(
        "the saved points and vectors of a wall are not {expected} finite numbers each: the state is of another wall"
    )]
    State {
        /// How many numbers the pool of this wall has.
        expected: usize,
    },
}

/// Why no certificate can be asked for.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Terms reach too far along the chain.
    #[error(
        "terms reach over {found} sites, and windows of at most {largest} are certified: this is no chain of range {range} or \
         less",
        range = largest - 1
    )]
    Range {
        /// Sites between the first and the last of some term, both included.
        found: usize,
        /// Largest number of them.
        largest: usize,
    },
    /// The windows of a closed chain differ.
    #[error(
        "the terms at site {site} are not those at site 0: closed chains are certified if all their sites are the same"
    )]
    Windows {
        /// The first site with other terms.
        site: usize,
    },
    /// The grid is too coarse, or a window has too many points of it.
    #[error("{found} points per angle: take at least {least}, and at most {most} for windows of this width")]
    Grid {
        /// Points per angle.
        found: usize,
        /// Least number of them.
        least: usize,
        /// Largest number of them.
        most: usize,
    },
    /// There are not as many parameters as classes, or one is not finite.
    #[error("{found} finite parameters were given for {expected} classes")]
    Parameters {
        /// Classes of the potential.
        expected: usize,
        /// Finite numbers given.
        found: usize,
    },
}

/// Why a matrix is no change of coordinates of a torus.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UnimodularError {
    /// There are no rows.
    #[error("a change of coordinates needs at least one angle")]
    Empty,
    /// A row has another length than there are rows.
    #[error(
        "row {row} has {found} entries, and there are {expected} rows: a change of coordinates is a square matrix"
    )]
    NotSquare {
        /// The row, from 0.
        row: usize,
        /// Number of rows.
        expected: usize,
        /// Length of the row.
        found: usize,
    },
    /// The determinant is not 1 or −1.
    #[error("the determinant is neither 1 nor -1, so that the inverse has no integer entries")]
    Determinant,
    /// A number exceeds 64 bits.
    #[error("the inverse has numbers of more than 64 bits")]
    Overflow,
}

/// Why nothing can be said of `H` by products with vectors alone.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum MatrixFreeError {
    /// A parameter or an angle is not finite.
    #[error("{what} {number} is not finite")]
    NotFinite {
        /// What it is.
        what: &'static str,
        /// Its number, from 0.
        number: usize,
    },
    /// There are too few probes.
    #[error("{found} probes have no standard error: take two at least, better a multiple of eight")]
    Probes {
        /// Their number.
        found: usize,
    },
    /// A quadrature rule is out of range.
    #[error(
        "a rule of {steps} steps with the lower bound {lower}: take one step at least, and a positive bound of the eigenvalues"
    )]
    Quadrature {
        /// Its steps.
        steps: usize,
        /// Its lower bound.
        lower: f64,
    },
    /// `H` is not positive definite.
    #[error(
        "H is not positive definite at this point: the map folds there, keep its parameters behind a wall"
    )]
    Indefinite,
    /// An eigenvalue is below the lower bound.
    #[error(
        "H has an eigenvalue of at most {found} at this point, below the lower bound {lower}: take a lower one"
    )]
    Below {
        /// The bound that was given.
        lower: f64,
        /// The smallest eigenvalue that was met.
        found: f64,
    },
    /// Conjugate gradients have not converged.
    #[error(
        "conjugate gradients have a residual of {residual:e} after {steps} steps, above the tolerance {tolerance:e}: allow more \
         steps, or a larger one"
    )]
    NotConverged {
        /// Steps taken.
        steps: usize,
        /// Residual relative to the right-hand side.
        residual: f64,
        /// The tolerance.
        tolerance: f64,
    },
    /// Numbers have overflown.
    #[error("the numbers of H overflow at this point: its parameters are too large")]
    Overflow,
}

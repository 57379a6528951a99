//! What can be wrong with an energy that is written as text.

use std::ops::Range;

/// Why a text is no energy, and which part of it is to blame.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("energy, line {}, column {}: {kind}", self.line(), self.column())]
#[non_exhaustive]
pub struct ExpressionError {
    /// The whole text of the energy.
    pub text: String,
    /// Bytes of `text` that are to blame; all of it where no part is.
    pub span: Range<usize>,
    /// The cause, with its remedy.
    pub kind: ExpressionErrorKind,
}

impl ExpressionError {
    /// Line of the start of the span, from 1.
    pub fn line(&self) -> usize {
        self.before().matches('\n').count() + 1
    }

    /// Column of the start of the span, in characters from 1.
    pub fn column(&self) -> usize {
        self.before().rsplit('\n').next().unwrap_or_default().chars().count() + 1
    }

    /// The parameter that is to blame, if not the text.
    pub fn parameter(&self) -> Option<&str> {
        match &self.kind {
            ExpressionErrorKind::Parameter { name, .. } => Some(name),
            _ => None,
        }
    }

    fn before(&self) -> &str {
        self.text.get(..self.span.start).unwrap_or_default()
    }
}

/// The ways in which a text can fail to be an energy.
///
/// The message of an unknown name quotes the name first and then all that would have been right, each in backticks.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionErrorKind {
    /// There is no expression.
    #[error("there is no energy: write one, such as -cos(theta1)")]
    Empty,
    /// The text is longer than any that is read.
    #[error(
        "the text has {length} bytes, at most {limit} are read: put numbers into parameters, terms into sums"
    )]
    TooLong {
        /// Bytes of the text.
        length: usize,
        /// The most that are read.
        limit: usize,
    },
    /// Parentheses, or other operations, lie too deep inside each other.
    #[error("more than {limit} levels lie inside each other: name parts of it, as in r = …; then use r")]
    TooDeep {
        /// The most levels.
        limit: usize,
    },
    /// Sums repeat parts of the text more often than they are looked at.
    #[error("with all sums written out more than {limit} parts of the text are to be compiled")]
    TooOften {
        /// The most parts.
        limit: usize,
    },
    /// A direction has more numbers than are compiled.
    #[error("a direction has at most {limit} numbers")]
    TooWide {
        /// The most numbers.
        limit: usize,
    },
    /// The energy has more operations than are compiled.
    #[error("with all sums written out the energy takes more than {limit} operations")]
    TooLarge {
        /// The most operations.
        limit: usize,
    },
    /// A character that means nothing here.
    #[error("`{found}` means nothing here{remedy}")]
    Character {
        /// The character or characters.
        found: String,
        /// What to write instead, after a colon, or nothing.
        remedy: &'static str,
    },
    /// A token where another one belongs.
    #[error("{found} stands where {wanted} belongs{remedy}")]
    Token {
        /// What stands there.
        found: String,
        /// What belongs there.
        wanted: &'static str,
        /// What to write instead, after a colon, or nothing.
        remedy: &'static str,
    },
    /// A name that is not defined.
    #[error("unknown name `{name}`, expected one of {known}")]
    Name {
        /// The name.
        name: String,
        /// The names that exist, each in backticks.
        known: String,
    },
    /// A name that several factors of a product have.
    #[error("`{name}` exists in several factors of the product: write one of {candidates}")]
    Ambiguous {
        /// The name.
        name: String,
        /// The names with their factors, each in backticks.
        candidates: String,
    },
    /// A function that does not exist.
    #[error("unknown function `{name}`, expected one of {known}")]
    Function {
        /// The name.
        name: String,
        /// The functions that exist, each in backticks.
        known: String,
    },
    /// A function without its arguments.
    #[error("`{name}` is a function: write {usage}")]
    NoCall {
        /// The name.
        name: String,
        /// The function with its arguments.
        usage: &'static str,
    },
    /// A function with the wrong number of arguments.
    #[error("{found} arguments: write {usage}")]
    Arguments {
        /// The number of arguments that were given.
        found: usize,
        /// The function with its arguments.
        usage: &'static str,
    },
    /// A name that is given a second meaning.
    #[error("`{name}` already is {meaning}: choose another name{remedy}")]
    Redefined {
        /// The name.
        name: String,
        /// What it already is.
        meaning: &'static str,
        /// What else to write, after a comma, or nothing.
        remedy: &'static str,
    },
    /// A name that is defined and not used.
    #[error("`{name}` is defined here and never used: use it, or remove it")]
    Unused {
        /// The name.
        name: String,
    },
    /// An index past the end of a list, or before its start.
    #[error("index {index} is outside of 1 to {length}{place}")]
    Index {
        /// The index.
        index: i64,
        /// Entries of the list.
        length: usize,
        /// The values of the indices of sums around it, or nothing.
        place: String,
    },
    /// A number that has to be an integer.
    #[error("{value} is not an integer: indices and bounds of sums are")]
    NotInteger {
        /// The number.
        value: f64,
    },
    /// An integer that is too large for an index.
    #[error("{value:e} is outside of ±10⁹: indices and bounds of sums are within")]
    Large {
        /// The number.
        value: f64,
    },
    /// A number that may not depend on the coordinates.
    #[error("{what} has to be a number: it may depend on parameters and indices, not on coordinates")]
    NotConstant {
        /// What it is.
        what: &'static str,
    },
    /// A list where a number belongs.
    #[error("this is a list of {length}, where a number belongs: take an entry, as in a[1], or sum(a)")]
    NotNumber {
        /// Entries of the list.
        length: usize,
    },
    /// A number where a list belongs.
    #[error("this is a number, where a list belongs{remedy}")]
    NotList {
        /// An example, after a colon.
        remedy: &'static str,
    },
    /// Lists of different lengths, side by side.
    #[error("lists of {left} and of {right} entries stand side by side: give them the same length")]
    Lengths {
        /// Entries of the first.
        left: usize,
        /// Entries of the second.
        right: usize,
    },
    /// A constant that is infinite or not a number.
    #[error(
        "the value of this constant is {value}: leave out what has weight zero, and check the parameters"
    )]
    NotFinite {
        /// The value.
        value: f64,
    },
    /// An argument that its function does not take.
    #[error("{what}")]
    Value {
        /// What is wrong.
        what: &'static str,
    },
    /// A parameter that is to blame.
    #[error("the parameter `{name}` {what}")]
    Parameter {
        /// Its name.
        name: String,
        /// What is wrong, and the remedy.
        what: &'static str,
    },
    /// An energy that is the same everywhere.
    #[error("the energy is the same everywhere on {manifold}: there is nothing to learn")]
    Constant {
        /// The manifold.
        manifold: String,
    },
    /// An energy whose density has no finite integral, because it falls or stays the same towards infinity.
    #[error(
        "the energy {behaviour} as `{coordinate}` goes to {end}, so exp(-beta u) has no finite integral: look at signs, or add a term that rises"
    )]
    Unbounded {
        /// What it does.
        behaviour: &'static str,
        /// The real coordinate.
        coordinate: String,
        /// The infinity.
        end: &'static str,
    },
    /// An energy that is not finite at some point.
    #[error(
        "the energy is {value} at {point}, and has to be finite everywhere; \
         look at divisions, logarithms and roots"
    )]
    NotFiniteAt {
        /// The energy.
        value: f64,
        /// The point, coordinate by coordinate.
        point: String,
    },
    /// An energy that changes when an angle makes a turn.
    #[error(
        "the energy jumps at the seam of `{angle}`: it is {here} at {point} and {there} a turn later; \
         use the angle inside of sin and cos, with integer multiples"
    )]
    NotPeriodic {
        /// The angle.
        angle: String,
        /// The point, coordinate by coordinate.
        point: String,
        /// The energy there.
        here: f64,
        /// The energy where the angle is larger by `2π`.
        there: f64,
    },
}

/// An error before it is joined with the text.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) span: Range<usize>,
    pub(super) kind: ExpressionErrorKind,
}

impl Fault {
    pub(super) fn new(span: &Range<usize>, kind: ExpressionErrorKind) -> Self {
        Self { span: span.clone(), kind }
    }

    /// The error in its text.
    pub(super) fn in_text(self, text: &str) -> ExpressionError {
        ExpressionError { text: text.to_owned(), span: self.span, kind: self.kind }
    }
}

//! What can be wrong with the text of a symmetry.

use thiserror::Error;

/// Why a text names no symmetry.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidSymmetry {
    /// There is no such name.
    #[error(
        "unknown symmetry `{text}`, expected one of `permutations`, `shifts`, `reversal`, `inversion`, `reflections`, \
         `permutation(2, 1)`, `turns(1/2, 0)`, `matrix(0 -1, 1 0)`, `translations(1, -1)`, `rotations(1, 2)`, or a point \
         group such as `C4v` or `Oh`"
    )]
    Unknown {
        /// What was given.
        text: String,
    },
    /// The name exists, but what it is given makes no sense.
    #[error("the symmetry `{text}` makes no sense: {reason}")]
    Arguments {
        /// What was given.
        text: String,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
}

impl InvalidSymmetry {
    pub(super) fn unknown(text: &str) -> Self {
        Self::Unknown { text: text.to_owned() }
    }

    pub(super) fn new(text: &str, reason: impl Into<String>) -> Self {
        Self::Arguments { text: text.to_owned(), reason: reason.into() }
    }
}

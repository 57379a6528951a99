//! Numbers and lists, as a text handles them.

use std::ops::Range;
use std::sync::Arc;

use super::error::{ExpressionErrorKind, Fault};
use super::graph::{Graph, Id};

/// A number of the energy's computation, or a list of values.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Number(Id),
    List(Arc<[Value]>),
}

/// Most levels of lists in lists.
pub(super) const MOST_LEVELS: usize = 4;

impl Value {
    pub(super) fn list(values: impl IntoIterator<Item = Value>) -> Self {
        Self::List(values.into_iter().collect())
    }

    /// Levels of lists in lists; 0 for a number.
    pub(super) fn levels(&self) -> usize {
        match self {
            Self::Number(_) => 0,
            Self::List(values) => 1 + values.iter().map(Self::levels).max().unwrap_or(0),
        }
    }

    /// The number; a list of one number counts as that number.
    pub(super) fn number(&self, span: &Range<usize>) -> Result<Id, Fault> {
        match self {
            Self::Number(id) => Ok(*id),
            Self::List(values) => match &values[..] {
                [Self::Number(id)] => Ok(*id),
                values => Err(Fault::new(span, ExpressionErrorKind::NotNumber { length: values.len() })),
            },
        }
    }

    /// The entries of a list of numbers; a number counts as a list of one.
    pub(super) fn numbers(&self, span: &Range<usize>) -> Result<Vec<Id>, Fault> {
        match self {
            Self::Number(id) => Ok(vec![*id]),
            Self::List(values) => values.iter().map(|value| value.number(span)).collect(),
        }
    }

    /// The entries of a list of constants.
    pub(super) fn constants(
        &self,
        graph: &Graph,
        span: &Range<usize>,
        what: &'static str,
    ) -> Result<Vec<f64>, Fault> {
        let ids = self.numbers(span)?;
        let constant = |id: Id| {
            graph.value(id).ok_or_else(|| Fault::new(span, ExpressionErrorKind::NotConstant { what }))
        };
        ids.into_iter().map(constant).collect()
    }
}

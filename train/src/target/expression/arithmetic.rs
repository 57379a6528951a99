//! Operations on numbers and lists: entry by entry, or with a number on one side. Constants are computed and have to be
//! finite.

use std::ops::Range;

use super::compiler::Compiler;
use super::error::{ExpressionErrorKind, Fault};
use super::functions::{Binary, Unary};
use super::graph::Id;
use super::value::Value;

impl Compiler<'_> {
    pub(super) fn negation(&mut self, value: &Value, span: &Range<usize>) -> Result<Value, Fault> {
        self.visit(span)?;
        match value {
            Value::Number(a) => Ok(Value::Number(self.graph.negation(*a))),
            Value::List(values) => {
                let mut negated = Vec::with_capacity(values.len());
                for value in values.iter() {
                    negated.push(self.negation(value, span)?);
                }
                Ok(Value::list(negated))
            }
        }
    }

    /// An operation on numbers, on lists entry by entry, or on a list and a number.
    pub(super) fn binary(
        &mut self,
        operation: Binary,
        left: &Value,
        right: &Value,
        span: &Range<usize>,
    ) -> Result<Value, Fault> {
        self.visit(span)?;
        let mut values = Vec::new();
        match (left, right) {
            (Value::Number(a), Value::Number(b)) => {
                return self.finite(operation, *a, *b, span).map(Value::Number);
            }
            (Value::List(a), Value::List(b)) => {
                if a.len() != b.len() {
                    let kind = ExpressionErrorKind::Lengths { left: a.len(), right: b.len() };
                    return Err(Fault::new(span, kind));
                }
                for (a, b) in a.iter().zip(b.iter()) {
                    values.push(self.binary(operation, a, b, span)?);
                }
            }
            (Value::List(a), b) => {
                for a in a.iter() {
                    values.push(self.binary(operation, a, b, span)?);
                }
            }
            (a, Value::List(b)) => {
                for b in b.iter() {
                    values.push(self.binary(operation, a, b, span)?);
                }
            }
        }
        Ok(Value::list(values))
    }

    /// An operation whose value is finite if it is constant.
    pub(super) fn finite(
        &mut self,
        operation: Binary,
        a: Id,
        b: Id,
        span: &Range<usize>,
    ) -> Result<Id, Fault> {
        let id = self.graph.binary(operation, a, b);
        self.checked(id, span)
    }

    pub(super) fn unary(&mut self, function: Unary, a: Id, span: &Range<usize>) -> Result<Id, Fault> {
        let id = self.graph.unary(function, a);
        self.checked(id, span)
    }

    /// A node that is not a constant which is infinite or NaN.
    pub(super) fn checked(&self, id: Id, span: &Range<usize>) -> Result<Id, Fault> {
        match self.graph.value(id).filter(|value| !value.is_finite()) {
            Some(value) => Err(Fault::new(span, ExpressionErrorKind::NotFinite { value })),
            None => Ok(id),
        }
    }
}

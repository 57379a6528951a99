//! Calls of functions, among them sums over an index and logarithms of densities.

use std::ops::Range;

use super::super::bessel::{log_fisher_integral, log_kent_integral};
use super::compiler::Compiler;
use super::error::{ExpressionErrorKind, Fault};
use super::functions::{self, Binary, Function, Reduction, Unary};
use super::graph::Id;
use super::parser::{Node, NodeKind};
use super::value::Value;

/// Most numbers of a direction.
const MOST_DIMENSIONS: usize = 1024;

impl<'a> Compiler<'a> {
    pub(super) fn call(
        &mut self,
        name: &str,
        name_span: &Range<usize>,
        arguments: &[Node<'a>],
        span: &Range<usize>,
    ) -> Result<Value, Fault> {
        let Some((function, usage)) = functions::find(name) else {
            let known: Vec<String> = functions::names().map(|name| format!("`{name}`")).collect();
            let (name, known) = (name.to_owned(), known.join(", "));
            return Err(Fault::new(name_span, ExpressionErrorKind::Function { name, known }));
        };
        if let Function::Reduction(reduction) = function {
            if arguments.is_empty() {
                return Err(Fault::new(span, ExpressionErrorKind::Arguments { found: 0, usage }));
            }
            return self.reduction(reduction, arguments, span).map(Value::Number);
        }
        let wrong = Fault::new(span, ExpressionErrorKind::Arguments { found: arguments.len(), usage });
        let id = match (function, arguments) {
            (Function::Unary(function), [x]) => {
                let x = self.number(x)?;
                self.unary(function, x, span)
            }
            (Function::Binary(operation), [x, y]) => {
                let (x, y) = (self.number(x)?, self.number(y)?);
                self.finite(operation, x, y, span)
            }
            (Function::Mod, [i, n]) => self.modulo(i, n),
            (Function::Dot, [a, b]) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                self.dot(&a.numbers(span)?, &b.numbers(span)?, span)
            }
            (Function::Norm, [a]) => {
                let a = self.value(a)?.numbers(span)?;
                let square = self.dot(&a, &a, span)?;
                self.unary(Unary::Sqrt, square, span)
            }
            (Function::VonMises, [theta, mu, kappa]) => self.von_mises(theta, mu, kappa, span),
            (Function::VonMisesFisher, [x, mu, kappa]) => self.fisher(x, mu, kappa, span),
            (Function::Kent, [x, mu, axis, kappa, beta]) => self.kent(x, [mu, axis], [kappa, beta], span),
            (Function::Bingham, [x, matrix]) => self.bingham(x, matrix, span),
            _ => Err(wrong),
        };
        id.map(Value::Number)
    }

    /// `i − n ⌊i/n⌋`, of constants only, because it jumps.
    fn modulo(&mut self, i: &Node<'a>, n: &Node<'a>) -> Result<Id, Fault> {
        let divisor = self.integer(n, "the second argument of mod")?;
        if divisor < 1 {
            let kind = ExpressionErrorKind::Value { what: "the second argument of mod has to be above 0" };
            return Err(Fault::new(&n.span, kind));
        }
        let i = self.integer(i, "the first argument of mod")?;
        Ok(self.graph.constant(i.rem_euclid(divisor) as f64))
    }

    /// Over an index, as in `sum(i, 1, 8, term)`, or over all numbers of the arguments. Four arguments of which the first
    /// is a name are always the former.
    fn reduction(
        &mut self,
        reduction: Reduction,
        arguments: &[Node<'a>],
        span: &Range<usize>,
    ) -> Result<Id, Fault> {
        let index = match arguments {
            // Even if the name exists: define then says so, where a guess could be wrong.
            [Node { kind: NodeKind::Name(name), span }, first, last, body] if !name.contains('.') => {
                Some((*name, span, first, last, body))
            }
            _ => None,
        };
        let operation = match reduction {
            Reduction::Sum => Some(Binary::Add),
            Reduction::Product => Some(Binary::Mul),
            Reduction::Min => Some(Binary::Min),
            Reduction::Max => Some(Binary::Max),
            Reduction::LogSumExp => None,
        };
        let terms = match index {
            Some((name, span, first, last, body)) => {
                let bounds = [
                    self.integer(first, "the first value of an index")?,
                    self.integer(last, "the last value of an index")?,
                ];
                self.over_index((name, span), bounds, body, operation)?
            }
            None => {
                let mut terms = Vec::new();
                for argument in arguments {
                    terms.extend(self.value(argument)?.numbers(&argument.span)?);
                }
                terms
            }
        };
        let Some((&first, rest)) = terms.split_first() else {
            return match reduction {
                Reduction::Sum => Ok(self.graph.constant(0.0)),
                Reduction::Product => Ok(self.graph.constant(1.0)),
                _ => {
                    let what = "there are no terms: the last value of the index lies before the first";
                    Err(Fault::new(span, ExpressionErrorKind::Value { what }))
                }
            };
        };
        let Some(operation) = operation else {
            let id = self.graph.log_sum_exp(&terms);
            return self.checked(id, span);
        };
        rest.iter().try_fold(first, |value, &term| {
            self.visit(span)?;
            self.finite(operation, value, term, span)
        })
    }

    /// `Σ aᵢ bᵢ`
    fn dot(&mut self, a: &[Id], b: &[Id], span: &Range<usize>) -> Result<Id, Fault> {
        same_length(a.len(), b.len(), span)?;
        let mut sum = self.graph.constant(0.0);
        for (&a, &b) in a.iter().zip(b) {
            self.visit(span)?;
            let product = self.finite(Binary::Mul, a, b, span)?;
            sum = self.finite(Binary::Add, sum, product, span)?;
        }
        Ok(sum)
    }

    /// `Σᵢ κ cos(θᵢ − μᵢ) − n log(2π I₀(κ))`, of one angle or of a list of `n`.
    fn von_mises(
        &mut self,
        theta: &Node<'a>,
        mu: &Node<'a>,
        kappa: &Node<'a>,
        span: &Range<usize>,
    ) -> Result<Id, Fault> {
        let theta = self.value(theta)?.numbers(&theta.span)?;
        let mu = self.value(mu)?.numbers(&mu.span)?;
        same_length(theta.len(), mu.len(), span)?;
        let kappa = self.constant(kappa, "kappa")?;
        let mut sum = self.graph.constant(0.0);
        for (&theta, &mu) in theta.iter().zip(&mu) {
            self.visit(span)?;
            let angle = self.finite(Binary::Sub, theta, mu, span)?;
            let cosine = self.unary(Unary::Cos, angle, span)?;
            sum = self.finite(Binary::Add, sum, cosine, span)?;
        }
        let normaliser = theta.len() as f64 * log_fisher_integral(2, kappa);
        self.scaled_less(sum, kappa, normaliser, span)
    }

    /// `κ μ·x − log ∫ exp(κ μ·y) dy`, with `μ` shortened or stretched to length 1.
    fn fisher(
        &mut self,
        x: &Node<'a>,
        mu: &Node<'a>,
        kappa: &Node<'a>,
        span: &Range<usize>,
    ) -> Result<Id, Fault> {
        let x = self.value(x)?.numbers(&x.span)?;
        let direction = self.direction(mu, x.len())?;
        let kappa = self.constant(kappa, "kappa")?;
        let along = self.component(&x, &direction, span)?;
        let normaliser = log_fisher_integral(x.len(), kappa);
        self.scaled_less(along, kappa, normaliser, span)
    }

    /// `κ γ₁·x + β ((γ₂·x)² − (γ₃·x)²)` on S², less its normaliser (Kent 1982): `γ₁` is the mean direction, `γ₂` the
    /// part of the axis that is orthogonal to it, `γ₃ = γ₁ × γ₂`, all of length 1.
    fn kent(
        &mut self,
        x: &Node<'a>,
        [mu, axis]: [&Node<'a>; 2],
        [kappa, beta]: [&Node<'a>; 2],
        span: &Range<usize>,
    ) -> Result<Id, Fault> {
        let x = self.value(x)?.numbers(&x.span)?;
        same_length(x.len(), 3, span)?;
        let (a, b) = (self.direction(mu, 3)?, self.direction(axis, 3)?);
        let along: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        let across: Vec<f64> = b.iter().zip(&a).map(|(b, a)| b - along * a).collect();
        let b =
            unit(&across, &axis.span, "the axis is parallel to the mean direction: it has to be orthogonal")?;
        let c = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
        let (kappa, beta) = (self.constant(kappa, "kappa")?, self.constant(beta, "beta")?);
        let normaliser = log_kent_integral(kappa, beta).ok_or_else(|| {
            let what =
                "|kappa| + 2 |beta| may be at most 2000: write the exponent out, without its normaliser";
            Fault::new(span, ExpressionErrorKind::Value { what })
        })?;
        let mean = self.component(&x, &a, span)?;
        let (major, minor) = (self.component(&x, &b, span)?, self.component(&x, &c, span)?);
        let major = self.finite(Binary::Mul, major, major, span)?;
        let minor = self.finite(Binary::Mul, minor, minor, span)?;
        let difference = self.finite(Binary::Sub, major, minor, span)?;
        let beta = self.graph.constant(beta);
        let difference = self.finite(Binary::Mul, difference, beta, span)?;
        let mean = self.scaled_less(mean, kappa, normaliser, span)?;
        self.finite(Binary::Add, mean, difference, span)
    }

    /// `Σᵢⱼ xᵢ Aᵢⱼ xⱼ`, up to the normaliser (Bingham 1974).
    fn bingham(&mut self, x: &Node<'a>, matrix: &Node<'a>, span: &Range<usize>) -> Result<Id, Fault> {
        let x = self.value(x)?.numbers(&x.span)?;
        let Value::List(rows) = self.value(matrix)? else {
            let remedy = ": a matrix is a list of rows, [[1, 0], [0, 2]]";
            return Err(Fault::new(&matrix.span, ExpressionErrorKind::NotList { remedy }));
        };
        same_length(rows.len(), x.len(), &matrix.span)?;
        let mut sum = self.graph.constant(0.0);
        for (&entry, row) in x.iter().zip(rows.iter()) {
            let row = row.numbers(&matrix.span)?;
            same_length(row.len(), x.len(), &matrix.span)?;
            let product = self.dot(&row, &x, span)?;
            let term = self.finite(Binary::Mul, product, entry, span)?;
            sum = self.finite(Binary::Add, sum, term, span)?;
        }
        Ok(sum)
    }

    /// `κ a − c`
    fn scaled_less(&mut self, a: Id, kappa: f64, c: f64, span: &Range<usize>) -> Result<Id, Fault> {
        let (kappa, c) = (self.graph.constant(kappa), self.graph.constant(c));
        let scaled = self.finite(Binary::Mul, a, kappa, span)?;
        self.finite(Binary::Sub, scaled, c, span)
    }

    fn component(&mut self, x: &[Id], direction: &[f64], span: &Range<usize>) -> Result<Id, Fault> {
        let direction: Vec<Id> = direction.iter().map(|&x| self.graph.constant(x)).collect();
        self.dot(x, &direction, span)
    }

    fn constant(&mut self, node: &Node<'a>, what: &'static str) -> Result<f64, Fault> {
        let id = self.number(node)?;
        self.graph.value(id).ok_or_else(|| Fault::new(&node.span, ExpressionErrorKind::NotConstant { what }))
    }

    /// A constant vector of `n` numbers, made one of length 1.
    fn direction(&mut self, node: &Node<'a>, n: usize) -> Result<Vec<f64>, Fault> {
        let value = self.value(node)?.constants(&self.graph, &node.span, "a direction")?;
        same_length(value.len(), n, &node.span)?;
        if n > MOST_DIMENSIONS {
            let kind = ExpressionErrorKind::TooWide { limit: MOST_DIMENSIONS };
            return Err(Fault::new(&node.span, kind));
        }
        unit(&value, &node.span, "a direction has to be longer than zero")
    }
}

fn same_length(left: usize, right: usize, span: &Range<usize>) -> Result<(), Fault> {
    if left == right { Ok(()) } else { Err(Fault::new(span, ExpressionErrorKind::Lengths { left, right })) }
}

/// The vector of length 1 along `v`.
fn unit(v: &[f64], span: &Range<usize>, what: &'static str) -> Result<Vec<f64>, Fault> {
    let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    if length > 1e-12 && length.is_finite() {
        Ok(v.iter().map(|x| x / length).collect())
    } else {
        Err(Fault::new(span, ExpressionErrorKind::Value { what }))
    }
}

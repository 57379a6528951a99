//! A tree to a graph: names are looked up, sums written out, lists taken apart.

use std::f64::consts::PI;
use std::ops::Range;

use super::error::{ExpressionErrorKind, Fault};
use super::functions::{self, Binary};
use super::graph::{Graph, Id};
use super::names::{Coordinate, Names, ascii};
use super::parameter::{Parameter, Parameters};
use super::parser::{Definition, Node, NodeKind, Operator};
use super::value::{MOST_LEVELS, Value};

/// Most nodes of a graph, with all sums written out.
const MOST_NODES: usize = 1 << 16;

/// Most parts of the text that are looked at, each as often as its sums repeat it.
const MOST_VISITS: usize = 1 << 20;

/// What is known while a text is compiled.
pub(super) struct Compiler<'a> {
    pub(super) graph: Graph,
    names: &'a Names,
    parameters: Vec<Binding<'a>>,
    /// Definitions of the text, then indices of the sums around the part that is compiled, the innermost last.
    locals: Vec<Binding<'a>>,
    visits: usize,
    /// Where each coordinate is used first.
    pub(super) first_use: Vec<Option<Range<usize>>>,
}

/// A name and what it stands for.
struct Binding<'a> {
    name: &'a str,
    value: Value,
    /// Where it is defined; none for a parameter.
    span: Range<usize>,
    used: bool,
    is_index: bool,
}

impl<'a> Compiler<'a> {
    /// # Errors
    /// For a parameter that has the name of something else, or a value that is no list of numbers.
    pub(super) fn new(
        names: &'a Names,
        coordinates: usize,
        parameters: &'a Parameters,
        text: &str,
    ) -> Result<Self, Fault> {
        let mut compiler = Self {
            graph: Graph::default(),
            names,
            parameters: vec![],
            locals: vec![],
            visits: 0,
            first_use: vec![None; coordinates],
        };
        let span = 0..text.len();
        for (name, parameter) in parameters {
            let refuse =
                |what| Fault::new(&span, ExpressionErrorKind::Parameter { name: name.clone(), what });
            if compiler.meaning(name).is_some() {
                return Err(refuse("has the name of a coordinate or constant: choose another name"));
            }
            if parameter.levels(MOST_LEVELS) > MOST_LEVELS {
                return Err(refuse("has lists in lists more than four deep: use several parameters"));
            }
            let value = compiler.parameter(parameter, &span)?.ok_or_else(|| {
                refuse("has an empty list or a number that is not finite: give finite numbers")
            })?;
            compiler.parameters.push(Binding {
                name,
                value,
                span: span.clone(),
                used: false,
                is_index: false,
            });
        }
        Ok(compiler)
    }

    fn parameter(&mut self, parameter: &Parameter, span: &Range<usize>) -> Result<Option<Value>, Fault> {
        self.visit(span)?;
        Ok(match parameter {
            Parameter::Number(x) => x.is_finite().then(|| Value::Number(self.graph.constant(*x))),
            Parameter::List(list) if list.is_empty() => None,
            Parameter::List(list) => {
                let mut values = Vec::with_capacity(list.len());
                for entry in list {
                    let Some(value) = self.parameter(entry, span)? else { return Ok(None) };
                    values.push(value);
                }
                Some(Value::list(values))
            }
        })
    }

    /// The node of an energy, after all definitions.
    ///
    /// # Errors
    /// As [`Compiler::output`], and for a parameter that does not occur.
    pub(super) fn energy(&mut self, definitions: &[Definition<'a>], energy: &Node<'a>) -> Result<Id, Fault> {
        let id = self.output(definitions, energy)?;
        if let Some(unused) = self.parameters.iter().find(|parameter| !parameter.used) {
            let name = unused.name.to_owned();
            let what = "does not occur in the energy: use it, or remove it";
            return Err(Fault::new(&unused.span, ExpressionErrorKind::Parameter { name, what }));
        }
        Ok(id)
    }

    /// The node of a number, after all definitions.
    ///
    /// # Errors
    /// [`Fault`] at the part that is not understood, or at a definition that is not used.
    pub(super) fn output(&mut self, definitions: &[Definition<'a>], output: &Node<'a>) -> Result<Id, Fault> {
        for Definition { name, span, value } in definitions {
            let value = self.value(value)?;
            self.define(name, value, span, false)?;
        }
        let value = self.value(output)?;
        let id = value.number(&output.span)?;
        match self.locals.iter().find(|local| !local.used) {
            Some(unused) => Err(unused.unused()),
            None => Ok(id),
        }
    }

    /// Counts the work, so that no text takes long or fills the memory.
    pub(super) fn visit(&mut self, span: &Range<usize>) -> Result<(), Fault> {
        self.visits += 1;
        if self.visits > MOST_VISITS {
            return Err(Fault::new(span, ExpressionErrorKind::TooOften { limit: MOST_VISITS }));
        }
        if self.graph.len() > MOST_NODES {
            return Err(Fault::new(span, ExpressionErrorKind::TooLarge { limit: MOST_NODES }));
        }
        Ok(())
    }

    /// What a name already means.
    fn meaning(&self, name: &str) -> Option<&'static str> {
        if self.locals.iter().any(|local| local.name == name) {
            return Some("defined in this energy");
        }
        // An ambiguous name is one of a coordinate, too.
        if !matches!(self.names.find(name), Ok(None)) {
            return Some("a coordinate");
        }
        if ascii(name) == "pi" {
            return Some("the constant π");
        }
        self.parameters.iter().any(|parameter| parameter.name == name).then_some("a parameter")
    }

    /// Gives a name a meaning, until [`Compiler::forget`].
    fn define(
        &mut self,
        name: &'a str,
        value: Value,
        span: &Range<usize>,
        is_index: bool,
    ) -> Result<(), Fault> {
        if let Some(meaning) = self.meaning(name) {
            let name = name.to_owned();
            let remedy = if is_index {
                ", or, if it is one of four numbers, write their list, as in max([a, 1, 2, 3])"
            } else {
                ""
            };
            return Err(Fault::new(span, ExpressionErrorKind::Redefined { name, meaning, remedy }));
        }
        self.locals.push(Binding { name, value, span: span.clone(), used: false, is_index });
        Ok(())
    }

    /// Compiles `body` with the index `name` at each integer from `first` to `last`.
    ///
    /// With an operation each term joins those before it at once, so that only one is held in a register.
    pub(super) fn over_index(
        &mut self,
        (name, span): (&'a str, &Range<usize>),
        [first, last]: [i64; 2],
        body: &Node<'a>,
        operation: Option<Binary>,
    ) -> Result<Vec<Id>, Fault> {
        let mut terms = Vec::new();
        for i in first..=last {
            self.visit(span)?;
            let value = Value::Number(self.graph.constant(i as f64));
            self.define(name, value, span, true)?;
            let term = self.number(body)?;
            match (operation, terms.last_mut()) {
                (Some(operation), Some(joined)) => {
                    *joined = self.finite(operation, *joined, term, &body.span)?;
                }
                _ => terms.push(term),
            }
            if let Some(index) = self.locals.pop()
                && !index.used
            {
                return Err(index.unused());
            }
        }
        Ok(terms)
    }

    pub(super) fn number(&mut self, node: &Node<'a>) -> Result<Id, Fault> {
        self.value(node)?.number(&node.span)
    }

    /// The value of a part that may depend on parameters and indices only, and is an integer.
    pub(super) fn integer(&mut self, node: &Node<'a>, what: &'static str) -> Result<i64, Fault> {
        let id = self.number(node)?;
        let value = self.graph.value(id);
        let value = value.ok_or_else(|| Fault::new(&node.span, ExpressionErrorKind::NotConstant { what }))?;
        if value.abs() > 1e9 {
            return Err(Fault::new(&node.span, ExpressionErrorKind::Large { value }));
        }
        if value.fract() != 0.0 {
            return Err(Fault::new(&node.span, ExpressionErrorKind::NotInteger { value }));
        }
        Ok(value as i64)
    }

    pub(super) fn value(&mut self, node: &Node<'a>) -> Result<Value, Fault> {
        let span = &node.span;
        self.visit(span)?;
        match &node.kind {
            NodeKind::Number(x) => Ok(Value::Number(self.graph.constant(*x))),
            NodeKind::Name(name) => self.name(name, span),
            NodeKind::Negation(operand) => {
                let value = self.value(operand)?;
                self.negation(&value, span)
            }
            NodeKind::Chain(first, rest) => {
                let mut value = self.value(first)?;
                for (operator, node) in rest {
                    let right = self.value(node)?;
                    let operation = match operator {
                        Operator::Plus => Binary::Add,
                        Operator::Minus => Binary::Sub,
                        Operator::Times => Binary::Mul,
                        Operator::Per => Binary::Div,
                    };
                    value = self.binary(operation, &value, &right, &(first.span.start..node.span.end))?;
                }
                Ok(value)
            }
            NodeKind::Power(base, exponent) => {
                let (base, exponent) = (self.number(base)?, self.number(exponent)?);
                self.finite(Binary::Pow, base, exponent, span).map(Value::Number)
            }
            NodeKind::Entry(list, indices) => {
                let mut value = self.value(list)?;
                for index in indices {
                    value = self.entry(&value, list, index)?;
                }
                Ok(value)
            }
            NodeKind::List(nodes) => {
                let mut values = Vec::with_capacity(nodes.len());
                for node in nodes {
                    let value = self.value(node)?;
                    if value.levels() >= MOST_LEVELS {
                        return Err(Fault::new(span, ExpressionErrorKind::TooDeep { limit: MOST_LEVELS }));
                    }
                    values.push(value);
                }
                Ok(Value::list(values))
            }
            NodeKind::Call { name, name_span, arguments } => self.call(name, name_span, arguments, span),
        }
    }

    fn name(&mut self, name: &str, span: &Range<usize>) -> Result<Value, Fault> {
        if let Some(local) = self.locals.iter_mut().rev().find(|local| local.name == name) {
            local.used = true;
            return Ok(local.value.clone());
        }
        match self.names.find(name).map_err(|kind| Fault::new(span, kind))? {
            Some(Coordinate::One(place)) => return Ok(self.coordinate(place, span)),
            Some(Coordinate::All(places)) => {
                let mut values = Vec::with_capacity(places.len());
                for place in places {
                    self.visit(span)?;
                    values.push(self.coordinate(place, span));
                }
                return Ok(Value::list(values));
            }
            None => {}
        }
        if let Some(parameter) = self.parameters.iter_mut().find(|parameter| parameter.name == name) {
            parameter.used = true;
            return Ok(parameter.value.clone());
        }
        if ascii(name) == "pi" {
            return Ok(Value::Number(self.graph.constant(PI)));
        }
        if let Some((_, usage)) = functions::find(name) {
            return Err(Fault::new(span, ExpressionErrorKind::NoCall { name: name.to_owned(), usage }));
        }
        Err(Fault::new(span, ExpressionErrorKind::Name { name: name.to_owned(), known: self.known() }))
    }

    /// The names that exist, for a message.
    fn known(&self) -> String {
        let bindings = self.locals.iter().chain(&self.parameters).map(|binding| binding.name.to_owned());
        let all = self.names.listed().into_iter().chain(bindings).chain(["pi".to_owned()]);
        all.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    }

    fn coordinate(&mut self, place: usize, span: &Range<usize>) -> Value {
        self.first_use[place].get_or_insert_with(|| span.clone());
        Value::Number(self.graph.coordinate(place))
    }

    fn entry(&mut self, list: &Value, node: &Node<'a>, index: &Node<'a>) -> Result<Value, Fault> {
        let Value::List(values) = list else {
            let remedy = ": only lists have entries, such as theta[1] or a parameter a = [1, 2]";
            return Err(Fault::new(&node.span, ExpressionErrorKind::NotList { remedy }));
        };
        let i = self.integer(index, "an index")?;
        let entry = usize::try_from(i - 1).ok().and_then(|i| values.get(i));
        entry.cloned().ok_or_else(|| {
            let kind = ExpressionErrorKind::Index { index: i, length: values.len(), place: self.place() };
            Fault::new(&index.span, kind)
        })
    }

    /// Values of the indices of the sums around, for a message.
    fn place(&self) -> String {
        let indices = self.locals.iter().filter(|local| local.is_index);
        let values = indices.filter_map(|index| match index.value {
            Value::Number(id) => Some(format!("{} = {}", index.name, self.graph.value(id)?)),
            Value::List(_) => None,
        });
        let values: Vec<String> = values.collect();
        if values.is_empty() { String::new() } else { format!(", where {}", values.join(", ")) }
    }
}

impl Binding<'_> {
    fn unused(&self) -> Fault {
        Fault::new(&self.span, ExpressionErrorKind::Unused { name: self.name.to_owned() })
    }
}

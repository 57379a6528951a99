//! The operations of an energy as a graph in which every value is computed once.

use std::collections::HashMap;

use ircpm_ad::log_sum_exp;

use super::functions::{Binary, Unary};

/// Number of a node; its arguments have smaller ones.
pub(super) type Id = u32;

/// A value of the energy's computation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// A number, by its bits.
    Constant(u64),
    /// A coordinate, by its place in a point.
    Coordinate(u32),
    Negation(Id),
    Unary(Unary, Id),
    Binary(Binary, Id, Id),
    LogSumExp(Box<[Id]>),
}

/// Nodes in the order in which they were made. An equal node is not made twice; constants are computed.
#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    known: HashMap<Node, Id>,
}

impl Graph {
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    fn node(&mut self, node: Node) -> Id {
        if let Some(&id) = self.known.get(&node) {
            return id;
        }
        let id = self.nodes.len() as Id;
        self.nodes.push(node.clone());
        self.known.insert(node, id);
        id
    }

    /// The number that a node is, if it depends on no coordinate.
    pub(super) fn value(&self, id: Id) -> Option<f64> {
        match self.nodes[id as usize] {
            Node::Constant(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    pub(super) fn constant(&mut self, x: f64) -> Id {
        self.node(Node::Constant(x.to_bits()))
    }

    pub(super) fn coordinate(&mut self, place: usize) -> Id {
        self.node(Node::Coordinate(place as u32))
    }

    pub(super) fn negation(&mut self, a: Id) -> Id {
        match self.nodes[a as usize] {
            Node::Constant(bits) => self.constant(-f64::from_bits(bits)),
            Node::Negation(b) => b,
            _ => self.node(Node::Negation(a)),
        }
    }

    pub(super) fn unary(&mut self, function: Unary, a: Id) -> Id {
        match self.value(a) {
            Some(x) => self.constant(function.value(x)),
            None => self.node(Node::Unary(function, a)),
        }
    }

    pub(super) fn binary(&mut self, operation: Binary, a: Id, b: Id) -> Id {
        let (x, y) = (self.value(a), self.value(b));
        if let (Some(x), Some(y)) = (x, y) {
            return self.constant(operation.value(x, y));
        }
        match (operation, x, y) {
            (Binary::Add | Binary::Sub, _, Some(0.0)) | (Binary::Mul | Binary::Div, _, Some(1.0)) => {
                return a;
            }
            (Binary::Add, Some(0.0), _) | (Binary::Mul, Some(1.0), _) => return b,
            (Binary::Pow, _, Some(y)) => {
                if let Some(power) = self.integer_power(a, y) {
                    return power;
                }
            }
            _ => {}
        }
        // Sums and products have the same bits in either order.
        let swapped = matches!(operation, Binary::Add | Binary::Mul) && a > b;
        let (a, b) = if swapped { (b, a) } else { (a, b) };
        self.node(Node::Binary(operation, a, b))
    }

    /// A small integer power by products, which lanes compute faster than a power, and without a logarithm.
    fn integer_power(&mut self, a: Id, exponent: f64) -> Option<Id> {
        if exponent.fract() != 0.0 || exponent.abs() > 64.0 {
            return None;
        }
        let mut power = self.constant(1.0);
        let (mut square, mut n) = (a, exponent.abs() as u32);
        while n > 0 {
            if n & 1 == 1 {
                power = self.binary(Binary::Mul, power, square);
            }
            n >>= 1;
            if n > 0 {
                square = self.binary(Binary::Mul, square, square);
            }
        }
        if exponent < 0.0 {
            let one = self.constant(1.0);
            power = self.binary(Binary::Div, one, power);
        }
        Some(power)
    }

    pub(super) fn log_sum_exp(&mut self, terms: &[Id]) -> Id {
        let values: Option<Vec<f64>> = terms.iter().map(|&id| self.value(id)).collect();
        match values {
            Some(values) => self.constant(log_sum_exp(&values)),
            None => self.node(Node::LogSumExp(terms.into())),
        }
    }
}

//! An energy as a list of instructions on registers, evaluated over any scalar.

#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

use std::collections::HashMap;

use ircpm_ad::{Scalar, log_sum_exp};

use super::functions::{Binary, Unary};
use super::graph::{Graph, Id, Node};

/// Instructions, and the registers that they work on.
///
/// A register holds a number for each of several packs, so that one instruction is decoded for all of them. The first
/// registers hold the coordinates, the next ones constants; the others are used again once their value is.
#[derive(Clone, Debug)]
pub(super) struct Program {
    coordinates: usize,
    constants: Vec<f64>,
    pub(super) instructions: Vec<Instruction>,
    /// Registers of the terms of all [`Operation::LogSumExp`].
    pub(super) terms: Vec<u32>,
    pub(super) most_terms: usize,
    pub(super) registers: usize,
    output: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction {
    pub(super) operation: Operation,
    /// Register of the first argument, or place of the first term.
    pub(super) a: u32,
    /// Register of the second argument, or number of terms.
    pub(super) b: u32,
    pub(super) out: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    Negation,
    Unary(Unary),
    Binary(Binary),
    /// `a + c`
    Shift(f64),
    /// `a · c`
    Scale(f64),
    /// `a / c`
    Quotient(f64),
    LogSumExp,
}

/// Bytes of registers that stay in a processor's nearest cache beside what else it holds.
pub(super) const NEAR: usize = 24 << 10;

/// Most packs side by side in a register.
pub(super) const MOST_PACKS: usize = 8;

impl Program {
    /// Orders what the node `output` needs, and gives each value a register.
    pub(super) fn new(graph: &Graph, output: Id, coordinates: usize) -> Self {
        Assembly::new(graph, output, coordinates).program(graph, output)
    }

    /// As [`Program::new`], with a register for every value: none is used again, so that all values are there at the end.
    pub(super) fn with_all_values(graph: &Graph, output: Id, coordinates: usize) -> Self {
        let assembly = Assembly { reuse: false, ..Assembly::new(graph, output, coordinates) };
        assembly.program(graph, output)
    }

    /// Place of the energy among the registers.
    pub(super) fn output(&self) -> usize {
        self.output
    }

    /// Number of instructions.
    pub(super) fn len(&self) -> usize {
        self.instructions.len()
    }

    /// Packs of `S` side by side that a register should hold.
    #[inline(always)]
    pub(super) fn packs<S: Scalar>(&self) -> usize {
        (NEAR / (self.registers * size_of::<S>())).clamp(1, MOST_PACKS)
    }

    /// Registers of `packs` packs each; the constants are in place, the coordinates are zero.
    #[inline(always)]
    pub(super) fn file<S: Scalar>(&self, packs: usize) -> Vec<S> {
        let mut file = vec![S::zero(); self.registers * packs + self.most_terms];
        for (i, &constant) in self.constants.iter().enumerate() {
            let start = (self.coordinates + i) * packs;
            for k in 0..packs {
                file[start + k] = S::constant(constant);
            }
        }
        file
    }

    /// Evaluates the first `count` of `packs` packs: coordinate `i` of pack `k` stands in `file[i * packs + k]`. Returns
    /// the place of the energies, one per pack.
    #[inline(always)]
    pub(super) fn run<S: Scalar>(&self, file: &mut [S], packs: usize, count: usize) -> usize {
        for at in 0..self.instructions.len() {
            let Instruction { operation, a, b, out } = self.instructions[at];
            let (a, b, out) = (a as usize * packs, b as usize * packs, out as usize * packs);
            match operation {
                Operation::Negation => {
                    for k in 0..count {
                        file[out + k] = -file[a + k];
                    }
                }
                Operation::Shift(c) => {
                    for k in 0..count {
                        file[out + k] = file[a + k] + c;
                    }
                }
                Operation::Scale(c) => {
                    for k in 0..count {
                        file[out + k] = file[a + k] * c;
                    }
                }
                Operation::Quotient(c) => {
                    for k in 0..count {
                        file[out + k] = file[a + k] / c;
                    }
                }
                Operation::Unary(function) => function.run(file, a, out, count),
                Operation::Binary(operation) => operation.run(file, [a, b], out, count),
                Operation::LogSumExp => {
                    let Instruction { a, b, .. } = self.instructions[at];
                    let terms = &self.terms[a as usize..(a + b) as usize];
                    let scratch = self.registers * packs;
                    for k in 0..count {
                        for i in 0..terms.len() {
                            file[scratch + i] = file[terms[i] as usize * packs + k];
                        }
                        file[out + k] = log_sum_exp(&file[scratch..scratch + terms.len()]);
                    }
                }
            }
        }
        self.output * packs
    }

    /// The energy at one point.
    #[inline(always)]
    pub(super) fn value<S: Scalar>(&self, y: &[S]) -> S {
        let mut file = self.file(1);
        file[..y.len()].copy_from_slice(y);
        let at = self.run(&mut file, 1, 1);
        file[at]
    }
}

/// Where values live while instructions are put in order.
struct Assembly {
    /// The last node that needs each node; zero for those that nothing needs.
    last_use: Vec<Id>,
    register: Vec<u32>,
    constants: Vec<f64>,
    fixed: usize,
    registers: usize,
    free: Vec<u32>,
    /// Whether registers are used again.
    reuse: bool,
}

impl Assembly {
    fn new(graph: &Graph, output: Id, coordinates: usize) -> Self {
        let mut last_use = vec![0; graph.len()];
        last_use[output as usize] = Id::MAX;
        for (id, node) in graph.nodes().iter().enumerate().rev() {
            if last_use[id] > 0 {
                arguments(node, |a| last_use[a as usize] = last_use[a as usize].max(id as Id));
            }
        }
        let mut constants = Vec::new();
        let mut register = vec![0; graph.len()];
        let mut by_bits = HashMap::new();
        let mut place_constant = |a: Id| {
            let Some(value) = graph.value(a) else { return };
            register[a as usize] = *by_bits.entry(value.to_bits()).or_insert_with(|| {
                constants.push(value);
                (coordinates + constants.len() - 1) as u32
            });
        };
        for (id, node) in graph.nodes().iter().enumerate() {
            if last_use[id] > 0 && with_constant(graph, node).is_none() {
                arguments(node, &mut place_constant);
            }
        }
        for (id, node) in graph.nodes().iter().enumerate() {
            if let Node::Coordinate(place) = *node {
                register[id] = place;
            }
        }
        let fixed = coordinates + constants.len();
        Self { last_use, register, constants, fixed, registers: fixed, free: vec![], reuse: true }
    }

    fn program(mut self, graph: &Graph, output: Id) -> Program {
        let (mut instructions, mut terms, mut most_terms) = (Vec::new(), Vec::new(), 0);
        for (id, node) in graph.nodes().iter().enumerate() {
            if self.last_use[id] == 0 || matches!(node, Node::Constant(_) | Node::Coordinate(_)) {
                continue;
            }
            let at = |id: &Id| self.register[*id as usize];
            let (operation, a, b) = match node {
                Node::Constant(_) | Node::Coordinate(_) => continue,
                Node::Negation(a) => (Operation::Negation, at(a), 0),
                Node::Unary(function, a) => (Operation::Unary(*function), at(a), 0),
                Node::Binary(operation, a, b) => match with_constant(graph, node) {
                    Some((operation, a)) => (operation, at(&a), 0),
                    None => (Operation::Binary(*operation), at(a), at(b)),
                },
                Node::LogSumExp(ids) => {
                    let start = terms.len() as u32;
                    terms.extend(ids.iter().map(at));
                    most_terms = most_terms.max(ids.len());
                    (Operation::LogSumExp, start, ids.len() as u32)
                }
            };
            if self.reuse {
                self.release(node, id as Id);
            }
            let out = self.allocate();
            self.register[id] = out;
            instructions.push(Instruction { operation, a, b, out });
        }
        Program {
            coordinates: self.fixed - self.constants.len(),
            output: self.register[output as usize] as usize,
            constants: self.constants,
            instructions,
            terms,
            most_terms,
            registers: self.registers,
        }
    }

    /// Frees the registers of arguments that nothing later needs. The result may take one of them, because an
    /// instruction reads a pack's arguments before it writes that pack's result.
    fn release(&mut self, node: &Node, id: Id) {
        let Self { last_use, register, fixed, free, .. } = self;
        arguments(node, |a| {
            let (last, register) = (&mut last_use[a as usize], register[a as usize]);
            if *last == id && register as usize >= *fixed {
                free.push(register);
                // Once only, even if it is an argument twice.
                *last = 0;
            }
        });
    }

    fn allocate(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.registers += 1;
            (self.registers - 1) as u32
        })
    }
}

/// The operation on one argument that a node is, if its other argument is a constant.
fn with_constant(graph: &Graph, node: &Node) -> Option<(Operation, Id)> {
    let Node::Binary(operation, a, b) = *node else { return None };
    match (operation, graph.value(a), graph.value(b)) {
        (Binary::Add, _, Some(c)) => Some((Operation::Shift(c), a)),
        (Binary::Add, Some(c), _) => Some((Operation::Shift(c), b)),
        (Binary::Sub, _, Some(c)) => Some((Operation::Shift(-c), a)),
        (Binary::Mul, _, Some(c)) => Some((Operation::Scale(c), a)),
        (Binary::Mul, Some(c), _) => Some((Operation::Scale(c), b)),
        (Binary::Div, _, Some(c)) => Some((Operation::Quotient(c), a)),
        _ => None,
    }
}

fn arguments(node: &Node, mut each: impl FnMut(Id)) {
    match node {
        Node::Constant(_) | Node::Coordinate(_) => {}
        Node::Negation(a) | Node::Unary(_, a) => each(*a),
        Node::Binary(_, a, b) => {
            each(*a);
            each(*b);
        }
        Node::LogSumExp(terms) => terms.iter().for_each(|a| each(*a)),
    }
}

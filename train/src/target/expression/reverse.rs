//! Gradients of an energy by one sweep forward and one back, at the cost of a few energies whatever the number of
//! coordinates.

#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

use ircpm_ad::{Dual, Real, Scalar, log_sum_exp};

use super::functions::Binary;
use super::program::{Instruction, MOST_PACKS, NEAR, Operation, Program};

/// Memory for the sweeps through a program with all values. Arrays are `[register][pack]`, the coordinates' registers
/// first.
pub(super) struct Sweep<R> {
    packs: usize,
    /// Values of all registers; those of the coordinates are to be written before a run.
    pub(super) values: Vec<R>,
    /// Derivatives of the energy in all registers, after a run.
    pub(super) adjoints: Vec<R>,
    /// Derivatives of an instruction's result in its two arguments, where the values do not tell: `[register][pack]` of
    /// the result.
    slopes: [Vec<R>; 2],
    /// Two arguments and a result with one derivative, `[of the three][pack]`.
    duals: Vec<Dual<R, 1>>,
    terms: Vec<R>,
}

impl<R: Real> Sweep<R> {
    /// Memory for that program; its constants are in place.
    #[inline(always)]
    pub(super) fn new(program: &Program) -> Self {
        let packs = (NEAR / (2 * program.registers * size_of::<R>())).clamp(1, MOST_PACKS);
        let values = program.file::<R>(packs);
        let zeros = || vec![R::zero(); program.registers * packs];
        Self {
            packs,
            values,
            adjoints: zeros(),
            slopes: [zeros(), zeros()],
            duals: vec![Dual::zero(); 3 * packs],
            terms: vec![R::zero(); program.most_terms],
        }
    }

    /// Packs side by side in a register.
    pub(super) fn packs(&self) -> usize {
        self.packs
    }

    /// Computes values and adjoints of the first `count` packs. Returns the place of the energies among the values.
    #[inline(always)]
    pub(super) fn run(&mut self, program: &Program, count: usize) -> usize {
        for at in 0..program.instructions.len() {
            self.forward(program, program.instructions[at], count);
        }
        for i in 0..self.adjoints.len() {
            self.adjoints[i] = R::zero();
        }
        let output = program.output() * self.packs;
        for k in 0..count {
            self.adjoints[output + k] = R::one();
        }
        for at in (0..program.instructions.len()).rev() {
            self.back(program, program.instructions[at], count);
        }
        output
    }

    #[inline(always)]
    fn forward(&mut self, program: &Program, instruction: Instruction, count: usize) {
        let Instruction { operation, a, b, out } = instruction;
        let (a, b, out) = (a as usize * self.packs, b as usize * self.packs, out as usize * self.packs);
        let packs = self.packs;
        let Self { values, slopes, duals, terms, .. } = self;
        match operation {
            Operation::Negation => {
                for k in 0..count {
                    values[out + k] = -values[a + k];
                }
            }
            Operation::Shift(c) => {
                for k in 0..count {
                    values[out + k] = values[a + k] + c;
                }
            }
            Operation::Scale(c) => {
                for k in 0..count {
                    values[out + k] = values[a + k] * c;
                }
            }
            Operation::Quotient(c) => {
                for k in 0..count {
                    values[out + k] = values[a + k] / c;
                }
            }
            Operation::Unary(function) => {
                for k in 0..count {
                    duals[k] = Dual::variable(values[a + k], 0);
                }
                function.run(duals, 0, 2 * packs, count);
                for k in 0..count {
                    let Dual { re, eps: [slope] } = duals[2 * packs + k];
                    (values[out + k], slopes[0][out + k]) = (re, slope);
                }
            }
            Operation::Binary(operation @ (Binary::Add | Binary::Sub | Binary::Mul | Binary::Div)) => {
                operation.run(values, [a, b], out, count);
            }
            Operation::Binary(operation) => {
                for argument in 0..2 {
                    for k in 0..count {
                        duals[k] = Dual::fixed(values[a + k]);
                        duals[packs + k] = Dual::fixed(values[b + k]);
                        duals[argument * packs + k].eps[0] = R::one();
                    }
                    operation.run(duals, [0, packs], 2 * packs, count);
                    for k in 0..count {
                        let Dual { re, eps: [slope] } = duals[2 * packs + k];
                        (values[out + k], slopes[argument][out + k]) = (re, slope);
                    }
                }
            }
            Operation::LogSumExp => {
                let places = terms_of(program, instruction);
                for k in 0..count {
                    for i in 0..places.len() {
                        terms[i] = values[places[i] as usize * packs + k];
                    }
                    values[out + k] = log_sum_exp(&terms[..places.len()]);
                }
            }
        }
    }

    /// Adds an instruction's part to the adjoints of its arguments. A zero slope stays zero beside an infinite one, as in
    /// [`Scalar::tangent_product`].
    #[inline(always)]
    fn back(&mut self, program: &Program, instruction: Instruction, count: usize) {
        let Instruction { operation, a, b, out } = instruction;
        let (a, b, out) = (a as usize * self.packs, b as usize * self.packs, out as usize * self.packs);
        let packs = self.packs;
        let Self { values, adjoints, slopes, .. } = self;
        for k in 0..count {
            let bar = adjoints[out + k];
            match operation {
                Operation::Negation => adjoints[a + k] -= bar,
                Operation::Shift(_) => adjoints[a + k] += bar,
                Operation::Scale(c) => adjoints[a + k] += R::constant(c).tangent_product(bar),
                Operation::Quotient(c) => adjoints[a + k] += bar / c,
                Operation::Unary(_) => adjoints[a + k] += slopes[0][out + k].tangent_product(bar),
                Operation::Binary(Binary::Add) => {
                    adjoints[a + k] += bar;
                    adjoints[b + k] += bar;
                }
                Operation::Binary(Binary::Sub) => {
                    adjoints[a + k] += bar;
                    adjoints[b + k] -= bar;
                }
                Operation::Binary(Binary::Mul) => {
                    let (x, y) = (values[a + k], values[b + k]);
                    adjoints[a + k] += y.tangent_product(bar);
                    adjoints[b + k] += x.tangent_product(bar);
                }
                Operation::Binary(Binary::Div) => {
                    let quotient = bar / values[b + k];
                    adjoints[a + k] += quotient;
                    adjoints[b + k] -= values[out + k].tangent_product(quotient);
                }
                Operation::Binary(_) => {
                    adjoints[a + k] += slopes[0][out + k].tangent_product(bar);
                    adjoints[b + k] += slopes[1][out + k].tangent_product(bar);
                }
                Operation::LogSumExp => {
                    let places = terms_of(program, instruction);
                    for i in 0..places.len() {
                        let term = places[i] as usize * packs + k;
                        let share = (values[term] - values[out + k]).exp();
                        adjoints[term] += share.tangent_product(bar);
                    }
                }
            }
        }
    }
}

/// Registers of the terms of a [`Operation::LogSumExp`].
#[inline(always)]
fn terms_of(program: &Program, instruction: Instruction) -> &[u32] {
    let Instruction { a, b, .. } = instruction;
    &program.terms[a as usize..(a + b) as usize]
}

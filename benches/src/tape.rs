//! A general reverse-mode tape, the main rival: every operation on a [`Var`] is recorded with its local derivatives.
//!
//! The tape is made to be fast. Constants are not recorded, sums store no derivatives, operations with one variable
//! store one, and memory is reused between samples. A tape over [`Dual`]s carries a Jacobian along; a tape over
//! variables of another tape records its own reverse sweep there, which is how a gradient step is unrolled.

use std::cell::RefCell;
use std::ops::{Add, Div, Mul, Neg, Sub};

use ircpm_ad::elementary::Function;
use ircpm_ad::{Algebra, Dual, Scalar};

/// A number whose operations are recorded on the tape over `S`.
#[derive(Clone, Copy, Debug)]
pub struct Var<S> {
    value: S,
    /// Index of its node on the tape, or [`CONSTANT`] if it has none.
    node: u32,
}

/// In place of a node: the number does not depend on any input.
const CONSTANT: u32 = u32::MAX;
/// In place of an index into [`Tape::partials`]: all derivatives are one.
const ONES: u32 = u32::MAX;

/// One recorded operation.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Nodes of the operands; [`CONSTANT`] where there is none.
    parents: [u32; 2],
    /// Index of its first derivative in [`Tape::partials`], which has one per operand; or [`ONES`].
    partials: u32,
}

/// TapeScalar operations over the scalar `S`.
#[derive(Debug)]
pub struct Tape<S> {
    nodes: Vec<Node>,
    partials: Vec<S>,
    /// Cotangents of the nodes during a reverse sweep; the memory is reused by the next one.
    bars: Vec<S>,
}

impl<S> Default for Tape<S> {
    fn default() -> Self {
        Self { nodes: vec![], partials: vec![], bars: vec![] }
    }
}

/// A scalar over which there is a tape, one per thread.
pub trait TapeScalar: Scalar<Base = f64> {
    /// Runs `f` with this thread's tape.
    fn with_tape<T>(f: impl FnOnce(&mut Tape<Self>) -> T) -> T;
}

/// Declares the tapes. A static cannot be generic, so each type of the list has its own.
macro_rules! tape_scalars {
    ($($type:ty),* $(,)?) => {$(
        impl TapeScalar for $type {
            fn with_tape<T>(f: impl FnOnce(&mut Tape<Self>) -> T) -> T {
                thread_local!(static TAPE: RefCell<Tape<$type>> = RefCell::default());
                TAPE.with_borrow_mut(f)
            }
        }
    )*};
}
tape_scalars!(
    f64,
    Var<f64>,
    Dual<f64, 2>,
    Dual<f64, 4>,
    Dual<f64, 8>,
    Var<Dual<f64, 2>>,
    Var<Dual<f64, 4>>,
    Var<Dual<f64, 8>>,
    Dual<Dual<f64, 2>, 2>,
    Dual<Dual<f64, 4>, 4>,
    Dual<Dual<f64, 8>, 8>,
);

impl<S: TapeScalar> Tape<S> {
    fn record(&mut self, parents: [u32; 2], partials: u32) -> u32 {
        self.nodes.push(Node { parents, partials });
        u32::try_from(self.nodes.len() - 1).expect("a tape of at most 2³² operations")
    }

    fn store(&mut self, partials: &[S]) -> u32 {
        let start = u32::try_from(self.partials.len()).expect("a tape of at most 2³² derivatives");
        self.partials.extend_from_slice(partials);
        start
    }

    /// Computes the cotangents of all nodes from those of `outputs`; `through(partial, bar)` is the chain rule.
    fn sweep(&mut self, outputs: &[(Var<S>, S)], through: impl Fn(S, S) -> S) {
        self.bars.clear();
        self.bars.resize(self.nodes.len(), S::zero());
        for &(output, bar) in outputs.iter().filter(|(output, _)| output.node != CONSTANT) {
            self.bars[output.node as usize] += bar;
        }
        for i in (0..self.nodes.len()).rev() {
            let Node { parents, partials } = self.nodes[i];
            let bar = self.bars[i];
            for (k, &parent) in parents.iter().enumerate().filter(|(_, parent)| **parent != CONSTANT) {
                let share =
                    if partials == ONES { bar } else { through(self.partials[partials as usize + k], bar) };
                self.bars[parent as usize] += share;
            }
        }
    }

    fn bytes(&self) -> usize {
        self.nodes.len() * size_of::<Node>() + self.partials.len() * size_of::<S>()
    }
}

/// Bytes of the operations recorded on this thread's tape over `S`, without the cotangents of a reverse sweep.
pub fn bytes<S: TapeScalar>() -> usize {
    S::with_tape(|tape| tape.bytes())
}

/// Empties this thread's tape over `S`, and keeps its memory.
pub fn clear<S: TapeScalar>() {
    S::with_tape(|tape| {
        tape.nodes.clear();
        tape.partials.clear();
    });
}

/// Derivatives of `output` in the inputs, as numbers of `S`, by reverse mode over the ring `S`.
///
/// # Panics
/// If an input is a constant.
pub fn gradient<S: TapeScalar>(output: Var<S>, inputs: &[Var<S>]) -> Vec<S> {
    reverse(&[(output, S::one())], inputs, |partial, bar| partial * bar)
}

/// Cotangents of the inputs from those of the outputs, in the dual space of the algebra `S`.
///
/// # Panics
/// As [`gradient`].
pub fn pull_back<S: TapeScalar + Algebra>(outputs: &[(Var<S>, S)], inputs: &[Var<S>]) -> Vec<S> {
    reverse(outputs, inputs, S::act)
}

fn reverse<S: TapeScalar>(outputs: &[(Var<S>, S)], inputs: &[Var<S>], through: impl Fn(S, S) -> S) -> Vec<S> {
    S::with_tape(|tape| {
        tape.sweep(outputs, through);
        inputs.iter().map(|input| tape.bars[input.node as usize]).collect()
    })
}

impl<S: TapeScalar> Var<S> {
    /// An input: a number to differentiate with respect to.
    pub fn input(value: S) -> Self {
        Self { value, node: S::with_tape(|tape| tape.record([CONSTANT; 2], ONES)) }
    }

    /// A constant, which is not recorded.
    pub fn fixed(value: S) -> Self {
        Self { value, node: CONSTANT }
    }

    /// The number without its node.
    pub fn primal(self) -> S {
        self.value
    }

    /// Records `value`, which depends on `self` alone with the derivative `partial`.
    fn unary(self, value: S, partial: S) -> Self {
        if self.node == CONSTANT {
            return Self::fixed(value);
        }
        let node = S::with_tape(|tape| {
            let partials = tape.store(&[partial]);
            tape.record([self.node, CONSTANT], partials)
        });
        Self { value, node }
    }

    /// Records `value`, which depends on `self` and `other`; no derivative is stored for a constant.
    fn binary(self, other: Self, value: S, partials: impl FnOnce() -> [S; 2]) -> Self {
        match (self.node, other.node) {
            (CONSTANT, CONSTANT) => Self::fixed(value),
            (_, CONSTANT) => self.unary(value, partials()[0]),
            (CONSTANT, _) => other.unary(value, partials()[1]),
            (a, b) => {
                let partials = partials();
                let node = S::with_tape(|tape| {
                    let partials = tape.store(&partials);
                    tape.record([a, b], partials)
                });
                Self { value, node }
            }
        }
    }
}

impl<S: TapeScalar> Add for Var<S> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let value = self.value + other.value;
        let node = match (self.node, other.node) {
            (node, CONSTANT) | (CONSTANT, node) => node,
            (a, b) => S::with_tape(|tape| tape.record([a, b], ONES)),
        };
        Self { value, node }
    }
}

impl<S: TapeScalar> Sub for Var<S> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        let value = self.value - other.value;
        if other.node == CONSTANT {
            return Self { value, node: self.node };
        }
        self.binary(other, value, || [S::one(), -S::one()])
    }
}

impl<S: TapeScalar> Mul for Var<S> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        self.binary(other, self.value * other.value, || [other.value, self.value])
    }
}

impl<S: TapeScalar> Div for Var<S> {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        self.binary(other, value, || [other.value.recip(), -(value / other.value)])
    }
}

impl<S: TapeScalar> Neg for Var<S> {
    type Output = Self;
    fn neg(self) -> Self {
        self.unary(-self.value, -S::one())
    }
}

impl<S: TapeScalar> Add<f64> for Var<S> {
    type Output = Self;
    fn add(self, c: f64) -> Self {
        Self { value: self.value + c, node: self.node }
    }
}

impl<S: TapeScalar> Sub<f64> for Var<S> {
    type Output = Self;
    fn sub(self, c: f64) -> Self {
        Self { value: self.value - c, node: self.node }
    }
}

impl<S: TapeScalar> Mul<f64> for Var<S> {
    type Output = Self;
    fn mul(self, c: f64) -> Self {
        self.unary(self.value * c, S::constant(c))
    }
}

impl<S: TapeScalar> Div<f64> for Var<S> {
    type Output = Self;
    fn div(self, c: f64) -> Self {
        self.unary(self.value / c, S::constant(1.0 / c))
    }
}

impl<S: TapeScalar> From<f64> for Var<S> {
    fn from(x: f64) -> Self {
        Self::fixed(S::constant(x))
    }
}

ircpm_ad::derived_operators!([S: TapeScalar] Var<S>);

impl<S: TapeScalar> Scalar for Var<S> {
    type Base = f64;

    const ORDER: usize = S::ORDER;

    fn constant(x: f64) -> Self {
        Self::fixed(S::constant(x))
    }
    fn from_base(x: f64) -> Self {
        Self::fixed(S::from_base(x))
    }
    fn value(self) -> f64 {
        self.value.value()
    }
    fn scale(self, w: f64) -> Self {
        self * w
    }
    fn select_gt(a: f64, b: f64, if_greater: Self, otherwise: Self) -> Self {
        if a > b { if_greater } else { otherwise }
    }
    fn apply<F: Function<Self::Base>>(self, f: F) -> Self {
        self.unary(self.value.apply(f), f.derivative(self.value))
    }
    fn is_finite(self) -> bool {
        self.value.is_finite()
    }
    fn times_tangent(self, tangent: Self) -> Self {
        self * tangent
    }
    fn tangent_product(self, other: Self) -> Self {
        self * other
    }
}

#[cfg(test)]
mod tests {
    use ircpm_ad::derivative;

    use super::*;

    /// A function of every operation of the tape, with constants on either side.
    struct All;

    impl derivative::ScalarField for All {
        fn eval<S: Scalar>(&self, x: &[S]) -> S {
            let two = S::constant(2.0);
            let mut y = (x[0] * x[1] - x[1] / x[0]) * two + two * x[1].sin() - (two - x[0]) / (x[1] + 3.0);
            y += (-x[0]).exp() * 0.5 + two;
            y -= x[1].scale(S::Base::constant(0.25)) / 3.0 - 1.0;
            y *= x[0].softplus();
            S::select_gt(x[0].value(), x[1].value(), y * y, y + x[1].powi(3))
        }
    }

    /// Values are of order ten, from some twenty operations.
    const TOLERANCE: f64 = 1e-12;

    #[test]
    fn tape_gradient_matches_duals_for_every_operation() {
        for point in [[0.7, 0.3], [0.4, 1.1]] {
            clear::<f64>();
            let x = point.map(Var::input);
            let reverse = gradient(derivative::ScalarField::eval(&All, &x), &x);
            let (_, forward) = derivative::gradient(&All, &point);
            for (a, b) in reverse.iter().zip(&forward) {
                assert!((a - b).abs() < TOLERANCE, "at {point:?}: {reverse:?} {forward:?}");
            }
        }
    }

    #[test]
    fn tape_over_a_tape_gives_second_derivatives() {
        let point = [0.7, 0.3];
        clear::<f64>();
        clear::<Var<f64>>();
        let inner = point.map(Var::input);
        let outer = inner.map(Var::input);
        let slope = gradient(derivative::ScalarField::eval(&All, &outer), &outer);
        let (_, _, hessian) = derivative::hessian(&All, &point);
        for i in 0..2 {
            for (j, second) in gradient(slope[i], &inner).into_iter().enumerate() {
                assert!((second - hessian[2 * i + j]).abs() < TOLERANCE, "{i} {j}: {second} {hessian:?}");
            }
        }
    }

    #[test]
    fn tape_over_duals_pulls_mixed_derivatives_back() {
        let point = [0.7, 0.3];
        clear::<Dual<f64, 2>>();
        let x: [Var<Dual<f64, 2>>; 2] = std::array::from_fn(|i| Var::input(Dual::variable(point[i], i)));
        let y = derivative::ScalarField::eval(&All, &x);
        let (_, gradient, hessian) = derivative::hessian(&All, &point);
        // A cotangent of ∂₁y alone gives a row of the Hessian, and in the seeds' places the gradient.
        let bars = pull_back(&[(y, Dual::new(0.0, [0.0, 1.0]))], &x);
        for i in 0..2 {
            assert!((bars[i].re - hessian[2 + i]).abs() < TOLERANCE, "{bars:?} {hessian:?}");
            assert!((bars[i].eps[1] - gradient[i]).abs() < TOLERANCE, "{bars:?} {gradient:?}");
        }
    }
}

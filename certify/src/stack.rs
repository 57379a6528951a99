//! Stacks of layers.

use std::ops::ControlFlow;

use ircpm_flow::Expression;

use crate::layer::Layer;
use crate::options::{Options, Progress};
use crate::search::{Outcome, Verdict};

/// What is proven of a stack.
#[derive(Clone, Debug, PartialEq)]
pub struct StackVerdict {
    /// The layers that were looked at, the first applied first: up to the first one that is not certified.
    pub layers: Vec<Outcome>,
    /// Whether all layers are certified, so that the stack is a diffeomorphism.
    pub certified: bool,
}

/// Certifies the layers one after the other, and stops at the first that is not.
///
/// A composition of diffeomorphisms is one. If a layer is refuted, so is the stack: the inverse maps of the other
/// layers have degree one, hence are onto, so that some point meets the fold.
pub fn certify_stack<E: Expression, const D: usize>(
    layers: &[Layer<'_, E, D>],
    options: &Options,
    progress: &dyn Fn(usize, &Progress) -> ControlFlow<()>,
) -> StackVerdict {
    let mut outcomes = Vec::with_capacity(layers.len());
    for (number, layer) in layers.iter().enumerate() {
        let outcome = layer.certify(options, &|state| progress(number, state));
        let certified = matches!(outcome.verdict, Verdict::Certified { .. });
        outcomes.push(outcome);
        if !certified {
            return StackVerdict { layers: outcomes, certified: false };
        }
    }
    StackVerdict { layers: outcomes, certified: true }
}

//! What a certificate is about: the potentials of a map's layers, as plain data.

use std::fmt::{self, Display, Formatter};

/// The map: layers on a torus, the first applied first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Map {
    /// Number of angles.
    pub(crate) dimension: usize,
    /// How many times the layers are applied one after the other.
    pub(crate) copies: u32,
    /// What all layers have in common.
    pub(crate) potential: Potential,
    /// The layers.
    pub(crate) layers: Vec<Layer>,
}

/// A kind of potential.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Potential {
    /// A network, averaged over isometries.
    Network(Network),
    /// Sums of functions, which are each layer's own.
    Linear,
}

/// `psi(z) = n⁻¹ Σ_g mlp(features(g z))/scale` over `n` elements `g`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Network {
    /// The features are `cos m·θ` and `sin m·θ` of each row `m`.
    pub(crate) waves: Vec<Vec<i32>>,
    /// Widths of the hidden layers, of units `ln(1 + e^x)`.
    pub(crate) hidden: Vec<usize>,
    /// The output scale.
    pub(crate) scale: f64,
    /// The elements.
    pub(crate) elements: Vec<Element>,
}

/// `z ↦ matrix · z + shift`, with a signed permutation matrix.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Element {
    /// Row-major.
    pub(crate) matrix: Vec<i32>,
    /// In radians.
    pub(crate) shift: Vec<f64>,
}

/// `Σ aₖ φₖ` over the functions `√2 cos m·θ` and `√2 sin m·θ` of each row `m`, then `exp(κ Σᵢ (cos(θᵢ − cᵢ) − 1))/κ` of
/// each bump.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Terms {
    /// The rows `m`.
    pub(crate) waves: Vec<Vec<i32>>,
    /// Concentration `κ` and centre `c`, in radians, of each bump.
    pub(crate) bumps: Vec<(f64, Vec<f64>)>,
}

/// A layer and what is claimed of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layer {
    /// The functions of a linear potential; empty for a network.
    pub(crate) terms: Terms,
    /// The parameters.
    pub(crate) theta: Vec<f64>,
    /// What no eigenvalue of `1 + Hess psi` is below.
    pub(crate) bound: f64,
    /// How the torus was cut.
    pub(crate) record: Record,
}

/// How a search cut the torus.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    /// The first grid has `2^first_depth` cells per angle.
    pub(crate) first_depth: u32,
    /// For each cell, first come first served, 0 if it was not cut, `k + 1` if it was halved along angle `k`.
    pub(crate) steps: Vec<u8>,
}

impl Network {
    /// Number of parameters; none if there are too many to count.
    pub(crate) fn parameters(&self) -> Option<usize> {
        let (mut sum, mut inputs) = (0_usize, 2 * self.waves.len());
        for &outputs in self.hidden.iter().chain([&1]) {
            sum = sum.checked_add(outputs.checked_mul(inputs.checked_add(1)?)?)?;
            inputs = outputs;
        }
        Some(sum)
    }
}

impl Terms {
    /// Number of parameters.
    pub(crate) fn parameters(&self) -> usize {
        2 * self.waves.len() + self.bumps.len()
    }
}

impl Display for Map {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let layers = self.layers.len();
        match &self.potential {
            Potential::Network(Network { waves, hidden, scale, elements }) => write!(
                f,
                "{layers} layer(s) of a network: cos and sin of {waves:?}, hidden layers {hidden:?}, output scale {scale}, \
                 {} group element(s)",
                elements.len()
            ),
            Potential::Linear => {
                let parameters: Vec<usize> = self.layers.iter().map(|layer| layer.theta.len()).collect();
                write!(f, "{layers} linear layer(s) of {parameters:?} waves and bumps")
            }
        }
    }
}

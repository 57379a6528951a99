//! What a certificate is about: the potentials of a map's layers, as plain data.

use std::fmt::{self, Display, Formatter};

use crate::manifold::Manifold;

/// The map: layers on a manifold, the first applied first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Map {
    /// A product of tori and spheres.
    pub(crate) manifold: Manifold,
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
    /// What the network sees.
    pub(crate) features: Vec<Feature>,
    /// Widths of the hidden layers, of units `ln(1 + e^x)`.
    pub(crate) hidden: Vec<usize>,
    /// The output scale.
    pub(crate) scale: f64,
    /// The elements.
    pub(crate) elements: Vec<Element>,
}

/// What a network sees of a point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Feature {
    /// `cos m·θ` and `sin m·θ` of a row `m`, one integer per angle.
    Wave(Vec<i32>),
    /// A coordinate of a unit vector, by its number among all coordinates of a point.
    Coordinate(usize),
}

/// `z ↦ matrix · z + shift` for all coordinates `z` of a point. Rows of angles have one entry that is not zero, ±1 and of an
/// angle; rows of unit vectors have entries of unit vectors, and no shift.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Element {
    /// Row-major.
    pub(crate) matrix: Vec<f64>,
    /// In radians.
    pub(crate) shift: Vec<f64>,
}

/// `Σ aₖ φₖ` over the functions of each row, zonal harmonic and bump, in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Terms {
    /// Rows `m`, one integer per angle, of the functions `√2 cos m·θ` and `√2 sin m·θ`.
    pub(crate) waves: Vec<Vec<i32>>,
    /// Zonal harmonics.
    pub(crate) zonals: Vec<Zonal>,
    /// Bumps.
    pub(crate) bumps: Vec<Bump>,
}

/// `Pₗ(c·y)` of a unit vector `y` for several degrees `l`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Zonal {
    /// The vector's first coordinate, among all coordinates of a point.
    pub(crate) first: usize,
    /// The centre `c`.
    pub(crate) centre: Vec<f64>,
    /// Lowest and highest degree.
    pub(crate) degrees: [usize; 2],
}

/// `exp(κ Σ (cos(θᵢ − cᵢ) − 1) + κ Σ (c·y − 1))/κ` over all angles and all unit vectors `y`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bump {
    /// The concentration `κ`.
    pub(crate) kappa: f64,
    /// The centre: all coordinates of a point.
    pub(crate) centre: Vec<f64>,
}

/// A layer and what is claimed of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layer {
    /// The functions of a linear potential; empty for a network.
    pub(crate) terms: Terms,
    /// The parameters.
    pub(crate) theta: Vec<f64>,
    /// What no eigenvalue of `Hess c + Hess psi` is below.
    pub(crate) bound: f64,
    /// How the manifold was cut.
    pub(crate) record: Record,
}

/// How a search cut the manifold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    /// The first grid has `2^first_depth` cells per angle, and a quarter as many per side of a face.
    pub(crate) first_depth: u32,
    /// For each cell, first come first served, 0 if it was not cut, `k + 1` if it was halved along coordinate `k` of its chart.
    pub(crate) steps: Vec<u8>,
}

impl Network {
    /// Number of parameters; none if there are too many to count.
    pub(crate) fn parameters(&self) -> Option<usize> {
        let (mut sum, mut inputs) = (0_usize, self.features.iter().map(Feature::len).sum::<usize>());
        for &outputs in self.hidden.iter().chain([&1]) {
            sum = sum.checked_add(outputs.checked_mul(inputs.checked_add(1)?)?)?;
            inputs = outputs;
        }
        Some(sum)
    }
}

impl Feature {
    /// Number of values.
    fn len(&self) -> usize {
        match self {
            Self::Wave(_) => 2,
            Self::Coordinate(_) => 1,
        }
    }
}

impl Terms {
    /// Number of parameters.
    pub(crate) fn parameters(&self) -> usize {
        2 * self.waves.len() + self.zonals.iter().map(Zonal::functions).sum::<usize>() + self.bumps.len()
    }
}

impl Zonal {
    /// Number of functions.
    pub(crate) fn functions(&self) -> usize {
        self.degrees[1] - self.degrees[0] + 1
    }
}

impl Display for Feature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wave(row) => write!(f, "cos and sin of {row:?}"),
            Self::Coordinate(i) => write!(f, "coordinate {}", i + 1),
        }
    }
}

impl Display for Map {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let layers = self.layers.len();
        match &self.potential {
            Potential::Network(Network { features, hidden, scale, elements }) => {
                let features: Vec<String> = features.iter().map(Feature::to_string).collect();
                write!(
                    f,
                    "{layers} layer(s) of a network: {}; hidden layers {hidden:?}, output scale {scale}, {} group element(s)",
                    features.join(", "),
                    elements.len()
                )
            }
            Potential::Linear => {
                let parameters: Vec<usize> = self.layers.iter().map(|layer| layer.theta.len()).collect();
                write!(f, "{layers} linear layer(s) of {parameters:?} waves, zonal harmonics and bumps")
            }
        }
    }
}

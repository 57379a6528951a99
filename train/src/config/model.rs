//! The stack of layers and what psi is, as a configuration names them.

use ircpm_flow::{Features as FlowFeatures, Symmetry};
use serde::{Deserialize, Serialize, Serializer};

use super::{AUTO, check};

/// The stack of layers and their networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// What psi is: linear in its parameters, or a network.
    pub potential: Potential,
    /// Number of layers, 1 to 64, or `auto`: as many as training finds use for.
    #[serde(deserialize_with = "check::layers")]
    pub layers: Layers,
    /// Whether all layers have the same parameters.
    pub shared: bool,
    /// Width of each hidden layer, 1 to 4096; at most 16 of them.
    #[serde(deserialize_with = "check::hidden")]
    pub hidden: Vec<usize>,
    /// What the network sees of a point.
    pub features: Features,
    /// Isometries that leave the density as it is, one or a list of them, such as `"Oh"` or `["shifts", "inversion"]`:
    /// see [`Symmetry`]. The target is refused if it does not have them. Of networks alone.
    #[serde(with = "check::symmetry", skip_serializing_if = "Vec::is_empty")]
    pub symmetry: Vec<Symmetry>,
    /// The potential is the network's output divided by this: a large value starts near the identity.
    #[serde(deserialize_with = "check::positive")]
    pub output_scale: f64,
}

/// What psi is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Potential {
    /// Linear for points; a network for targets, and where a key of a network or of its training is set.
    Auto,
    /// A network of the features.
    Network,
    /// A combination of waves, spherical harmonics, bumps and polynomials: see [`crate::convex`]. For points alone.
    Linear,
}

/// How many layers a stack has. Written `"auto"` or as an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layers {
    /// One at first; least squares add more where training cannot do with those that are there. One for other
    /// optimisers, and where all layers have the same parameters.
    Auto,
    /// That many, 1 to 64.
    Fixed(usize),
}

impl Layers {
    /// Number of layers that training begins with.
    pub fn at_first(self) -> usize {
        match self {
            Self::Auto => 1,
            Self::Fixed(layers) => layers,
        }
    }
}

impl Serialize for Layers {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Auto => output.serialize_str(AUTO),
            Self::Fixed(layers) => output.serialize_u64(layers as u64),
        }
    }
}

/// What the network sees of a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Features {
    /// Ambient coordinates.
    Coordinates,
    /// Some of the ambient coordinates: invariant under isometries that move only the others.
    Subset {
        /// Indices of the coordinates, from 0.
        coordinates: Vec<usize>,
    },
    /// `cos kθ`, `sin kθ` of each angle.
    Harmonics {
        /// Largest `k`, 1 to 64.
        #[serde(deserialize_with = "check::order")]
        order: usize,
    },
    /// `cos ks`, `sin ks` of integer combinations `s` of the angles: invariant under translations that keep each `s`.
    #[serde(alias = "invariant")]
    Combinations {
        /// The integers, one row for each combination.
        #[serde(deserialize_with = "check::directions")]
        directions: Vec<Vec<i32>>,
        /// Largest `k`, 1 to 64.
        #[serde(deserialize_with = "check::order")]
        order: usize,
    },
}

impl From<Features> for FlowFeatures {
    fn from(features: Features) -> Self {
        match features {
            Features::Coordinates => Self::Coordinates,
            Features::Subset { coordinates } => Self::Subset { coordinates },
            Features::Harmonics { order } => Self::Harmonics { order },
            Features::Combinations { directions, order } => Self::Combinations { directions, order },
        }
    }
}

impl Default for ModelConfig {
    fn default() -> Self {
        let features = Features::Harmonics { order: 1 };
        Self {
            potential: Potential::Auto,
            layers: Layers::Auto,
            shared: false,
            hidden: vec![16, 16],
            features,
            symmetry: vec![],
            output_scale: 1.0,
        }
    }
}

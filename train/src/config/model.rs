//! The stack of layers and what psi is, as a configuration names them.

use ircpm_flow::{Features as FlowFeatures, Flow, FlowError, FlowSpec, Shape, Symmetry};
use serde::{Deserialize, Serialize, Serializer};

use super::{AUTO, check};
use crate::points::{Generator, Sequence, Spread, base_points};
use crate::target::Target;

/// The stack of layers and their networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// What psi is: linear in its parameters, a network, or charges of a lattice.
    pub potential: Potential,
    /// Which charges, of [`Potential::Charges`]: those of every layer in order, or one for all layers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub charges: Vec<ChargesConfig>,
    /// Limit on the largest eigenvalue of `−Hess psi` of charges while they are trained, between 0 and 1: see
    /// [`ircpm_lattice::wall`].
    #[serde(deserialize_with = "check::wall", skip_serializing_if = "is_default_wall")]
    pub wall: f64,
    /// Number of layers, 1 to 64, or `auto`: as many as training finds use for.
    #[serde(deserialize_with = "check::layers")]
    pub layers: Layers,
    /// Whether all layers have the same parameters.
    pub shared: bool,
    /// What psi takes from the target's energy, beside a network or instead of one; nothing by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy: Option<EnergyShape>,
    /// Width of each hidden layer, 1 to 4096; at most 16 of them. None for no network, where psi is a function of the
    /// energy.
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

/// Default of [`ModelConfig::wall`].
const WALL: f64 = 0.95;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_default_wall(wall: &f64) -> bool {
    *wall == WALL
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
    /// A sum of local terms on a torus of any dimension: cosines of integer combinations of a few angles, see
    /// [`ircpm_lattice::Charges`], or networks on windows, see [`ircpm_lattice::Windows`]. For targets alone.
    Charges,
}

/// The charges of a layer: which angles are neighbours, and which integer combinations of neighbours are taken; or
/// windows of neighbours, whose angles a network reads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChargesConfig {
    /// The angles in a row, or on a circle.
    Chain(ChainConfig),
    /// The angles row by row on a periodic square.
    Square(SquareConfig),
    /// Each angle by itself.
    Sites(DegreeConfig),
    /// The sum of all angles.
    Total(DegreeConfig),
    /// Each difference of neighbours in a row by itself, in a layer that sees the differences as its coordinates.
    Bonds(DegreeConfig),
    /// The difference of the last angle and the first, in such a layer.
    Closure(DegreeConfig),
    /// A network on the angles of neighbours in a row, or on a circle.
    ChainWindows(ChainWindowsConfig),
    /// A network on the angles of neighbours on a periodic square.
    SquareWindows(SquareWindowsConfig),
}

impl ChargesConfig {
    /// Whether a layer of these sees differences of neighbours as its coordinates.
    pub fn sees_differences(&self) -> bool {
        matches!(self, Self::Bonds(_) | Self::Closure(_))
    }
}

/// See [`ircpm_lattice::Chain`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChainConfig {
    /// Largest distance between two angles of a combination, 1 to 8.
    #[serde(deserialize_with = "check::range")]
    pub range: usize,
    /// Largest sum of the absolute values of a combination's integers, 1 to 16.
    #[serde(deserialize_with = "check::degree")]
    pub degree: u32,
    /// Whether the last angle is a neighbour of the first.
    pub closed: bool,
    /// Whether the integers of a combination sum to zero.
    pub differences: bool,
    /// Distance from the end of an open chain at which parameters no longer depend on it, 1 to 64.
    #[serde(deserialize_with = "check::order")]
    pub boundary: usize,
}

/// See [`ircpm_lattice::Square`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SquareConfig {
    /// Largest sum of the absolute values of a combination's integers, 1 to 16.
    #[serde(deserialize_with = "check::degree")]
    pub degree: u32,
    /// Whether the integers of a combination sum to zero.
    pub differences: bool,
    /// Whether combinations of the four corners of a plaquette are taken.
    pub plaquette: bool,
    /// Whether combinations of a site and its four neighbours are taken.
    pub plus: bool,
    /// Whether combinations of two plaquettes side by side are taken.
    pub block: bool,
    /// How far apart in both directions two angles may be whose combinations are taken; zero for neighbours alone.
    pub pairs: usize,
    /// Stiffness of the bonds in the metric of the torus, 0 to 1e4: see [`ircpm_lattice::Metric`].
    #[serde(deserialize_with = "check::stiffness")]
    pub stiffness: f64,
}

/// How many multiples of an angle are taken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DegreeConfig {
    /// Largest multiple, 1 to 16.
    #[serde(deserialize_with = "check::degree")]
    pub degree: u32,
}

/// See [`ircpm_lattice::ChainWindows`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChainWindowsConfig {
    /// Distance from the first angle of a window to the last, 1 to 8; the network may read 5 inputs.
    #[serde(deserialize_with = "check::range")]
    pub range: usize,
    /// Whether the last angle is a neighbour of the first.
    pub closed: bool,
    /// Whether the network reads differences of angles to the window's first one.
    pub differences: bool,
    /// Distance from the end of an open chain at which parameters no longer depend on it, 1 to 64.
    #[serde(deserialize_with = "check::order")]
    pub boundary: usize,
    /// The network.
    pub network: PerceptronConfig,
}

/// See [`ircpm_lattice::SquareWindows`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SquareWindowsConfig {
    /// Whether the four corners of a plaquette are a window.
    pub plaquette: bool,
    /// Whether a site and its four neighbours are a window.
    pub plus: bool,
    /// Whether two plaquettes side by side are a window, which takes differences.
    pub block: bool,
    /// Whether the network reads differences of angles to the window's first one.
    pub differences: bool,
    /// The network.
    pub network: PerceptronConfig,
}

/// The network of a window: see [`ircpm_lattice::Perceptron`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PerceptronConfig {
    /// Units of a hidden layer, 1 to 64.
    #[serde(deserialize_with = "check::order")]
    pub width: usize,
    /// Number of hidden layers, 1 to 8.
    #[serde(deserialize_with = "check::range")]
    pub depth: usize,
    /// Largest multiple of an input whose cosine and sine are read, 1 to 64.
    #[serde(deserialize_with = "check::order")]
    pub order: usize,
}

impl Default for PerceptronConfig {
    fn default() -> Self {
        Self { width: 12, depth: 1, order: 1 }
    }
}

impl Default for ChainWindowsConfig {
    fn default() -> Self {
        Self {
            range: 2,
            closed: false,
            differences: false,
            boundary: 4,
            network: PerceptronConfig::default(),
        }
    }
}

impl Default for SquareWindowsConfig {
    fn default() -> Self {
        Self {
            plaquette: true,
            plus: true,
            block: false,
            differences: true,
            network: PerceptronConfig::default(),
        }
    }
}

impl Default for ChainConfig {
    fn default() -> Self {
        Self { range: 2, degree: 4, closed: false, differences: false, boundary: 4 }
    }
}

impl Default for SquareConfig {
    fn default() -> Self {
        Self {
            degree: 4,
            differences: true,
            plaquette: true,
            plus: true,
            block: false,
            pairs: 0,
            stiffness: 0.0,
        }
    }
}

impl Default for DegreeConfig {
    fn default() -> Self {
        Self { degree: 8 }
    }
}

/// How psi depends on the energy `u` of the target (section 3.3 of arXiv:2110.01288): `psi = f(u)`, and a network added
/// to it if there are hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnergyShape {
    /// `f(u) = a u`: one parameter.
    Multiple,
    /// A smooth increasing function whose slope changes once: four parameters, see [`ircpm_flow::Shape::Slopes`].
    Slopes,
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

impl ModelConfig {
    /// The flow of a specification, whose potential is built from the energy of `target` if it should be.
    ///
    /// # Errors
    /// [`FlowError`] as [`Flow::new`]; without a target that can be differentiated there is no such energy, and the
    /// network stands alone.
    pub(crate) fn flow(&self, spec: FlowSpec, target: Option<&dyn Target>) -> Result<Flow, FlowError> {
        let energy = self.energy.zip(target.and_then(|target| Some((target, target.differentiable()?))));
        match energy {
            Some((form, (target, energy))) => Flow::shaped(spec, energy, shape(form, target)),
            None => Flow::new(spec),
        }
    }
}

/// Points at which energies are compared.
const POINTS: usize = 256;

/// The shape of that form for the energies of a target: their mean and standard deviation over base points are its
/// origin and unit.
fn shape(form: EnergyShape, target: &dyn Target) -> Shape {
    if form == EnergyShape::Multiple {
        return Shape::Multiple;
    }
    let sequence = Sequence::new(Spread::Lattice, POINTS, target.manifold().cube_dim());
    let points = base_points(target.manifold(), &sequence, &mut Generator::from_seed(0));
    let mut u = vec![0.0; POINTS];
    target.energies(&points, &mut u);
    u.retain(|u| u.is_finite());
    let count = u.len().max(1) as f64;
    let origin = u.iter().sum::<f64>() / count;
    let unit = (u.iter().map(|u| (u - origin).powi(2)).sum::<f64>() / count).sqrt();
    Shape::Slopes { origin, unit: if unit > 0.0 && unit.is_finite() { unit } else { 1.0 } }
}

impl Default for ModelConfig {
    fn default() -> Self {
        let features = Features::Harmonics { order: 1 };
        Self {
            potential: Potential::Auto,
            charges: vec![],
            wall: WALL,
            layers: Layers::Auto,
            shared: false,
            energy: None,
            hidden: vec![16, 16],
            features,
            symmetry: vec![],
            output_scale: 1.0,
        }
    }
}

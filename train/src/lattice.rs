//! Flows of lattices: layers whose potentials are charges or windows, as a configuration names them.

use std::ops::Range;
use std::sync::Arc;

use ircpm_flow::{Flow, FlowError, Map, Solver};
use ircpm_lattice::{
    Chain, ChainWindows, Charges, ChargesError, LatticeMap, LatticePotential, Metric, Perceptron, Square,
    SquareWindows, TransferError, Unimodular, UnimodularError,
};
use ircpm_manifolds::{AnyManifold, Coordinates};

use crate::config::{
    ChainConfig, ChainWindowsConfig, ChargesConfig, Config, DegreeConfig, Layers, PerceptronConfig,
    SquareConfig, SquareWindowsConfig,
};

/// A flow whose layers are maps of charges or windows, together with those maps.
#[derive(Clone, Debug)]
pub struct LatticeFlow {
    /// The flow.
    pub flow: Flow,
    /// Its layers, the first applied first, without changes of coordinates between them.
    pub maps: Vec<Arc<LatticeMap>>,
    /// Which of the flow's layers they are.
    places: Vec<usize>,
    /// Limit on the largest eigenvalue of `−Hess psi` while it is trained.
    pub wall: f64,
}

/// Why a manifold has no flow of these charges.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LatticeError {
    /// The manifold is no torus.
    #[error("charges are potentials on a torus, and {manifold} is none: choose potential = \"network\"")]
    NoTorus {
        /// Name of the manifold.
        manifold: String,
    },
    /// The number of angles is no square.
    #[error("a square lattice has a square number of sites, and {sites} is none: choose other charges")]
    NoSquare {
        /// Number of angles.
        sites: usize,
    },
    /// The charges of a layer do not fit.
    #[error("[[model.charges]] of layer {layer}: {source}")]
    Charges {
        /// The layer, counted from 1.
        layer: usize,
        /// What is wrong with them.
        source: ChargesError,
    },
    /// A lattice has no coordinates of differences.
    #[error(transparent)]
    Coordinates(#[from] UnimodularError),
    /// The layers make no flow.
    #[error(transparent)]
    Flow(#[from] FlowError),
}

/// Layers where the configuration leaves their number open and names the charges of one.
const LAYERS: usize = 3;

impl LatticeFlow {
    /// The flow on `manifold` that a configuration describes.
    ///
    /// # Errors
    /// [`LatticeError`] if the manifold is no torus, or of a number of angles that the charges do not fit.
    pub fn new(config: &Config, manifold: &AnyManifold) -> Result<Self, LatticeError> {
        let charges = &config.model.charges;
        let layers = match (config.model.layers, charges.len()) {
            (Layers::Fixed(layers), _) => layers,
            (Layers::Auto, 0 | 1) => LAYERS,
            (Layers::Auto, layers) => layers,
        };
        let of_layer = |layer: usize| charges[layer.min(charges.len() - 1)];
        let layers: Vec<ChargesConfig> = (0..layers).map(of_layer).collect();
        Self::of_layers(&layers, config.model.wall, manifold, config.flow_solver())
    }

    /// The flow of layers with given charges, the first applied first.
    fn of_layers(
        layers: &[ChargesConfig],
        wall: f64,
        manifold: &AnyManifold,
        solver: Solver,
    ) -> Result<Self, LatticeError> {
        let &[Coordinates::Angles(sites)] = &manifold.coordinates()[..] else {
            return Err(LatticeError::NoTorus { manifold: manifold.to_string() });
        };
        let mut maps: Vec<Arc<LatticeMap>> = vec![];
        for (layer, charges) in layers.iter().enumerate() {
            // Equal layers share one map, which is compiled once.
            let same = layers[..layer].iter().position(|other| other == charges);
            let map = match same {
                Some(same) => Arc::clone(&maps[same]),
                None => {
                    let refused = |source| LatticeError::Charges { layer: layer + 1, source };
                    let potential = potential_on(sites, charges)?.map_err(refused)?;
                    let map = match metric_on(sites, charges) {
                        None => LatticeMap::new(potential, solver),
                        Some(metric) => {
                            metric.and_then(|metric| LatticeMap::in_metric(potential, metric, solver))
                        }
                    };
                    Arc::new(map.map_err(refused)?)
                }
            };
            maps.push(map);
        }
        let seen: Vec<bool> = layers.iter().map(ChargesConfig::sees_differences).collect();
        let (erased, places) = with_coordinates(&maps, &seen, sites)?;
        Ok(Self { flow: Flow::from_maps(erased, false)?, maps, places, wall })
    }

    /// The parameters of a layer, counted as [`LatticeFlow::maps`].
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn slot(&self, layer: usize) -> Range<usize> {
        self.flow.slot(self.places[layer])
    }

    /// Parameters of this flow from those of the same one on a smaller or larger lattice.
    ///
    /// # Errors
    /// [`TransferError`] if a class of terms has no counterpart there, if `theta` or the number of layers does not fit, or if
    /// layers are in metrics of other stiffness.
    pub fn parameters_from(&self, other: &Self, theta: &[f64]) -> Result<Vec<f64>, TransferError> {
        let (expected, found) = (other.flow.parameters(), theta.len());
        if expected != found || self.maps.len() != other.maps.len() {
            return Err(TransferError::Parameters { expected, found });
        }
        let mut all = vec![];
        for (layer, (map, of)) in self.maps.iter().zip(&other.maps).enumerate() {
            let (expected, found) = (stiffness_of(map), stiffness_of(of));
            if expected != found {
                return Err(TransferError::Stiffness { layer: layer + 1, expected, found });
            }
            all.extend(map.psi().parameters_from(of.psi(), &theta[other.slot(layer)])?);
        }
        Ok(all)
    }
}

/// The layers of a flow.
type Stack = Vec<Arc<dyn Map>>;

/// Maps with changes of coordinates between them where one sees differences and the next does not, and at the end, and where
/// the maps are. Before the first layer none is needed, because the base is uniform in all coordinates.
fn with_coordinates(
    maps: &[Arc<LatticeMap>],
    sees_differences: &[bool],
    sites: usize,
) -> Result<(Stack, Vec<usize>), LatticeError> {
    let (mut all, mut places): (Stack, _) = (vec![], vec![]);
    let after = sees_differences.iter().skip(1).chain([&false]);
    for ((map, here), next) in maps.iter().zip(sees_differences).zip(after) {
        places.push(all.len());
        all.push(Arc::<LatticeMap>::clone(map));
        if here != next {
            let differences = Unimodular::differences(sites)?;
            all.push(Arc::new(if *next { differences } else { differences.inverted() }));
        }
    }
    Ok((all, places))
}

/// The potential of that many angles.
fn potential_on(
    sites: usize,
    charges: &ChargesConfig,
) -> Result<Result<LatticePotential, ChargesError>, LatticeError> {
    let side = || match sites.isqrt() {
        side if side * side == sites => Ok(side),
        _ => Err(LatticeError::NoSquare { sites }),
    };
    let charges = match *charges {
        ChargesConfig::Chain(ChainConfig { range, degree, closed, differences, boundary }) => {
            Chain { range, degree, closed, differences, boundary }.charges(sites)
        }
        ChargesConfig::Square(SquareConfig {
            degree, differences, plaquette, plus, block, pairs, ..
        }) => Square { degree, differences, plaquette, plus, block, pairs }.charges(side()?),
        ChargesConfig::Sites(DegreeConfig { degree }) => Charges::single_sites(sites, degree),
        ChargesConfig::Total(DegreeConfig { degree }) => Charges::total(sites, degree),
        ChargesConfig::Bonds(DegreeConfig { degree }) => Charges::bonds(sites, degree),
        ChargesConfig::Closure(DegreeConfig { degree }) => Charges::closure(sites, degree),
        ChargesConfig::ChainWindows(ChainWindowsConfig { range, closed, differences, boundary, network }) => {
            let perceptron = perceptron(network);
            let windows = ChainWindows { range, closed, differences, boundary, perceptron }.windows(sites);
            return Ok(windows.map(LatticePotential::from));
        }
        ChargesConfig::SquareWindows(SquareWindowsConfig {
            plaquette,
            plus,
            block,
            differences,
            network,
        }) => {
            let perceptron = perceptron(network);
            let windows = SquareWindows { plaquette, plus, block, differences, perceptron }.windows(side()?);
            return Ok(windows.map(LatticePotential::from));
        }
    };
    Ok(charges.map(LatticePotential::from))
}

/// The metric of the torus in a layer, where it is not `I`.
fn metric_on(sites: usize, charges: &ChargesConfig) -> Option<Result<Metric, ChargesError>> {
    match *charges {
        ChargesConfig::Square(SquareConfig { stiffness, .. }) if stiffness > 0.0 => {
            Some(Metric::new(sites, stiffness, &Square::bonds(sites.isqrt())))
        }
        _ => None,
    }
}

/// The stiffness of a map's metric, zero of `I`.
fn stiffness_of(map: &LatticeMap) -> f64 {
    map.metric().map_or(0.0, Metric::stiffness)
}

fn perceptron(PerceptronConfig { width, depth, order }: PerceptronConfig) -> Perceptron {
    Perceptron { width, depth, order }
}

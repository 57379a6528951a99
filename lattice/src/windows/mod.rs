//! Potentials that are sums of a small network on the angles of windows.

mod bound;
mod chain;
mod square;

use std::collections::HashSet;

use ircpm_ad::Scalar;
use ircpm_flow::{Expression, FeatureMap, Features, Network};
use ircpm_manifolds::{AnyManifold, Coordinates, Torus};

pub use chain::ChainWindows;
pub use square::SquareWindows;

use crate::error::{ChargesError, TransferError};

/// Largest number of inputs of a window's network: angles, or differences of them.
pub const MOST_INPUTS: usize = 5;

/// The network of a window: a perceptron of softplus units, of which every hidden layer has the same width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Perceptron {
    /// Units of a hidden layer.
    pub width: usize,
    /// Number of hidden layers.
    pub depth: usize,
    /// The inputs are `cos kφ` and `sin kφ`, `k = 1..=order`, of every angle or difference `φ`.
    pub order: usize,
}

impl Default for Perceptron {
    /// One layer of 12 units, on cosines and sines themselves.
    fn default() -> Self {
        Self { width: 12, depth: 1, order: 1 }
    }
}

/// One window as it is given: its angles, the class whose parameters its network has, and what its output is multiplied
/// by.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The sites, in the order in which the network reads their angles.
    pub sites: Vec<usize>,
    /// The class, from 0.
    pub class: usize,
    /// The factor of the network's output.
    pub weight: f64,
}

/// What the windows of a class have in common.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    /// Which of the networks.
    pub kind: usize,
    /// The first parameter.
    pub first: usize,
    label: String,
}

/// `psi(y) = Σ_w c_w f(y_w; θ_{k(w)})` on the torus of `D` angles: a network `f` at the angles `y_w` of every window `w`.
///
/// The map `k` ties parameters: windows of one *class* share those of one network, so that their number does not grow
/// with the lattice. The network reads cosines and sines of the angles, or, for `differences`, of the differences of all
/// others to the window's first one, so that the map commutes with rotations of all angles together.
///
/// psi is linear in the output weights of the networks: those are what [`Expression::rescale`] multiplies, and with it
/// the wall.
///
/// It is an [`Expression`], whose value over nested duals is the definition that the fast forms of
/// [`crate::LatticeMap`] are tested against.
#[derive(Clone, Debug)]
pub struct Windows {
    sites: usize,
    perceptron: Perceptron,
    differences: bool,
    /// One network for every number of inputs.
    networks: Vec<Network>,
    classes: Vec<Class>,
    windows: Vec<Window>,
}

impl Windows {
    /// The potential of given windows on `sites` angles, with one label per class.
    ///
    /// # Errors
    /// [`ChargesError`] naming the window or the class that is wrong.
    pub fn new(
        sites: usize,
        (perceptron, differences): (Perceptron, bool),
        windows: Vec<Window>,
        labels: &[String],
    ) -> Result<Self, ChargesError> {
        for (what, number) in
            [("width", perceptron.width), ("depth", perceptron.depth), ("order", perceptron.order)]
        {
            if number == 0 {
                return Err(ChargesError::Zero { lattice: "windows", what });
            }
        }
        if windows.is_empty() {
            return Err(ChargesError::Empty { what: "a window" });
        }
        let fixed = usize::from(differences);
        let mut out = Self { sites, perceptron, differences, networks: vec![], classes: vec![], windows };
        let mut first = 0;
        for (class, label) in labels.iter().enumerate() {
            let Some(window) = out.windows.iter().find(|window| window.class == class) else {
                return Err(ChargesError::NoTerm { class, classes: labels.len() });
            };
            let inputs = window.sites.len().saturating_sub(fixed);
            if !(1..=MOST_INPUTS).contains(&inputs) {
                return Err(ChargesError::Inputs { class, found: inputs, most: MOST_INPUTS });
            }
            let kind = out.kind(inputs);
            out.classes.push(Class { kind, first, label: label.clone() });
            first += out.networks[kind].parameters();
        }
        for (number, window) in out.windows.iter().enumerate() {
            out.check(number, window)?;
        }
        Ok(out)
    }

    /// The network of so many inputs, which is made where it is not there yet.
    fn kind(&mut self, inputs: usize) -> usize {
        let known = self.networks.iter().position(|network| network.inputs() == inputs);
        known.unwrap_or_else(|| {
            let Perceptron { width, depth, order } = self.perceptron;
            let torus = AnyManifold::new(Torus::new(inputs).expect("at least one angle"));
            let features = FeatureMap::new(&Features::Harmonics { order }, &torus);
            let features = features.expect("a torus has harmonics");
            self.networks.push(Network::new(features, &vec![width; depth], 1.0));
            self.networks.len() - 1
        })
    }

    /// Checks that a window's sites are there, that it names none twice, and that it has as many as its class.
    fn check(&self, number: usize, window: &Window) -> Result<(), ChargesError> {
        let Some(class) = self.classes.get(window.class) else {
            return Err(ChargesError::NoTerm { class: self.classes.len(), classes: window.class + 1 });
        };
        let expected = self.networks[class.kind].inputs() + self.fixed();
        if window.sites.len() != expected {
            return Err(ChargesError::WindowSites { window: number, found: window.sites.len(), expected });
        }
        let mut seen = HashSet::new();
        for &site in &window.sites {
            if site >= self.sites {
                return Err(ChargesError::Site { term: number, site, last: self.sites.saturating_sub(1) });
            }
            if !seen.insert(site) {
                return Err(ChargesError::SiteTwice { term: number, site });
            }
        }
        Ok(())
    }

    /// Number `D` of angles.
    pub fn sites(&self) -> usize {
        self.sites
    }

    /// The windows.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// One label per class, the same on lattices of all sizes.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.classes.iter().map(|class| class.label.as_str())
    }

    /// Whether networks read differences of angles, so that the map commutes with rotations of all angles together.
    pub fn is_neutral(&self) -> bool {
        self.differences
    }

    /// Number of a window's angles that are the origin of the others.
    pub(crate) fn fixed(&self) -> usize {
        usize::from(self.differences)
    }

    /// One network for every number of inputs.
    pub(crate) fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// The class of a window.
    pub(crate) fn class(&self, window: &Window) -> &Class {
        &self.classes[window.class]
    }

    /// The parameters of every class's network, with that network.
    fn slots(&self) -> impl Iterator<Item = (&Network, std::ops::Range<usize>)> {
        self.classes.iter().map(|class| {
            let network = &self.networks[class.kind];
            (network, class.first..class.first + network.parameters())
        })
    }

    /// Parameters of this potential from those of the same one on a smaller or larger lattice, class by class.
    ///
    /// # Errors
    /// [`TransferError`] if a class has no counterpart there with a network of the same size, or `theta` has the wrong
    /// length.
    pub fn parameters_from(&self, other: &Self, theta: &[f64]) -> Result<Vec<f64>, TransferError> {
        if theta.len() != other.parameters() {
            return Err(TransferError::Parameters { expected: other.parameters(), found: theta.len() });
        }
        let mut out = vec![];
        for (class, (network, _)) in self.classes.iter().zip(self.slots()) {
            let same = |(of, (there, _)): &(&Class, (&Network, _))| {
                of.label == class.label && there.mlp() == network.mlp()
            };
            let found = other.classes.iter().zip(other.slots()).find(same);
            let missing = || TransferError::Missing { label: class.label.clone() };
            out.extend_from_slice(&theta[found.ok_or_else(missing)?.1.1]);
        }
        Ok(out)
    }

    /// What a window's network reads, from the coordinates of all sites.
    fn inputs_of<S: Scalar>(&self, window: &Window, z: &[S]) -> Vec<S> {
        let of = |&site: &usize| if self.differences { z[site] - z[window.sites[0]] } else { z[site] };
        window.sites[self.fixed()..].iter().map(of).collect()
    }
}

/// `initial` leaves the eigenvalues of `Hess psi` within this.
const INITIAL: f64 = 0.5;

impl Expression for Windows {
    fn inputs(&self) -> usize {
        self.sites
    }

    fn parameters(&self) -> usize {
        self.slots().last().map_or(0, |(_, slot)| slot.end)
    }

    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        let mut sum = S::zero();
        for window in &self.windows {
            let Class { kind, first, .. } = self.classes[window.class];
            let network = &self.networks[kind];
            let theta = &theta[first..first + network.parameters()];
            sum += network.value(theta, &self.inputs_of(window, z)) * window.weight;
        }
        sum
    }

    fn fits(&self, kinds: &[Coordinates]) -> bool {
        kinds.iter().all(|kind| matches!(kind, Coordinates::Angles(_)))
    }

    /// Parameters of perceptrons, the output weights so small that the eigenvalues of `Hess psi` lie within ±0.5
    /// everywhere.
    fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        for (network, slot) in self.slots() {
            network.initial(uniform, &mut theta[slot]);
        }
        let bound = self.curvature_bound(theta);
        self.rescale(theta, INITIAL / bound);
    }

    fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        self.slots().all(|(network, slot)| network.rescale(&mut theta[slot], factor))
    }
}

//! The state of a fit between two layers, from which it goes on to the same bits.

use ircpm_flow::FlowError;

use super::specification::BumpTerm;
use crate::points::Generator;

/// Everything that the next layer depends on, beside the points and the options.
///
/// Points pulled back, frequencies and penalty matrices are not here, because they follow from the points, the options
/// and these numbers. Layers are counted from the data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrowthState {
    /// Number of each layer's penalty, from 0, on the path of penalties.
    pub penalties: Vec<usize>,
    /// Nats per validation point that each layer brings.
    pub gains: Vec<f64>,
    /// The stack of every fold, and last the stack of all points.
    pub members: Vec<MemberState>,
}

/// One stack.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberState {
    /// Its generator after the last layer.
    pub rng: Generator,
    /// Its layers.
    pub layers: Vec<LayerState>,
}

/// One layer of one stack; its points are in the units in which the layers are fitted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerState {
    /// Centres of the bumps, `[bump][coordinate]`.
    pub centres: Vec<f64>,
    /// Concentration of every bump.
    pub concentrations: Vec<f64>,
    /// Parameters.
    pub parameters: Vec<f64>,
    /// Points of the barrier against folds, `[point][coordinate]`.
    pub barrier: Vec<f64>,
    /// Weight of every barrier point.
    pub weights: Vec<f64>,
}

impl LayerState {
    /// Names of the arrays, in the order of [`LayerState::arrays`].
    pub(crate) const NAMES: [&str; 5] = ["centres", "concentrations", "parameters", "barrier", "weights"];

    /// All arrays.
    pub(crate) fn arrays(&self) -> [&[f64]; 5] {
        [&self.centres, &self.concentrations, &self.parameters, &self.barrier, &self.weights]
    }
}

/// A state that a fit cannot go on from.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "the fit cannot go on from its saved layers, because `{name}` {problem}; put back the run's own checkpoint, or remove \
     it to fit the layers anew"
)]
pub struct GrowthError {
    /// Name of the array, as in a checkpoint.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Why a fit cannot go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResumeError {
    /// There are no kernels for the manifold.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// The state is damaged, or of other points or options.
    #[error(transparent)]
    State(#[from] GrowthError),
}

impl GrowthState {
    /// Name, in checkpoints, of an array of one layer of one stack.
    pub(crate) fn name(member: usize, layer: usize, array: &str) -> String {
        format!("growth.{member}.{layer}.{array}")
    }

    /// Checks the numbers of all that there is: stacks, layers, penalties and gains.
    pub(super) fn check(&self, members: usize, layers: usize, penalties: usize) -> Result<(), GrowthError> {
        let error =
            |name: &str, problem: String| Err(GrowthError { name: format!("growth.{name}"), problem });
        let count = self.penalties.len();
        if count > layers {
            return error("penalties", format!("has {count} layers, at most {layers} are fitted"));
        }
        if let Some(k) = self.penalties.iter().find(|&&k| k >= penalties) {
            return error("penalties", format!("holds {k}, at most {} is one", penalties - 1));
        }
        if self.gains.len() != count {
            return error("gains", format!("holds {} numbers for {count} layers", self.gains.len()));
        }
        if let Some(gain) = self.gains.iter().find(|gain| !gain.is_finite()) {
            return error("gains", format!("holds {gain}"));
        }
        if self.members.len() != members {
            return error("members", format!("has {} stacks instead of {members}", self.members.len()));
        }
        match self.members.iter().position(|member| member.layers.len() != count) {
            Some(m) => {
                let found = self.members[m].layers.len();
                error(&m.to_string(), format!("has {found} layers instead of {count}"))
            }
            None => Ok(()),
        }
    }
}

impl LayerState {
    /// The bumps, among points of `ambient` coordinates.
    pub(super) fn bumps(&self, ambient: usize) -> Vec<BumpTerm> {
        let bump = |(centre, &kappa): (&[f64], &f64)| BumpTerm { centre: centre.to_vec(), kappa };
        self.centres.chunks_exact(ambient).zip(&self.concentrations).map(bump).collect()
    }

    /// The array that cannot be one of a layer with at most `bumps` bumps, where points have `ambient` coordinates, and
    /// what is wrong with it.
    pub(super) fn problem(&self, ambient: usize, bumps: usize) -> Option<(&'static str, String)> {
        for (name, array) in Self::NAMES.into_iter().zip(self.arrays()) {
            if let Some(x) = array.iter().find(|x| !x.is_finite()) {
                return Some((name, format!("holds {x}")));
            }
        }
        for (name, weights) in [("concentrations", &self.concentrations), ("weights", &self.weights)] {
            if let Some(x) = weights.iter().find(|x| **x <= 0.0) {
                return Some((name, format!("holds {x}, which is not positive")));
            }
        }
        if self.concentrations.len() > bumps {
            let found = self.concentrations.len();
            return Some((
                "concentrations",
                format!("holds {found} numbers, at most {bumps} bumps are chosen"),
            ));
        }
        if self.weights.is_empty() {
            return Some(("weights", "is empty".to_owned()));
        }
        for (name, points, count) in
            [("centres", &self.centres, &self.concentrations), ("barrier", &self.barrier, &self.weights)]
        {
            if points.len() != ambient * count.len() {
                let needed = ambient * count.len();
                return Some((name, format!("holds {} numbers instead of {needed}", points.len())));
            }
        }
        None
    }
}

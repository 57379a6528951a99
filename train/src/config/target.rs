//! Which density to learn.

use ircpm_manifolds::AnyManifold;
use serde::{Deserialize, Serialize};

use super::{Complaint, check};
use crate::target::{self, Expression, ExpressionError, Parameters, Target};

/// A target density `exp(−β u)`: one of the table by its name, or an energy as text with its manifold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    /// Name of the target, one of [`target::names`].
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "check::target_name")]
    pub name: Option<String>,
    /// Manifold of an energy that is written as text, for example `T2`, `S2` or `T2xS2`.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "check::optional_manifold")]
    pub manifold: Option<AnyManifold>,
    /// The energy `u` as text, over the coordinates of `manifold`: see [`Expression`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy: Option<String>,
    /// Inverse temperature β.
    #[serde(default = "one", deserialize_with = "check::positive")]
    pub beta: f64,
    /// Numbers and lists that `energy` refers to by name.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
}

impl TargetConfig {
    /// The target; none if the table has none of that name, or if neither a name nor an energy is given.
    ///
    /// # Errors
    /// [`ExpressionError`] for a text that is no energy.
    pub fn target(&self) -> Result<Option<Box<dyn Target>>, ExpressionError> {
        match (&self.name, &self.energy, &self.manifold) {
            (Some(name), ..) => Ok(target::by_name(name)),
            (None, Some(text), Some(manifold)) => {
                Ok(Some(Box::new(Expression::parse(manifold, text, &self.parameters)?)))
            }
            _ => Ok(None),
        }
    }

    /// Checks that there is one target; an error names the key to blame.
    pub(super) fn consistent(&self) -> Result<(), Complaint> {
        let complain = |path: &'static [&'static str], message: &str| Err((path, message.to_owned()));
        match (&self.name, &self.energy, &self.manifold) {
            (Some(_), Some(_), _) => complain(
                &["target", "energy"],
                "the target has a name already: remove it, or remove the energy with its manifold and parameters",
            ),
            (Some(_), None, Some(_)) => {
                complain(&["target", "manifold"], "the target's name says its manifold: remove this key")
            }
            (Some(_), None, None) if !self.parameters.is_empty() => complain(
                &["target", "parameters"],
                "parameters are those of an energy: give one, or remove them",
            ),
            (None, Some(_), None) => complain(
                &["target", "energy"],
                "an energy needs the manifold that it is on, as in manifold = \"T2\"",
            ),
            (None, None, Some(_)) => complain(
                &["target", "manifold"],
                "a manifold needs an energy on it, as in energy = \"-cos(theta1)\"",
            ),
            (None, None, None) => complain(
                &["target"],
                "[target] needs a name, or a manifold and an energy, as in energy = \"-cos(theta1)\"",
            ),
            _ => Ok(()),
        }
    }
}

fn one() -> f64 {
    1.0
}

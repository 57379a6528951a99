//! Which density to learn.

use std::fmt::{self, Formatter};

use ircpm_manifolds::AnyManifold;
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::{Complaint, check};
use crate::target::{self, Expression, ExpressionError, Parameter, Parameters, Target};

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
    /// The exact `log Z = log ∫ exp(−βu)` of `energy` in nats, where it is known: a number, or a text of numbers, the
    /// parameters and `beta`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_z: Option<LogZ>,
}

/// A number, or a text whose value is one.
#[derive(Clone, Debug, PartialEq)]
pub enum LogZ {
    /// A finite number.
    Number(f64),
    /// As for [`Expression::number`].
    Text(String),
}

impl Serialize for LogZ {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(x) => output.serialize_f64(*x),
            Self::Text(text) => output.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for LogZ {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct NumberOrText;

        impl Visitor<'_> for NumberOrText {
            type Value = LogZ;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("a number of nats, or a text such as \"log(2 * pi)\"")
            }
            fn visit_i64<E: Error>(self, n: i64) -> Result<LogZ, E> {
                Ok(LogZ::Number(n as f64))
            }
            fn visit_u64<E: Error>(self, n: u64) -> Result<LogZ, E> {
                Ok(LogZ::Number(n as f64))
            }
            fn visit_f64<E: Error>(self, x: f64) -> Result<LogZ, E> {
                let refuse = || E::custom(format!("{x} is not a finite number of nats"));
                if x.is_finite() { Ok(LogZ::Number(x)) } else { Err(refuse()) }
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<LogZ, E> {
                Ok(LogZ::Text(text.to_owned()))
            }
        }

        input.deserialize_any(NumberOrText)
    }
}

impl TargetConfig {
    /// The exact `log Z` of the energy, if it is given.
    ///
    /// # Errors
    /// [`ExpressionError`] in the text of `log_z`.
    pub fn log_z(&self) -> Result<Option<f64>, ExpressionError> {
        match (&self.log_z, &self.manifold) {
            (Some(LogZ::Number(log_z)), _) => Ok(Some(*log_z)),
            (Some(LogZ::Text(text)), Some(manifold)) => {
                let mut known = self.parameters.clone();
                known.entry("beta".to_owned()).or_insert(Parameter::Number(self.beta));
                Expression::number(manifold, text, &known).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The target; none if the table has none of that name, or if neither a name nor an energy is given.
    ///
    /// # Errors
    /// [`ExpressionError`] for a text that is no energy of a density, and as [`TargetConfig::log_z`].
    pub fn target(&self) -> Result<Option<Box<dyn Target>>, ExpressionError> {
        match (&self.name, &self.energy, &self.manifold) {
            (Some(name), ..) => Ok(target::by_name(name)),
            (None, Some(text), Some(manifold)) => {
                let energy = Expression::parse(manifold, text, &self.parameters)?;
                let energy = energy.of_density(text)?;
                Ok(Some(Box::new(match self.log_z()? {
                    Some(log_z) => energy.with_log_z(log_z, self.beta),
                    None => energy,
                })))
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
            (Some(_), None, None) if self.log_z.is_some() => complain(
                &["target", "log_z"],
                "log_z is that of an energy: give one, or remove it; of a target of the table it is known, or not",
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

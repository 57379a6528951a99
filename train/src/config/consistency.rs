//! Which keys fit together: checks that involve several of them, each of which names the key to blame.

use ircpm_flow::Symmetries;

use super::{Complaint, Config, Layers, Loss, ModelConfig, Potential};
use crate::optimiser::{self, Schedule};
use crate::symmetry::check_symmetry;
use crate::target::Target;

impl Config {
    /// Checks that involve several keys; an error names the key to blame.
    pub(super) fn consistent(&self) -> Result<(), Complaint> {
        let training = &self.training;
        // Least squares, which `auto` may stand for, have no learning rate to warm up.
        if training.warmup > 0 && training.warmup >= training.steps() && !training.is_least_squares() {
            let message = format!("warmup must be shorter than the {} steps of training", training.steps());
            return Err((&["training", "warmup"], message));
        }
        if training.schedule == Schedule::Constant && training.warmup > 0 {
            let message =
                "a constant schedule has no warm-up: set warmup = 0, or schedule = \"cosine\"".into();
            return Err((&["training", "warmup"], message));
        }
        if self.model.potential == Potential::Linear && self.data.is_none() {
            let message = "linear potentials are fitted to points: give [data], or remove this key".into();
            return Err((&["model", "potential"], message));
        }
        if self.model.potential == Potential::Linear && !self.names_no_network() {
            let message =
                "linear potentials have neither hidden layers, features, symmetry, output_scale and shared nor an \
                           optimiser to choose: remove those keys, or this one"
                    .into();
            return Err((&["model", "potential"], message));
        }
        if self.model.energy.is_some() && self.target.is_none() {
            let message = "psi takes its form from a [target]: give one, or remove this key".into();
            return Err((&["model", "energy"], message));
        }
        if self.model.hidden.is_empty() && self.model.energy.is_none() {
            let message =
                "no hidden layers: give the widths of 1 to 16, or energy = \"multiple\" or \"slopes\" for a \
                           potential without a network"
                    .into();
            return Err((&["model", "hidden"], message));
        }
        self.check_charges()?;
        if training.warm_start.is_some() && !self.has_charges() {
            let message =
                "only potential = \"charges\" begins with the parameters of another run: remove this key"
                    .into();
            return Err((&["training", "warm_start"], message));
        }
        if training.min_eigenvalue.is_some() && (self.has_charges() || self.data.is_some()) {
            let message = if self.has_charges() {
                "charges keep their eigenvalues above (1 - wall)/2: set model.wall in place of this key"
            } else {
                "this floor is for networks that are trained for a [target]: remove this key"
            };
            return Err((&["training", "min_eigenvalue"], message.into()));
        }
        if training.optimiser == optimiser::Staged::NAME && !self.has_charges() {
            let message =
                format!("{} is for potential = \"charges\": choose another one", optimiser::Staged::NAME);
            return Err((&["training", "optimiser"], message));
        }
        match (training.loss, &self.target, &self.data) {
            (Loss::ReverseKl, Some(target), None) => target.consistent(),
            (Loss::Likelihood, None, Some(_)) => Ok(()),
            (Loss::ReverseKl, None, None) => Err((
                &["target"],
                "loss = \"reverse-kl\" needs a [target] with a name, or with a manifold and an energy".into(),
            )),
            (Loss::ReverseKl, None, Some(_)) => Err((
                &["data"],
                "[data] needs training.loss = \"likelihood\"; the default is \"reverse-kl\"".into(),
            )),
            (Loss::Likelihood, _, None) => Err((
                &["training", "loss"],
                "loss = \"likelihood\" needs [data] with file and manifold".into(),
            )),
            (Loss::ReverseKl, Some(_), Some(_)) => {
                Err((&["data"], "[data] is for loss = \"likelihood\": remove it, or change the loss".into()))
            }
            (Loss::Likelihood, Some(_), Some(_)) => Err((
                &["target"],
                "[target] is for loss = \"reverse-kl\": remove it, or change the loss".into(),
            )),
        }
    }

    /// Checks that charges are named where they are to be the potential, and nowhere else.
    fn check_charges(&self) -> Result<(), Complaint> {
        let model = &self.model;
        let complain = |path: &'static [&'static str], message: &str| Err((path, message.to_owned()));
        match (model.potential == Potential::Charges, model.charges.len(), model.layers) {
            (false, 0, _) if model.wall != ModelConfig::default().wall => complain(
                &["model", "wall"],
                "a wall is for potential = \"charges\": add it, or remove this key",
            ),
            (false, 0, _) => Ok(()),
            (false, ..) => complain(
                &["model", "charges"],
                "charges need potential = \"charges\": add it, or remove them",
            ),
            (true, 0, _) => complain(
                &["model", "potential"],
                "name the charges of one layer, or of every layer, as in [[model.charges]] with chain = { range = 2 }",
            ),
            (true, ..) if self.data.is_some() => {
                complain(&["model", "potential"], "charges are trained for a [target]: remove this key")
            }
            (true, ..) if !self.names_no_feature() => complain(
                &["model", "potential"],
                "charges have neither an energy nor hidden layers, features, symmetry, output_scale and shared: remove those keys",
            ),
            (true, 1, _) | (true, _, Layers::Auto) => Ok(()),
            (true, charges, Layers::Fixed(layers)) if charges == layers => Ok(()),
            (true, ..) => complain(&["model", "charges"], "give the charges of every layer, or one for all"),
        }
    }

    /// Checks that the model's symmetries fit the manifold, and that the target has them; else says why not.
    pub(super) fn check_symmetry(&self, target: Option<&dyn Target>) -> Result<(), String> {
        let manifold = target.map(Target::manifold).or(self.data.as_ref().map(|data| &data.manifold));
        let Some(manifold) = manifold.filter(|_| !self.model.symmetry.is_empty()) else { return Ok(()) };
        let symmetries =
            Symmetries::new(&self.model.symmetry, manifold).map_err(|error| error.to_string())?;
        if !symmetries.is_finite() {
            let features = self.model.features.clone().into();
            symmetries.features(&features, manifold).map_err(|error| error.to_string())?;
        }
        target.map_or(Ok(()), |target| check_symmetry(target, &symmetries).map_err(|error| error.to_string()))
    }
}

//! The rows of the paper's tables, and those that this program sets beside them.

use std::str::FromStr;

use crate::config::preset::{self, Preset};
use crate::config::{Config, ConfigError, Override};

/// A part of the paper, in the order of the results page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Section {
    /// Section 5.1 and Table 1: densities on T².
    Torus,
    /// Section 5.2: the four modes on S².
    Sphere,
    /// Section 3.2: models with built-in symmetries.
    Symmetry,
}

impl Section {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Torus, Self::Sphere, Self::Symmetry];

    /// Title on the page.
    pub fn title(self) -> &'static str {
        match self {
            Self::Torus => "Table 1: densities on T² (section 5.1)",
            Self::Sphere => "Four modes on S² (section 5.2)",
            Self::Symmetry => "Symmetries and the number of parameters (section 3.2)",
        }
    }
}

/// What a layer is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// As the row's configuration says.
    Configured,
    /// Discrete c-concave potentials of Cohen, Amos and Lipman 2021 (RCPM), which configurations do not name; target
    /// and training are those of the configuration.
    Discrete {
        /// Number of layers, each with parameters of its own.
        layers: usize,
        /// Points that the minimum is taken over.
        components: usize,
        /// γ of the soft minimum, in rad².
        smoothing: f64,
    },
}

/// When a row has reached what it is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// The mean ESS over the seeds is at least this share.
    Ess(f64),
    /// KL and ESS are those of the best parameters, which a quadrature has found, to the digits that are given: nats
    /// and shares, each with half a unit of its last digit.
    Optimum {
        /// KL in nats, and its tolerance.
        kl: (f64, f64),
        /// ESS as a share, and its tolerance.
        ess: (f64, f64),
    },
    /// Nothing: the row shows what happens.
    Seen,
}

/// A model of the programme: a preset with some keys replaced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Name on the command line.
    pub name: &'static str,
    /// Where it stands.
    pub section: Section,
    /// The target, in words.
    pub target: &'static str,
    /// The potential and its training, in words.
    pub model: &'static str,
    /// Name of the preset.
    pub preset: &'static str,
    /// Keys that are replaced, as `key=value`.
    pub sets: &'static [&'static str],
    /// Keys that the quick programme replaces beside them.
    pub quick: &'static [&'static str],
    /// What a layer is.
    pub shape: Shape,
    /// What is published, in words; a dash where the text has no figure.
    pub published: &'static str,
    /// What the row is held against.
    pub goal: Goal,
}

impl Row {
    /// The keys that are replaced.
    pub fn keys(&self, quick: bool) -> impl Iterator<Item = &'static str> {
        self.sets.iter().chain(self.quick.iter().filter(move |_| quick)).copied()
    }

    /// The configuration for a seed, with the keys of `more` replaced last.
    ///
    /// # Errors
    /// [`ConfigError`] if a key of `more` is wrong, or does not fit the row.
    pub fn config(&self, quick: bool, seed: u64, more: &[Override]) -> Result<Config, ConfigError> {
        let own = self.keys(quick).map(|key| Override::from_str(key).expect("a key and a value"));
        let sets: Vec<Override> = own.chain(more.iter().cloned()).chain([Override::seed(seed)]).collect();
        self.preset().config(&sets)
    }

    /// The command that trains the row; none where a configuration cannot name its layers.
    pub fn command(&self, quick: bool) -> Option<String> {
        if self.shape != Shape::Configured {
            return None;
        }
        let quoted = |key: &str| match key.contains([' ', '"', '[', '{', '(']) {
            true => format!(" --set '{key}'"),
            false => format!(" --set {key}"),
        };
        Some(format!("ircpm train {}{}", self.preset, self.keys(quick).map(quoted).collect::<String>()))
    }

    fn preset(&self) -> Preset {
        preset::by_name(self.preset).expect("rows name presets that exist")
    }
}

/// ESS that the paper's rows are held against.
const ESS: f64 = 0.99;
/// ESS that the public log of RCPM's authors ends with.
const RCPM: f64 = 0.9875;

const LOST: &str = "ESS lost";
const RCPM_PUBLISHED: &str = "99.3 %, 0.003 nats; log 98.75 %, 0.006 nats";

/// A row of Table 1.
const fn torus(
    name: &'static str,
    [target, model, preset]: [&'static str; 3],
    sets: &'static [&'static str],
) -> Row {
    Row {
        name,
        section: Section::Torus,
        target,
        model,
        preset,
        sets,
        quick: &[],
        shape: Shape::Configured,
        published: LOST,
        goal: Goal::Ess(ESS),
    }
}

const FIRST: &str = "cos(θ₁+θ₂−1.94), our choice";
const SECOND: &str = "three modes";
const THIRD: &str = "one mode, our choice";

/// Keys of a potential that is a function of the energy alone, of least KL by L-BFGS.
macro_rules! of_energy {
    ($shape:literal $(, $more:literal)*) => {
        &[
            $($more,)*
            $shape,
            "model.hidden=[]",
            "training.optimiser=lbfgs",
            "training.learning_rate=1",
            "training.steps=100",
            "training.batch=4096",
            "evaluation.samples=1048576",
        ]
    };
}

const MULTIPLE: &[&str] = of_energy!("model.energy=multiple");
const SLOPES: &[&str] = of_energy!("model.energy=slopes");
/// A function of the energy and a small network, by least squares.
const CORRECTED: &[&str] =
    &["model.energy=slopes", "model.hidden=[8]", "model.features={harmonics={order=1}}"];

/// The least KL of a family and the ESS there, which quadrature and a simplex search over the parameters have found. The
/// tolerances are some standard errors of what the row measures.
const fn optimum(kl: f64, ess: f64) -> Goal {
    Goal::Optimum { kl: (kl, 1e-4), ess: (ess, 5e-4) }
}

/// A row of Table 1 that is held against an optimum.
const fn shaped(
    name: &'static str,
    words: [&'static str; 3],
    sets: &'static [&'static str],
    goal: Goal,
) -> Row {
    Row { goal, ..torus(name, words, sets) }
}

const ONE: &str = "a u";
const FOUR: &str = "f(u), our choice";
const BOTH: &str = "f(u) + network [8]";

/// The rows of Table 1.
const TORUS: [Row; 15] = [
    torus(
        "torus-correlated-mlp",
        [FIRST, "MLP", "torus-correlated"],
        &["model.features={harmonics={order=1}}"],
    ),
    torus("torus-correlated-symmetric", [FIRST, "symmetric MLP", "torus-correlated"], &[]),
    shaped("torus-correlated-1", [FIRST, ONE, "torus-correlated"], MULTIPLE, optimum(0.012_77, 0.9754)),
    torus("torus-correlated-4", [FIRST, FOUR, "torus-correlated"], SLOPES),
    torus("torus-correlated-4-mlp", [FIRST, BOTH, "torus-correlated"], CORRECTED),
    torus("torus-multi-modal-mlp", [SECOND, "MLP", "torus-multi-modal"], &[]),
    torus(
        "torus-multi-modal-adam",
        [SECOND, "MLP, trained by Adam", "torus-multi-modal"],
        &["training.optimiser=adam", "training.steps=2000", "training.batch=256"],
    ),
    shaped("torus-multi-modal-1", [SECOND, ONE, "torus-multi-modal"], MULTIPLE, optimum(0.022_25, 0.9564)),
    shaped("torus-multi-modal-4", [SECOND, FOUR, "torus-multi-modal"], SLOPES, optimum(0.022_02, 0.9563)),
    torus("torus-multi-modal-4-mlp", [SECOND, BOTH, "torus-multi-modal"], CORRECTED),
    torus("torus-unimodal-mlp", [THIRD, "MLP", "torus-unimodal"], &[]),
    shaped("torus-unimodal-1", [THIRD, ONE, "torus-unimodal"], MULTIPLE, optimum(0.025_54, 0.9514)),
    shaped("torus-unimodal-4", [THIRD, FOUR, "torus-unimodal"], SLOPES, optimum(0.010_07, 0.9798)),
    torus("torus-unimodal-4-mlp", [THIRD, BOTH, "torus-unimodal"], CORRECTED),
    shaped(
        "torus-text-1",
        ["one mode, as text", ONE, "torus-unimodal"],
        of_energy!(
            "model.energy=multiple",
            r#"target={manifold="T2", energy="-(cos(theta1 - 4.18) + cos(theta2 - 5.96))", log_z="2*log(2*pi*bessel_i0e(1)) + 2"}"#
        ),
        optimum(0.025_54, 0.9514),
    ),
];

/// A row of section 5.2.
const fn sphere(
    name: &'static str,
    model: &'static str,
    preset: &'static str,
    sets: &'static [&'static str],
    quick: &'static [&'static str],
) -> Row {
    Row {
        name,
        section: Section::Sphere,
        target: "four modes",
        model,
        preset,
        sets,
        quick,
        shape: Shape::Configured,
        published: "–",
        goal: Goal::Ess(ESS),
    }
}

const QUICK_ADAM: &[&str] = &["training.steps=2000"];
const QUICK_LEAST_SQUARES: &[&str] = &["training.goal=2e-4"];

const SPHERE: [Row; 8] = [
    Row {
        published: "on a par with RCPM",
        ..sphere("sphere-stack-3", "stack of 3, shared, Adam", "sphere-four-mode-adam", &[], QUICK_ADAM)
    },
    Row {
        published: "as with 3",
        ..sphere(
            "sphere-stack-2",
            "stack of 2, shared, Adam",
            "sphere-four-mode-adam",
            &["model.layers=2"],
            QUICK_ADAM,
        )
    },
    Row {
        published: "unstable: only some seeds",
        goal: Goal::Seen,
        ..sphere(
            "sphere-stack-1",
            "one layer, Adam",
            "sphere-four-mode-adam",
            &["model.layers=1"],
            QUICK_ADAM,
        )
    },
    sphere(
        "sphere-squares-3",
        "stack of 3, shared, least squares",
        "sphere-four-mode",
        &["model.layers=3", "model.shared=true", "model.hidden=[32, 32]", "training.goal=1e-6"],
        QUICK_LEAST_SQUARES,
    ),
    sphere(
        "sphere-squares-2",
        "stack of 2, shared, least squares",
        "sphere-four-mode",
        &["model.layers=2", "model.shared=true", "model.hidden=[32, 32]", "training.goal=1e-6"],
        QUICK_LEAST_SQUARES,
    ),
    sphere(
        "sphere-squares-1",
        "one layer, least squares",
        "sphere-four-mode",
        &["model.layers=1", "model.hidden=[32, 32]", "training.goal=1e-6"],
        QUICK_LEAST_SQUARES,
    ),
    Row {
        published: "unstable, not competitive",
        goal: Goal::Seen,
        ..sphere(
            "sphere-energy-3",
            "stack of 3, f(u) of 4 parameters each, least squares",
            "sphere-four-mode",
            &["model.layers=3", "model.energy=slopes", "model.hidden=[]", "training.steps=30"],
            &[],
        )
    },
    Row {
        shape: Shape::Discrete { layers: 5, components: 68, smoothing: 0.1 },
        published: RCPM_PUBLISHED,
        goal: Goal::Ess(RCPM),
        ..sphere(
            "sphere-discrete",
            "RCPM, 5 layers of 68 components, Adam",
            "sphere-four-mode-adam",
            &[
                "training.steps=1500",
                "training.learning_rate=0.005",
                "training.warmup=10",
                "training.clip=100",
                "training.points=random",
            ],
            &[],
        )
    },
];

/// A row of the symmetry of the cube.
const fn cube(name: &'static str, model: &'static str, sets: &'static [&'static str]) -> Row {
    Row {
        name,
        section: Section::Symmetry,
        target: "cube on S²",
        model,
        preset: "sphere-four-mode",
        sets,
        quick: &[],
        shape: Shape::Configured,
        published: "–",
        goal: Goal::Seen,
    }
}

/// A density with the 48 symmetries of the cube (our choice): one layer of several widths, without and with them.
macro_rules! cubes {
    ($(($name:literal, $model:literal, $($key:literal),*),)*) => {
        [$(cube($name, $model, &[
            r#"target={manifold="S2", energy="-6 * (x1^4 + x2^4 + x3^4)"}"#,
            "model.layers=1",
            "training.goal=1e-9",
            "training.steps=40",
            $($key),*
        ])),*]
    };
}

const SYMMETRY: [Row; 6] = cubes![
    ("cube-plain-4", "plain, [4, 4]", "model.hidden=[4, 4]"),
    ("cube-plain-8", "plain, [8, 8]", "model.hidden=[8, 8]"),
    ("cube-plain-16", "plain, [16, 16]", "model.hidden=[16, 16]"),
    ("cube-symmetric-2", "mean over 48, [2, 2]", "model.hidden=[2, 2]", "model.symmetry=Oh"),
    ("cube-symmetric-4", "mean over 48, [4, 4]", "model.hidden=[4, 4]", "model.symmetry=Oh"),
    ("cube-symmetric-8", "mean over 48, [8, 8]", "model.hidden=[8, 8]", "model.symmetry=Oh"),
];

/// All rows, in the order of the page.
pub fn programme() -> Vec<Row> {
    [&TORUS[..], &SPHERE, &SYMMETRY].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programme_has_the_paper_s_rows_with_the_paper_s_numbers_of_parameters() {
        let parameters = |name: &str| {
            let rows = programme();
            let row = rows.iter().find(|row| row.name == name).expect("a row of the paper");
            let config = row.config(false, 0, &[]).expect("a configuration");
            let manifold = config.target().expect("a target").expect("a target").manifold().clone();
            let flow = config.flow(&manifold).expect("a flow");
            (flow.parameters(), flow.layers())
        };
        for name in [
            "torus-correlated-mlp",
            "torus-correlated-symmetric",
            "torus-multi-modal-mlp",
            "torus-unimodal-mlp",
        ] {
            assert_eq!(parameters(name), (1249, 1), "{name}");
        }
        for target in ["correlated", "multi-modal", "unimodal"] {
            assert_eq!(parameters(&format!("torus-{target}-1")), (1, 1));
            assert_eq!(parameters(&format!("torus-{target}-4")), (4, 1));
        }
        for layers in 1..=3 {
            assert_eq!(parameters(&format!("sphere-stack-{layers}")), (17_153, layers));
        }
    }

    #[test]
    fn every_row_is_a_configuration_of_its_own_that_a_command_repeats() {
        let rows = programme();
        for (i, row) in rows.iter().enumerate() {
            assert!(rows[..i].iter().all(|other| other.name != row.name), "{} twice", row.name);
            for quick in [false, true] {
                let config =
                    row.config(quick, 3, &[]).unwrap_or_else(|e| panic!("{}: {}", row.name, e.message));
                assert_eq!(config.seed, 3);
                let command = row.command(quick);
                assert_eq!(command.is_none(), row.shape != Shape::Configured, "{}", row.name);
                for key in row.keys(quick) {
                    assert!(command.as_ref().is_none_or(|command| command.contains(key)), "{}", row.name);
                }
            }
        }
    }
}

//! Symmetries as configuration: read, refused with their line, and kept by the trained density.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use ircpm_flow::{Affine, Flow, Symmetries};
use ircpm_manifolds::AnyManifold;
use ircpm_train::config::{Config, Layers, ModelConfig, Override};
use ircpm_train::fit::{FitError, FlowFile, Options, fit_data, fit_target};
use ircpm_train::points::Generator;
use ircpm_train::symmetry::{Asymmetry, check_symmetry};
use ircpm_train::target;
use ircpm_train::training::Problem;
use ircpm_train::training::checkpoint::Checkpoint;

const CUBE: &str = "[target]\nmanifold = \"S2\"\nenergy = \"-2 * (x1^4 + x2^4 + x3^4)\"\n[training]\nsteps = 4\n[model]\nhidden = [6]\n";
const TORUS: &str = "[target]\nname = \"torus-correlated\"\n";

fn with(text: &str, symmetry: &str) -> String {
    format!("{text}symmetry = {symmetry}\n")
}

/// Largest difference of `log q` at base points and at their images.
fn difference(flow: &Flow, theta: &[f64], g: &Affine) -> f64 {
    let (m, mut generator) = (flow.manifold(), Generator::from_seed(3));
    let n = m.ambient();
    let mut points = vec![0.0; 60 * n];
    for p in points.chunks_exact_mut(n) {
        let u: Vec<f64> =
            (0..m.cube_dim()).map(|_| generator.below(1 << 20) as f64 / f64::from(1 << 20)).collect();
        m.base_point(&u, p);
    }
    let mut images = points.clone();
    points.chunks_exact(n).zip(images.chunks_exact_mut(n)).for_each(|(p, image)| g.apply(p, image));
    let (a, b) = (flow.log_prob(theta, &points), flow.log_prob(theta, &images));
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, |max, x| if x <= max { max } else { x })
}

fn element(manifold: &AnyManifold, name: &str) -> Affine {
    let symmetries = Symmetries::new(&[name.parse().unwrap()], manifold).unwrap();
    symmetries.examples(1.0).swap_remove(0).1
}

#[test]
fn symmetry_is_read_as_one_text_or_several_and_written_as_a_list() {
    for (given, written) in [
        ("\"Oh\"", "symmetry = [\"Oh\"]"),
        ("[\"Oh\"]", "symmetry = [\"Oh\"]"),
        (
            "[\"inversion\", \"permutation(2, 1, -3)\"]",
            "symmetry = [\"inversion\", \"permutation(2, 1, -3)\"]",
        ),
    ] {
        let config = Config::parse(&with(CUBE, given), "a.toml").unwrap_or_else(|e| panic!("{e}"));
        let text = config.to_toml();
        assert!(text.contains(written), "{text}");
        assert_eq!(Config::parse(&text, "config.toml").as_ref(), Ok(&config));
    }
    let plain = Config::parse(&with(CUBE, "[]"), "a.toml").unwrap();
    assert!(plain.model.symmetry.is_empty() && !plain.to_toml().contains("symmetry"));
    let set: Override = "model.symmetry=Oh".parse().unwrap();
    let config = Config::parse_with(CUBE, "a.toml", &[set]).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(config.model.symmetry.len(), 1);
}

#[test]
fn what_is_no_symmetry_is_refused_with_its_line_and_a_remedy() {
    for (given, span, message) in [
        ("\"inversions\"", "\"inversions\"", "unknown symmetry `inversions`"),
        ("[\"Oh\", \"C0\"]", "\"C0\"", "from 1 to 256"),
        ("3", "3", "the name of a symmetry"),
        ("[\"Oh\", 3]", "3", "expected the name of a symmetry"),
        ("\"turns(1/2, 0, 0)\"", "\"turns(1/2, 0, 0)\"", "does not fit S2: it moves angles"),
        ("\"permutations(2)\"", "\"permutations(2)\"", "unknown symmetry"),
        ("[\"rotations(1, 2)\", \"Oh\"]", "[\"rotations(1, 2)\", \"Oh\"]", "moves its coordinates to others"),
        ("\"Ih\"", "\"Ih\"", "does not have the symmetry `Ih`: its energy is -"),
    ] {
        let text = with(CUBE, given);
        let error = Config::parse(&text, "a.toml").expect_err(given);
        assert!(error.message.contains(message), "{given}: {error}");
        assert_eq!((&error.text[error.span.clone()], error.line()), (span, 8), "{given}: {error}");
    }
    let error = Config::parse(&with(CUBE, "\"inversions\""), "a.toml").unwrap_err();
    assert_eq!(error.help().as_deref(), Some("did you mean `inversion`?"));
}

#[test]
fn continuous_symmetry_beside_chosen_inputs_is_refused() {
    let model = "[model]\nfeatures = { combinations = { directions = [[1, 1]], order = 1 } }\n";
    let error =
        Config::parse(&with(&format!("{TORUS}{model}"), "\"translations(1, -1)\""), "a.toml").unwrap_err();
    assert!(error.message.contains("use harmonics"), "{error}");
}

#[test]
fn linear_potentials_refuse_symmetry() {
    let text = "[data]\nfile = \"a.csv\"\nmanifold = \"T2\"\n[training]\nloss = \"likelihood\"\n[model]\nsymmetry = \"inversion\"\n";
    assert!(!Config::parse(text, "a.toml").unwrap().is_linear(), "a symmetry is a key of a network");
    let error = Config::parse(&format!("{text}potential = \"linear\"\n"), "a.toml").unwrap_err();
    assert!(error.message.contains("symmetry"), "{error}");
    let model = ModelConfig { symmetry: vec!["inversion".parse().unwrap()], ..ModelConfig::default() };
    let error =
        fit_data(&"T1".parse().unwrap(), &[0.1, 0.2, 0.3], &Options::default().model(model)).unwrap_err();
    assert!(matches!(&error, FitError::Option { name: "model.symmetry", .. }), "{error}");
    assert!(error.to_string().contains("inversion"), "{error}");
}

#[test]
fn trained_density_and_its_checkpoint_have_the_symmetry() {
    let config = Config::parse(&with(CUBE, "\"Oh\""), "a.toml").unwrap_or_else(|e| panic!("{e}"));
    let problem = Problem::new(config, Path::new(".")).unwrap();
    let mut trainer = problem.trainer().unwrap();
    trainer.run(&AtomicBool::new(false), &mut ()).unwrap();
    let checkpoint = Checkpoint { config: problem.config.clone(), state: trainer.state() };
    let read = FlowFile::decode(&checkpoint.encode().unwrap()).unwrap();
    let FlowFile { flow, theta, .. } = FlowFile::decode(&read.encode().unwrap()).unwrap();
    assert_eq!(theta, trainer.theta());
    for name in ["Oh", "inversion", "permutations"] {
        let difference = difference(&flow, &theta, &element(flow.manifold(), name));
        // Roundings of a mean of 48 numbers, and of `H`.
        assert!(difference < 1e-12, "{name}: log q differs by {difference:e}");
    }
    let fifth = difference(&flow, &theta, &element(flow.manifold(), "C5"));
    assert!(fifth > 1e-5, "a fifth of a turn changes log q by {fifth:e}");
}

#[test]
fn fitted_density_has_a_continuous_and_a_finite_symmetry_together() {
    let target = target::by_name("torus-correlated").unwrap();
    let symmetry = ["translations(1, -1)", "permutations"].map(|name| name.parse().unwrap()).to_vec();
    let model = ModelConfig { symmetry, hidden: vec![6], layers: Layers::Fixed(1), ..ModelConfig::default() };
    let options = Options::default().samples(4096).model(model.clone());
    let (flow, fit) = fit_target(target.as_ref(), &options).unwrap();
    // The inputs are cos s and sin s, s = θ₁ + θ₂.
    assert_eq!(flow.parameters(), 6 * 3 + 7);
    let weights = fit.evaluation.weights.as_ref().unwrap();
    assert!(weights.ess.value > 0.9999, "effective sample size {}", weights.ess.value);
    for name in ["translations(1, -1)", "permutations"] {
        let difference = difference(&flow, &fit.theta, &element(flow.manifold(), name));
        assert!(difference < 1e-12, "{name}: log q differs by {difference:e}");
    }
    let file = FlowFile::of_target(&flow, &fit, &model).unwrap();
    let read = FlowFile::decode(&file.encode().unwrap()).unwrap();
    let y = [0.1, 0.2, 3.0, 6.0];
    assert_eq!(read.log_prob(&y), flow.log_prob(&fit.theta, &y));

    let wrong = ModelConfig { symmetry: vec!["inversion".parse().unwrap()], ..model };
    let error = fit_target(target.as_ref(), &options.model(wrong)).unwrap_err();
    assert!(matches!(&error, FitError::Asymmetry(found) if found.symmetry == "inversion"), "{error}");
}

fn check(name: &str, names: &[&str]) -> Result<(), Asymmetry> {
    let target = target::by_name(name).unwrap();
    let symmetries: Vec<_> = names.iter().map(|name| name.parse().unwrap()).collect();
    check_symmetry(target.as_ref(), &Symmetries::new(&symmetries, target.manifold()).unwrap())
}

#[test]
fn energies_that_have_a_symmetry_pass() {
    assert_eq!(check("torus-correlated", &["translations(1, -1)", "permutations"]), Ok(()));
    assert_eq!(check("xy-ring-4", &["shifts", "reversal", "inversion"]), Ok(()));
    assert_eq!(check("chain-4", &["reversal", "inversion"]), Ok(()));
    assert_eq!(check("torus-unimodal", &[]), Ok(()));
}

#[test]
fn energies_that_lack_a_symmetry_are_refused_with_a_point() {
    for (name, names, lacking) in [
        ("torus-correlated", vec!["permutations", "translations(1, 1)"], "translations(1, 1)"),
        ("torus-correlated", vec!["inversion"], "inversion"),
        ("chain-4", vec!["shifts"], "shifts"),
        ("xy-ring-4", vec!["shifts", "translations(1, 1, 1, 1)"], "translations(1, 1, 1, 1)"),
        ("sphere-four-mode", vec!["rotations(1, 2)"], "rotations(1, 2)"),
    ] {
        let error = check(name, &names).unwrap_err();
        assert_eq!((error.symmetry.as_str(), error.target.as_str()), (lacking, name));
        assert!((error.energy - error.image_energy).abs() > 1e-3, "{error}");
        let known = target::by_name(name).unwrap();
        let mut energies = [0.0; 2];
        known.energies(&[error.point.clone(), error.image.clone()].concat(), &mut energies);
        assert_eq!(energies, [error.energy, error.image_energy]);
    }
}

//! Energies as text in configurations: errors at their place, runs that are read again, and the same figures as in Rust.

use ircpm_train::config::{Config, EnergyShape, Layers, ModelConfig, Override};
use ircpm_train::fit::{Algorithm, FlowFile, FlowFileError, Options, fit_target};
use ircpm_train::target::{self, Expression, Parameters};

const VALID: &str = "[target]\nmanifold = \"T2\"\nenergy = \"-(cos(theta1 - a) + cos(theta2 - 5.96))\"\n\
                     [target.parameters]\na = 4.18\n";

/// Where and why a configuration is refused: its name, line, the part to blame, the message and the remedy.
fn refused(text: &str, sets: &[&str]) -> (String, usize, String, String) {
    let sets: Vec<Override> = sets.iter().map(|set| set.parse().unwrap_or_else(|e| panic!("{e}"))).collect();
    let error = Config::parse_with(text, "a.toml", &sets).expect_err(text);
    let part = error.text[error.span.clone()].to_owned();
    let said = format!("{} {}", error.message, error.help().unwrap_or_default());
    (error.name.clone(), error.line(), part, said)
}

#[test]
fn energy_is_read_written_and_read_again() {
    let config = Config::parse(VALID, "a.toml").unwrap_or_else(|e| panic!("{e}"));
    let written = config.to_toml();
    assert_eq!(Config::parse(&written, "config.toml").as_ref(), Ok(&config), "{written}");
    let lists = "[target]\nbeta = 0.5\nmanifold = \"t1 x s2\"\nenergy = '''\n# \"quoted\" \\ \n-dot(m[2, 1], x)\n + cos(theta)'''\n\
                 [target.parameters]\nm = [[1], [[0, 0.1, 3]]]\n[training]\nsteps = 3\n";
    let config = Config::parse(lists, "a.toml").unwrap_or_else(|e| panic!("{e}"));
    let written = config.to_toml();
    assert_eq!(Config::parse(&written, "config.toml").as_ref(), Ok(&config), "{written}");
    let target = config.target().expect("an energy").expect("a target");
    let mut u = [0.0];
    target.energies(&[0.0, 0.0, 0.6, 0.8], &mut u);
    assert!((u[0] - (1.0 - 0.06 - 2.4)).abs() < 1e-15, "{u:?}");
}

#[test]
fn mistake_in_an_energy_is_shown_where_it_stands() {
    let with = |energy: &str| format!("seed = 1\n[target]\nmanifold = \"T2\"\nenergy = {energy}\n");
    for (energy, line, part, message) in [
        ("\"-cos(thta1) + cos(theta2 - a)\"\nparameters = { a = 1 }", 4, "thta1", "did you mean `theta1`?"),
        ("\"cos(theta1) + cos(thta2)\"", 4, "thta2", "did you mean `theta2`?"),
        ("'cosh(theta3)'", 4, "theta3", "did you mean `theta1`?"),
        ("\"\"\"\ncos(theta1)\n + coss(theta2)\"\"\"", 6, "coss", "did you mean `cos`?"),
        ("\"\"\"cos(theta1) \\\n  + theta[3]\"\"\"", 5, "3", "outside of 1 to 2"),
        ("\"\\u03b81 + cos(\"", 4, "", "the end stands where"),
        ("\"2*theta1 + cos(theta2)\"", 4, "theta1", "jumps at the seam of `theta1`"),
        ("\"1\"", 4, "1", "the same everywhere"),
        ("\"\"", 4, "", "there is no energy"),
    ] {
        let (name, at, blamed, said) = refused(&with(energy), &[]);
        assert_eq!((name.as_str(), at, blamed.as_str()), ("a.toml", line, part), "{energy}: {said}");
        assert!(said.contains(message), "{energy}: {said}");
    }
    let (name, _, part, said) = refused(VALID, &["target.energy=cos(theta1 - a) + sine(theta2)"]);
    assert_eq!((name.as_str(), part.as_str()), ("--set", "sine"), "{said}");
    let (_, line, part, said) = refused(&format!("{VALID}b = 7.5\n"), &[]);
    assert_eq!((line, part.as_str()), (6, "7.5"), "{said}");
    let (_, line, part, said) = refused(&VALID.replace("4.18", "\"far\""), &[]);
    assert_eq!((line, part.as_str()), (5, "\"far\""), "{said}");
    let (_, _, part, said) = refused(&VALID.replace("4.18", "nan"), &[]);
    assert!(part == "nan" && said.contains("finite"), "{said}");
}

#[test]
fn target_is_either_a_name_or_an_energy_with_its_manifold() {
    for (lines, part, message) in [
        ("beta = 2.0", "", "[target] needs a name, or a manifold and an energy"),
        ("manifold = \"T2\"", "\"T2\"", "a manifold needs an energy"),
        ("energy = \"cos(theta1)\"", "\"cos(theta1)\"", "an energy needs the manifold"),
        ("name = \"torus-seam\"\nmanifold = \"T2\"", "\"T2\"", "remove this key"),
        (
            "name = \"torus-seam\"\nmanifold = \"T2\"\nenergy = \"cos(theta1)\"",
            "\"cos(theta1)\"",
            "has a name already",
        ),
        ("name = \"torus-seam\"\nparameters = { a = 1 }", "{ a = 1 }", "parameters are those of an energy"),
        ("manifold = \"Q2\"\nenergy = \"cos(theta1)\"", "\"Q2\"", "Q2"),
    ] {
        let (_, line, blamed, said) = refused(&format!("[target]\n{lines}\n"), &[]);
        assert!(said.contains(message) && line <= 4, "{lines}: {said}");
        assert!(part.is_empty() || part == blamed, "{lines}: {blamed} is blamed");
    }
}

#[test]
fn text_trains_to_the_figures_of_the_compiled_target() {
    let options = Options::default().samples(8192);
    let parameters = Parameters::from([("a".to_owned(), 4.18.into())]);
    let text = "-(cos(theta1 - a) + cos(theta2 - 5.96))";
    let expression =
        Expression::parse(&"T2".parse().expect("a torus"), text, &parameters).expect("an energy");
    let compiled = target::by_name("torus-unimodal").expect("in the table");
    let figures = |target: &dyn target::Target| {
        let (flow, fit) = fit_target(target, &options).unwrap_or_else(|e| panic!("{e}"));
        let weights = fit.evaluation.weights.expect("a target has weights");
        (flow.layers(), weights.ess.value, weights.log_z.value)
    };
    let (text, known) = (figures(&expression), figures(compiled.as_ref()));
    assert_eq!(text.0, known.0);
    // Energies differ in the last places, and so do the steps of training.
    assert!(known.1 > 0.999 && (text.1 - known.1).abs() < 1e-6, "{text:?} {known:?}");
    assert!((text.2 - known.2).abs() < 1e-6, "{text:?} {known:?}");
}

#[test]
fn exact_log_z_is_a_number_or_a_text_of_the_parameters() {
    let with = |line: &str| {
        format!(
            "[target]\nmanifold = \"T1\"\nenergy = \"-a * cos(theta1)\"\nbeta = 2.0\n{line}\n[target.parameters]\na = 1.5\n"
        )
    };
    // Z = 2π I₀(aβ); I₀(3) from Abramowitz and Stegun, table 9.8.
    let exact = (std::f64::consts::TAU * 4.880_792_585_865_024).ln();
    for line in ["log_z = 3.42318469", "log_z = \"k = a * beta; log(2 * pi * bessel_i0e(k)) + k\""] {
        let config = Config::parse(&with(line), "a.toml").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(Config::parse(&config.to_toml(), "config.toml").as_ref(), Ok(&config));
        let target = config.target().expect("an energy").expect("a target");
        let log_z = target.log_z(2.0).expect("it is given");
        assert!((log_z - exact).abs() < 1e-7, "{line}: {log_z}, not {exact}");
        assert_eq!(target.log_z(1.0), None, "of another inverse temperature it is not known");
    }
    for (line, part, message) in [
        ("log_z = inf", "inf", "inf is not a finite number"),
        ("log_z = \"log(0)\"", "log(0)", "the value of this constant is -inf"),
        ("log_z = \"log(c)\"", "c", "unknown name `c`"),
        ("log_z = \"cos(theta1)\"", "cos(theta1)", "not on coordinates"),
        ("log_z = \"\"", "", "there is no energy"),
        ("log_z = [1]", "[1]", "expected a number of nats"),
    ] {
        let (name, at, found, said) = refused(&with(line), &[]);
        assert_eq!((name.as_str(), at, found.as_str()), ("a.toml", 5, part), "{line}: {said}");
        assert!(said.contains(message), "{line}: {said}");
    }
    let (_, _, part, said) = refused("[target]\nname = \"torus-unimodal\"\nlog_z = 1.0\n", &[]);
    assert!(part == "1.0" && said.contains("log_z is that of an energy"), "{part}: {said}");
}

#[test]
fn exact_log_z_stands_beside_the_estimate_and_corrects_its_kl() {
    let t1 = "T1".parse().expect("a circle");
    let energy = Expression::parse(&t1, "-cos(theta1)", &Parameters::new()).unwrap_or_else(|e| panic!("{e}"));
    let exact = (std::f64::consts::TAU * 1.266_065_877_752_008_4).ln();
    let options = Options::default().samples(4096);
    let (_, plain) = fit_target(&energy, &options).unwrap_or_else(|e| panic!("{e}"));
    let (_, known) = fit_target(&energy.with_log_z(exact, 1.0), &options).unwrap_or_else(|e| panic!("{e}"));
    let of = |fit: &ircpm_train::fit::Fit| fit.evaluation.weights.clone().expect("weights");
    let (plain, known) = (of(&plain), of(&known));
    assert!(
        (plain.log_z.value - exact).abs() < 6.0 * plain.log_z.standard_error.max(1e-9),
        "{:?}",
        plain.log_z
    );
    assert!((0.0..1e-5).contains(&known.kl.value), "{:?}", known.kl);
    assert_ne!(plain.kl.value, known.kl.value, "a known log Z makes another estimate");
}

/// One layer whose psi is a function of the energy, of least KL: its parameters, and the KL with its standard error.
fn shaped(target: &dyn target::Target, energy: EnergyShape, hidden: Vec<usize>) -> (Vec<f64>, [f64; 2]) {
    let model =
        ModelConfig { energy: Some(energy), hidden, layers: Layers::Fixed(1), ..ModelConfig::default() };
    let options = Options::default().algorithm(Algorithm::Lbfgs).learning_rate(0.5).steps(60).points(2048);
    let options = options.samples(65_536).model(model);
    let (flow, fit) = fit_target(target, &options).unwrap();
    assert!(!fit.evaluation.fold.is_folded());
    let refused = FlowFile::of_target(&flow, &fit, &options.model);
    assert!(matches!(refused, Err(FlowFileError::Energy)));
    let kl = fit.evaluation.weights.unwrap().kl;
    (fit.theta, [kl.value, kl.standard_error])
}

/// Least KL of a family, which quadrature and a simplex search have found.
fn assert_optimal(name: &str, [kl, error]: [f64; 2], optimum: f64) {
    assert!((kl - optimum).abs() < 4.0 * error + 2e-5, "{name}: KL {kl} ± {error}, not {optimum}");
}

#[test]
fn multiples_of_the_energy_find_the_exact_optimum() {
    for (name, a, kl) in [
        ("torus-unimodal", 0.8000, 0.025_542),
        ("torus-multi-modal", 0.4013, 0.022_251),
        ("torus-correlated", 0.4000, 0.012_771),
    ] {
        let target = target::by_name(name).unwrap();
        let (theta, found) = shaped(target.as_ref(), EnergyShape::Multiple, vec![]);
        assert!((theta[0] - a).abs() < 2e-3, "{name}: a = {}, not {a}", theta[0]);
        assert_optimal(name, found, kl);
    }
}

#[test]
fn slopes_and_networks_do_better_than_multiples() {
    for (name, kl) in [("torus-unimodal", 0.010_070), ("torus-multi-modal", 0.022_019)] {
        let target = target::by_name(name).unwrap();
        let (theta, found) = shaped(target.as_ref(), EnergyShape::Slopes, vec![]);
        assert_eq!(theta.len(), 4);
        assert_optimal(name, found, kl);
    }
    let target = target::by_name("torus-unimodal").unwrap();
    let (theta, [kl, _]) = shaped(target.as_ref(), EnergyShape::Slopes, vec![8]);
    assert_eq!(theta.len(), 4 + 8 * 4 + 8 + 8 + 1);
    assert!(kl < 1e-3, "{kl}");
}

#[test]
fn energy_as_text_shapes_psi_as_the_compiled_one_does() {
    let text = "-(cos(theta1 - 4.18) + cos(theta2 - 5.96))";
    let of_text = Expression::parse(&"T2".parse().unwrap(), text, &Parameters::new()).unwrap();
    let compiled = target::by_name("torus-unimodal").unwrap();
    let [text, compiled] =
        [&of_text, compiled.as_ref()].map(|target| shaped(target, EnergyShape::Multiple, vec![]).0[0]);
    assert!((text - compiled).abs() < 1e-6, "{text}, {compiled}");
}

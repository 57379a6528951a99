//! Training of charges on the model's own samples.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use ircpm_flow::Jacobian;
use ircpm_train::config::{Config, Layers};
use ircpm_train::estimate::Estimates;
use ircpm_train::lattice::{LatticeError, LatticeFlow};
use ircpm_train::optimiser::{LeastSquares, Objective};
use ircpm_train::points::{Generator, Sequence, Spread, base_points};
use ircpm_train::positivity::{Effort, EigenvalueBound, LayerPositivity, Positivity};
use ircpm_train::target::{Target, by_name};
use ircpm_train::training::checkpoint::Checkpoint;
use ircpm_train::training::own_samples::OwnSamples;
use ircpm_train::training::{End, Problem, ProblemError, Source, Trainer};

fn config(target: &str, charges: &str, rest: &str) -> Config {
    let text = format!(
        "[target]\nname = \"{target}\"\n[model]\npotential = \"charges\"\nlayers = 2\ncharges = [{{ {charges} }}]\n{rest}"
    );
    Config::parse(&text, "test.toml").unwrap()
}

fn target_of(config: &Config) -> Box<dyn Target> {
    config.target().unwrap().unwrap()
}

/// ESS of own samples of a flow of charges.
fn ess(lattice: &LatticeFlow, theta: &[f64], target: &dyn Target) -> f64 {
    let (n, count) = (target.manifold().dim(), 4000);
    let x = base_points(
        target.manifold(),
        &Sequence::new(Spread::Random, count, n),
        &mut Generator::from_seed(99),
    );
    let pushed = lattice.flow.forward(theta, &x);
    assert!(pushed.ok.iter().all(|ok| *ok));
    let mut u = vec![0.0; count];
    target.energies(&pushed.y, &mut u);
    let log_weights: Vec<f64> = u.iter().zip(&pushed.log_q).map(|(u, log_q)| -u - log_q).collect();
    Estimates::new(&log_weights, 0, target.log_z(1.0)).unwrap().ess.value
}

#[test]
fn jacobian_in_free_parameters_matches_central_differences() {
    // So far out that the wall scales the parameters by about a half.
    jacobian_matches_central_differences("chain = { range = 1, degree = 3 }", 2, 12.0);
    jacobian_matches_central_differences("chain-windows = { range = 1, network = { width = 3 } }", 2, 3.0);
    jacobian_matches_central_differences("bonds = { degree = 3 }", 2, 12.0);
    // So many layers that free parameters are coefficients of polynomials.
    jacobian_matches_central_differences("chain = { range = 1, degree = 2 }", 6, 12.0);
}

/// At parameters that are so many times those that training begins with.
fn jacobian_matches_central_differences(charges: &str, layers: usize, far: f64) {
    let mut config = config("chain-6", charges, "[training]\noptimiser = \"levenberg-marquardt\"");
    config.model.layers = Layers::Fixed(layers);
    let (target, seed) = (target_of(&config), 5);
    let lattice = LatticeFlow::new(&config, target.manifold()).unwrap();
    let generator = Generator::from_seed(seed);
    let mut training = OwnSamples::new(&lattice, (target.as_ref(), 1.0), &config.training, generator);
    let theta: Vec<f64> = lattice.flow.initial(seed).iter().map(|a| far * a).collect();
    training.refresh(&theta).unwrap();
    let at = training.at(&theta).unwrap();
    // There `log q` of the samples is known from their draw; next to it their preimages are found.
    let mut near = theta.clone();
    near[0] += 1e-12;
    let inverted = training.at(&near).unwrap();
    assert!((&at.value - &inverted.value).amax() < 1e-9, "{}", (&at.value - &inverted.value).amax());
    let mut jacobian = Jacobian::default();
    training.jacobian(&theta, &at, &mut jacobian);
    let (samples, block) = (training.samples(), jacobian.blocks().next().unwrap().to_vec());
    let width = block.len() / theta.len();
    assert!(width <= samples);
    for k in (0..theta.len()).step_by(5) {
        let step = 1e-5;
        let moved = |h: f64| {
            let mut moved = theta.clone();
            moved[k] += h;
            training.at(&moved).unwrap()
        };
        let (plus, minus) = (moved(step), moved(-step));
        // The residuals' own log Z moves with the parameters; the Jacobian holds it fixed.
        let difference = |s: usize| (plus.value[s] - minus.value[s]) / (2.0 * step);
        let shift = difference(0) - block[k * width];
        for s in 0..width {
            // Factors of outliers scale the shift as well.
            let expected = difference(s) - shift * at.nuisance[s] / at.nuisance[0];
            assert!((block[k * width + s] - expected).abs() < 1e-6, "seed {seed}, parameter {k}, sample {s}");
        }
    }
}

#[test]
fn parameters_of_a_short_chain_serve_a_long_one() {
    let config = config("chain-12", "chain = { range = 1, degree = 3 }", "[training]\nsteps = 25");
    let target = target_of(&config);
    let lattice = LatticeFlow::new(&config, target.manifold()).unwrap();
    let source = Source::Target { target: target.as_ref(), beta: 1.0 };
    let mut trainer = Trainer::of_lattice(&lattice, source, &config.training, config.seed).unwrap();
    trainer.run(&AtomicBool::new(false), &mut ()).unwrap();
    let lowest = trainer.progress().lowest_seen.unwrap();
    assert!(lowest > 0.0, "{lowest}");
    // Range 1 in two layers reaches some 92 % at twelve angles.
    let short = ess(&lattice, trainer.theta(), target.as_ref());
    assert!(short > 0.85, "{short}");
    let long = by_name("chain-24").unwrap();
    let longer = LatticeFlow::new(&config, long.manifold()).unwrap();
    let theta = longer.parameters_from(&lattice, trainer.theta()).unwrap();
    assert_eq!(theta.len(), trainer.theta().len());
    let twice = ess(&longer, &theta, long.as_ref());
    // The divergence is that of so many sites: about the square.
    assert!(twice > short * short - 0.05, "{short}, {twice}");
}

#[test]
fn windows_are_trained_as_charges_are() {
    for optimiser in ["levenberg-marquardt", "adam"] {
        let rest = match optimiser {
            "adam" => "[training]\noptimiser = \"adam\"\nsteps = 400\nbatch = 128",
            _ => "[training]\nsteps = 25",
        };
        let config = config("chain-6", "chain-windows = { range = 1, network = { width = 6 } }", rest);
        let target = target_of(&config);
        let lattice = LatticeFlow::new(&config, target.manifold()).unwrap();
        let source = Source::Target { target: target.as_ref(), beta: 1.0 };
        let mut trainer = Trainer::of_lattice(&lattice, source, &config.training, config.seed).unwrap();
        trainer.run(&AtomicBool::new(false), &mut ()).unwrap();
        let lowest = trainer.progress().lowest_seen.unwrap();
        assert!(lowest > 0.0, "{optimiser}: {lowest}");
        let ess = ess(&lattice, trainer.theta(), target.as_ref());
        assert!(ess > 0.85, "{optimiser}: {ess}");
    }
}

#[test]
fn a_closed_chain_without_a_field_is_nearly_a_product_in_coordinates_of_its_bonds() {
    let text = "[target]\nname = \"closed-chain-12\"\n[model]\npotential = \"charges\"\nwall = 0.98\n\
                charges = [{ bonds = {} }, { closure = { degree = 3 } }, { bonds = {} }]\n[training]\nsteps = 20";
    let config = Config::parse(text, "test.toml").unwrap();
    let target = target_of(&config);
    let lattice = LatticeFlow::new(&config, target.manifold()).unwrap();
    // All three see differences, which the last layer turns into angles.
    assert_eq!((lattice.maps.len(), lattice.flow.layers()), (3, 4));
    let source = Source::Target { target: target.as_ref(), beta: 1.0 };
    let mut trainer = Trainer::of_lattice(&lattice, source, &config.training, config.seed).unwrap();
    trainer.run(&AtomicBool::new(false), &mut ()).unwrap();
    let short = ess(&lattice, trainer.theta(), target.as_ref());
    assert!(short > 0.999, "{short}");
    let long = by_name("closed-chain-24").unwrap();
    let longer = LatticeFlow::new(&config, long.manifold()).unwrap();
    let theta = longer.parameters_from(&lattice, trainer.theta()).unwrap();
    assert_eq!(theta, trainer.theta());
}

#[test]
fn charges_that_do_not_fit_the_target_are_refused() {
    let problem = |target: &str, charges: &str| {
        Problem::new(config(target, charges, ""), Path::new("")).map(|_| ()).unwrap_err()
    };
    let no_torus = problem("sphere-four-mode", "sites = { degree = 2 }");
    assert!(matches!(no_torus, ProblemError::Lattice(LatticeError::NoTorus { .. })), "{no_torus}");
    let no_square = problem("chain-10", "square = {}");
    assert!(matches!(no_square, ProblemError::Lattice(LatticeError::NoSquare { sites: 10 })), "{no_square}");
    let no_square = problem("chain-10", "square-windows = {}");
    assert!(matches!(no_square, ProblemError::Lattice(LatticeError::NoSquare { sites: 10 })), "{no_square}");
    for charges in ["chain = { range = 3 }", "chain-windows = { range = 3 }"] {
        let short = problem("chain-2", charges);
        assert!(matches!(short, ProblemError::Lattice(LatticeError::Charges { layer: 1, .. })), "{short}");
    }
    let wide = problem("chain-10", "chain-windows = { range = 5 }");
    assert!(matches!(wide, ProblemError::Lattice(LatticeError::Charges { layer: 1, .. })), "{wide}");
}

#[test]
fn configurations_with_half_of_the_charges_are_refused() {
    for (model, message) in [
        ("potential = \"charges\"", "name the charges of one layer"),
        ("charges = [{ total = {} }]", "charges need potential"),
        ("potential = \"charges\"\nhidden = [3]\ncharges = [{ total = {} }]", "nor hidden layers"),
        (
            "potential = \"charges\"\nlayers = 3\ncharges = [{ total = {} }, { sites = {} }]",
            "the charges of every layer",
        ),
        ("potential = \"charges\"\ncharges = [{ chain = { range = 9 } }]", "9 is not an integer from 1 to 8"),
        (
            "potential = \"charges\"\ncharges = [{ chain-windows = { network = { width = 0 } } }]",
            "0 is not an integer from 1 to 64",
        ),
    ] {
        let text = format!("[target]\nname = \"chain-10\"\n[model]\n{model}");
        let error = Config::parse(&text, "test.toml").unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

/// Training of a problem to its end, stopped after so many steps and taken up again from the bytes of its checkpoint.
fn trained(problem: &Problem, stop_after: Option<usize>, threads: usize) -> Vec<f64> {
    let run = || {
        let mut trainer = problem.trainer().unwrap();
        if let Some(steps) = stop_after {
            for _ in 0..steps {
                trainer.step().unwrap();
            }
            let saved = Checkpoint { config: problem.config.clone(), state: trainer.state() };
            let read = Checkpoint::decode(&saved.encode().unwrap()).unwrap();
            trainer = problem.resume(read.state).unwrap();
        }
        trainer.run(&AtomicBool::new(false), &mut ()).unwrap();
        trainer.state().theta
    };
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

#[test]
fn training_that_was_stopped_ends_with_the_same_bits() {
    let charges = "chain = { range = 1, degree = 2, boundary = 1 }";
    // Six layers have coordinates over the depth.
    for (optimiser, layers, steps, stops) in
        [("levenberg-marquardt", 6, 14, [1, 12]), ("adam-levenberg-marquardt", 2, 24, [5, 20])]
    {
        let rest =
            format!("wall = 0.8\n[training]\noptimiser = \"{optimiser}\"\nsteps = {steps}\nbatch = 32");
        let mut config = config("chain-6", charges, &rest);
        config.model.layers = Layers::Fixed(layers);
        let problem = Problem::new(config, Path::new("")).unwrap();
        let whole = trained(&problem, None, 1);
        for threads in [1, 2] {
            assert_eq!(trained(&problem, None, threads), whole, "{optimiser}, {threads} threads");
            for stop in stops {
                assert_eq!(
                    trained(&problem, Some(stop), threads),
                    whole,
                    "{optimiser}, {stop}, {threads} threads"
                );
            }
        }
    }
}

#[test]
fn a_goal_ends_training() {
    let charges = "chain = { range = 1, degree = 3, boundary = 2 }";
    let problem = |goal: &str| {
        let rest = format!("[training]\nsteps = 30\ngoal = {goal}");
        Problem::new(config("chain-4", charges, &rest), Path::new("")).unwrap()
    };
    let end = |problem: &Problem| {
        let mut trainer = problem.trainer().unwrap();
        trainer.run(&AtomicBool::new(false), &mut ()).unwrap();
        *trainer.progress()
    };
    let reached = end(&problem("0.05"));
    assert!(reached.step < 30 && reached.end == Some(End::Goal) && reached.done, "{reached:?}");
    // β has come to the target's first.
    assert!(reached.step > 8 && reached.beta == Some(1.0), "{reached:?}");
    let missed = end(&problem("1e-9"));
    assert_eq!((missed.step, missed.end, missed.done), (30, None, true));
}

#[test]
fn a_warm_start_ends_with_nothing_worse() {
    let charges = "chain = { range = 1, degree = 3 }";
    let short = Problem::new(config("chain-12", charges, "[training]\nsteps = 25"), Path::new("")).unwrap();
    let mut trainer = short.trainer().unwrap();
    trainer.run(&AtomicBool::new(false), &mut ()).unwrap();
    let other = Checkpoint { config: short.config.clone(), state: trainer.state() };
    let long = Problem::new(config("chain-24", charges, "[training]\nsteps = 1"), Path::new("")).unwrap();
    let warm = |is_end: bool| {
        let problem = long.warm_start(&other, is_end).unwrap();
        let mut trainer = problem.trainer().unwrap();
        trainer.run(&AtomicBool::new(false), &mut ()).unwrap();
        ess(problem.lattice().unwrap(), trainer.theta(), target_of(&problem.config).as_ref())
    };
    let (before, after) = (warm(true), warm(false));
    assert!(after > before - 0.01, "{before}, {after}");
}

#[test]
fn a_warm_start_in_another_metric_is_refused() {
    let of = |target: &str, charges: &str| {
        Problem::new(config(target, charges, "[training]\nsteps = 1"), Path::new("")).unwrap()
    };
    let small = of("xy-4x4", "square = { stiffness = 4.0 }");
    let other = Checkpoint { config: small.config.clone(), state: small.trainer().unwrap().state() };
    assert!(of("xy-5x5", "square = { stiffness = 4.0 }").warm_start(&other, true).is_ok());
    for (charges, found) in [("square = { stiffness = 1.5 }", "1.5"), ("square = {}", "0")] {
        let error = of("xy-5x5", charges).warm_start(&other, true).map(|_| ()).unwrap_err().to_string();
        let expected =
            format!("layer 1 has a stiffness of {found}, and the parameters are those of a stiffness of 4:");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn charges_without_number_are_refused_at_once() {
    for (target, charges) in [
        ("chain-64", "chain = { range = 8, degree = 16 }"),
        ("chain-1024", "chain = { range = 4, degree = 8 }"),
        ("xy-16x16", "square = { degree = 12 }"),
    ] {
        let error = Problem::new(config(target, charges, ""), Path::new("")).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("a map is compiled for at most 524288"), "{error}");
    }
}

#[test]
fn chains_are_certified_and_lattices_searched() {
    let go_on = || ControlFlow::Continue(());
    let positivity = |target: &str, charges: &str, scale: f64| {
        let config = config(target, charges, "");
        let lattice = LatticeFlow::new(&config, target_of(&config).manifold()).unwrap();
        let theta: Vec<f64> = lattice.flow.initial(1).iter().map(|a| scale * a).collect();
        Positivity::new(&lattice, &theta, 3, &go_on)
    };
    for (target, charges) in [
        ("chain-12", "chain = { range = 2, degree = 3 }"),
        ("closed-chain-12", "chain = { range = 2, degree = 4, closed = true, differences = true }"),
        ("u1-3x3", "total = { degree = 3 }"),
    ] {
        let found = positivity(target, charges, 1.0);
        assert!(matches!(found, Positivity::Certified { bound } if bound > 0.6 && bound < 1.0), "{found:?}");
    }
    let found = positivity("xy-4x4", "square = {}", 1.0);
    assert!(matches!(found, Positivity::Searched { lowest } if lowest > 0.8 && lowest < 1.0), "{found:?}");
    for (target, charges) in [("chain-12", "chain = { range = 2, degree = 3 }"), ("xy-4x4", "square = {}")] {
        let found = positivity(target, charges, 300.0);
        assert!(
            matches!(&found, Positivity::Folded { layer: 1, eigenvalue, .. } if *eigenvalue < 0.0),
            "{found:?}"
        );
    }
}

#[test]
fn a_fold_is_proven_by_an_interval() {
    let config = config("chain-6", "chain = { range = 1, degree = 2 }", "");
    let lattice = LatticeFlow::new(&config, target_of(&config).manifold()).unwrap();
    let theta: Vec<f64> = lattice.flow.initial(1).iter().map(|a| 40.0 * a).collect();
    let go_on = || ControlFlow::Continue(());
    let found = LayerPositivity::new(&lattice, 0, &theta, 3, Effort::default(), &go_on);
    let EigenvalueBound::AtMost(bound) = found.proof else { panic!("{found:?}") };
    // The quotient of the eigenvector itself: no better bound exists.
    assert!(bound < 0.0 && (bound - found.lowest).abs() < 1e-9, "{found:?}");
}

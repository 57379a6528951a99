//! Fits of linear layers that are interrupted and go on: to the same bits, or with an error where their state is damaged.

use std::f64::consts::TAU;
use std::sync::atomic::{AtomicBool, Ordering};

use ircpm_manifolds::AnyManifold;
use ircpm_train::config::Config;
use ircpm_train::convex::{GrowthState, LinearDensity, LinearOptions, ResumeError};
use ircpm_train::points::Generator;
use ircpm_train::training::checkpoint::{Checkpoint, CheckpointError};
use ircpm_train::training::{Problem, State, Step, Watcher};

/// Points of a manifold, of which some are validation points.
struct Case {
    manifold: AnyManifold,
    points: Vec<f64>,
    validation: Vec<f64>,
    options: LinearOptions,
}

/// Points whose coordinates a function draws, some of them to learn from and the others to judge.
fn case(name: &str, [train, validation]: [usize; 2], draw: fn(&mut Generator) -> Vec<f64>) -> Case {
    let mut rng = Generator::from_seed(4);
    let mut points = |count: usize| (0..count).flat_map(|_| draw(&mut rng)).collect();
    let mut options = LinearOptions::default();
    options.layers = 2;
    let (points, validation) = (points(train), points(validation));
    Case { manifold: name.parse().expect("a manifold"), points, validation, options }
}

fn circle() -> Case {
    case("T1", [60, 0], |rng| vec![(1.0 + 0.4 * rng.normal()).rem_euclid(TAU)])
}

fn cylinder() -> Case {
    case("R1xT1", [110, 0], |rng| {
        let x = rng.normal();
        vec![20.0 + 3.0 * x, (x + 0.3 * rng.normal()).rem_euclid(TAU)]
    })
}

fn conditional() -> Case {
    case("T1xC1", [110, 0], |rng| {
        let c = rng.normal();
        vec![(c + 0.4 * rng.normal()).rem_euclid(TAU), 300.0 + 10.0 * c]
    })
}

/// One stack judges, and its functions are those of the stack of all points.
fn sphere() -> Case {
    case("S2", [150, 90], |rng| {
        let v = [rng.normal(), 2.0 + 0.7 * rng.normal(), 0.5 * rng.normal()];
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.iter().map(|x| x / norm).collect()
    })
}

/// One stack judges, and that of all points is made from it.
fn many_points() -> Case {
    case("T1", [2000, 200], |rng| {
        let centre = [1.0, 4.0][rng.below(2)];
        vec![(centre + 0.4 * rng.normal()).rem_euclid(TAU)]
    })
}

impl Case {
    fn fit(&self, stop: &AtomicBool, watch: &mut dyn FnMut(&LinearDensity)) -> LinearDensity {
        let Self { manifold, points, validation, options } = self;
        LinearDensity::fit(manifold, points, validation, options, stop, watch).expect("kernels")
    }

    fn resume(
        &self,
        state: &GrowthState,
        stop: &AtomicBool,
        watch: &mut dyn FnMut(&LinearDensity),
    ) -> Result<LinearDensity, ResumeError> {
        let Self { manifold, points, validation, options } = self;
        LinearDensity::resume(manifold, points, validation, options, state, stop, watch)
    }

    /// The state after the first layer, at which the fit is stopped.
    fn first(&self) -> GrowthState {
        let stop = AtomicBool::new(false);
        let stopped = self.fit(&stop, &mut |_| stop.store(true, Ordering::Relaxed));
        assert!(stopped.interrupted && stopped.reports.len() == 1, "{:?}", stopped.reports);
        stopped.growth.expect("one layer")
    }
}

fn on_threads<T: Send>(count: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(count).build().expect("threads").install(run)
}

fn bits(density: &LinearDensity) -> Vec<u64> {
    density.theta.iter().map(|x| x.to_bits()).collect()
}

/// Stops a fit after each of its layers and after the last steps, and goes on.
fn goes_on_to_the_same_bits(case: &Case) {
    let name = &case.manifold;
    let going = || AtomicBool::new(false);
    let mut states = vec![];
    let whole = on_threads(1, || {
        case.fit(&going(), &mut |density| {
            states.extend(density.growth.clone().map(|s| (density.theta.len(), s)));
        })
    });
    assert!(!whole.interrupted && whole.growth.is_none());
    assert_eq!(whole.reports.len(), states.len() + 1, "{name}: {:?}", whole.reports);
    assert!(!states.is_empty(), "{name} has no layers");
    println!("{name}: {} layers, {} numbers", states.len(), whole.theta.len());
    let same = |found: &LinearDensity, threads: usize| {
        assert_eq!(bits(found), bits(&whole), "{name}, {threads} threads");
        assert_eq!((&found.terms, &found.reports), (&whole.terms, &whole.reports), "{name}");
        assert!(!found.interrupted && found.growth.is_none());
    };
    for (layers, (_, state)) in states.iter().enumerate() {
        let threads = 1 + layers % 2;
        let resumed = on_threads(threads, || case.resume(state, &going(), &mut |_| ()));
        same(&resumed.expect("its own state"), threads);
    }
    // Stopped in the other number of threads, the state is the same; it stays so where no further layer is fitted.
    let first = on_threads(2, || case.first());
    assert_eq!(first, states[0].1, "{name}");
    let idle = case.resume(&first, &AtomicBool::new(true), &mut |_| ()).expect("its own state");
    assert!(idle.interrupted && idle.theta.len() == states[0].0, "{name}");
    assert_eq!(idle.growth.as_ref(), Some(&first), "{name}");
    // Stopped at the very end, the fit goes back to its last layer.
    let stop = going();
    let last = &states[states.len() - 1].1;
    let mut end = |density: &LinearDensity| {
        if density.reports.last().is_some_and(|report| report.layer.is_none()) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let stopped = case.resume(last, &stop, &mut end).expect("its own state");
    assert!(stopped.interrupted && stopped.growth.as_ref() == Some(last), "{name}");
}

#[test]
fn circle_goes_on_to_the_same_bits() {
    goes_on_to_the_same_bits(&circle());
}

#[test]
fn cylinder_goes_on_to_the_same_bits() {
    goes_on_to_the_same_bits(&cylinder());
}

#[test]
fn conditional_density_goes_on_to_the_same_bits() {
    goes_on_to_the_same_bits(&conditional());
}

#[test]
fn sphere_with_validation_points_goes_on_to_the_same_bits() {
    goes_on_to_the_same_bits(&sphere());
}

#[test]
fn stack_of_many_points_goes_on_to_the_same_bits() {
    goes_on_to_the_same_bits(&many_points());
}

/// A change of a state, and the array that is then wrong.
type Damage = (fn(&mut GrowthState), &'static str);

#[test]
fn damaged_states_are_refused_with_the_name_of_the_array() {
    let case = sphere();
    let state = case.first();
    let damages: [Damage; 17] = [
        (|s| s.penalties[0] = 14, "growth.penalties"),
        (|s| s.penalties = vec![1; 3], "growth.penalties"),
        (|s| s.gains.clear(), "growth.gains"),
        (|s| s.gains[0] = f64::NAN, "growth.gains"),
        (|s| drop(s.members.pop()), "growth.members"),
        (|s| s.members[1].layers.clear(), "growth.1"),
        (|s| s.members[0].layers[0].centres.truncate(4), "growth.0.0.centres"),
        (|s| s.members[0].layers[0].centres[2] = f64::INFINITY, "growth.0.0.centres"),
        (|s| s.members[0].layers[0].concentrations[1] = 0.0, "growth.0.0.concentrations"),
        (|s| s.members[0].layers[0].concentrations.resize(1 << 20, 1.0), "growth.0.0.concentrations"),
        (|s| s.members[1].layers[0].parameters.push(0.0), "growth.1.0.parameters"),
        (|s| s.members[1].layers[0].parameters.fill(f64::NAN), "growth.1.0.parameters"),
        (|s| s.members[1].layers[0].parameters.fill(1e300), "growth.1.0.parameters"),
        (|s| s.members[1].layers[0].barrier.clear(), "growth.1.0.barrier"),
        (|s| s.members[1].layers[0].weights.clear(), "growth.1.0.weights"),
        (|s| s.members[1].layers[0].weights[7] = -1.0, "growth.1.0.weights"),
        (|s| s.members[1].layers[0].weights[7] = f64::NAN, "growth.1.0.weights"),
    ];
    for (number, (damage, name)) in damages.into_iter().enumerate() {
        let mut damaged = state.clone();
        damage(&mut damaged);
        match case.resume(&damaged, &AtomicBool::new(true), &mut |_| ()) {
            Err(ResumeError::State(error)) => assert_eq!(error.name, name, "{number}: {error}"),
            other => panic!("{number}: {name} was not refused: {other:?}"),
        }
    }
}

/// A random number that makes trouble, or an array of another length.
fn change(array: &mut Vec<f64>, rng: &mut Generator) {
    const TROUBLE: [f64; 8] = [0.0, -1.0, 1e-320, 1e300, -1e300, f64::MAX, f64::NAN, f64::INFINITY];
    match (rng.below(8), array.len()) {
        (0, _) | (_, 0) => array.push(1.0),
        (1, _) => drop(array.pop()),
        (2, _) => array.clear(),
        (3, _) => array.iter_mut().for_each(|x| *x *= 100.0),
        (_, length) => array[rng.below(length)] = TROUBLE[rng.below(8)],
    }
}

#[test]
fn states_with_random_changes_and_of_other_points_never_panic() {
    let mut rng = Generator::from_seed(8);
    let (mut refused, mut taken) = (0, 0);
    let cases = [circle(), cylinder(), conditional(), sphere()].map(|case| (case.first(), case));
    let mut resume =
        |case: &Case, state: &GrowthState| match case.resume(state, &AtomicBool::new(true), &mut |_| ()) {
            Ok(density) => {
                assert!(density.interrupted && density.growth.as_ref() == Some(state));
                taken += 1;
            }
            Err(ResumeError::State(error)) => {
                assert!(error.name.starts_with("growth."), "{error}");
                refused += 1;
            }
            Err(error) => panic!("{}: {error}", case.manifold),
        };
    for (state, case) in &cases {
        cases.iter().for_each(|(other, _)| resume(case, other));
        for _ in 0..40 {
            let mut changed = state.clone();
            let member = rng.below(changed.members.len());
            let layer = &mut changed.members[member].layers[0];
            match rng.below(5) {
                0 => change(&mut layer.centres, &mut rng),
                1 => change(&mut layer.concentrations, &mut rng),
                2 => change(&mut layer.parameters, &mut rng),
                3 => change(&mut layer.barrier, &mut rng),
                _ => change(&mut layer.weights, &mut rng),
            }
            resume(case, &changed);
        }
    }
    assert!(refused > 60 && taken > 4, "{refused} refused, {taken} taken");
}

/// Keeps the states that are to be saved.
#[derive(Default)]
struct Keeper(Vec<State>);

impl Watcher for Keeper {
    fn step(&mut self, _: &Step) -> std::ops::ControlFlow<()> {
        std::ops::ControlFlow::Continue(())
    }

    fn checkpoint(&mut self, state: &State) -> std::ops::ControlFlow<()> {
        self.0.push(state.clone());
        std::ops::ControlFlow::Continue(())
    }
}

#[test]
fn checkpoints_hold_the_state_to_the_bit() {
    let dir = tempfile::tempdir().expect("a folder");
    let text: String = circle().points.iter().map(|x| format!("{x:?}\n")).collect();
    std::fs::write(dir.path().join("angles.csv"), text).expect("a writable folder");
    let text = "[training]\nloss = \"likelihood\"\n[data]\nfile = \"angles.csv\"\nmanifold = \"T1\"\n";
    let config = Config::parse(text, "test").expect("a configuration");
    let problem = Problem::new(config, dir.path()).expect("points");
    let (stop, mut keeper) = (AtomicBool::new(false), Keeper::default());
    let (_, whole) = problem.fit_linear(&stop, &mut keeper).expect("a fit");
    let [saved @ .., last] = &keeper.0[..] else { panic!("no states") };
    assert!(last == &whole && whole.growth.is_none() && whole.progress.done);
    assert!(!saved.is_empty());
    for (layer, state) in saved.iter().enumerate() {
        assert!(!state.progress.done && state.progress.step == layer + 1 && state.growth.is_some());
        let checkpoint = Checkpoint { config: problem.config.clone(), state: state.clone() };
        let bytes = checkpoint.encode().expect("an encodable state");
        assert_eq!(bytes, checkpoint.encode().expect("the same"));
        let read = Checkpoint::decode(&bytes).expect("its own encoding").state;
        assert_eq!(read.growth, state.growth);
        let untimed = |mut state: State| {
            (state.progress.wall_seconds, state.progress.cpu_seconds) = (0.0, 0.0);
            state
        };
        assert!(problem.at(&read).is_some(), "a density before the fit is at its end");
        let (_, resumed) = problem.resume_linear(&read, &stop, &mut ()).expect("its own state");
        assert_eq!(untimed(resumed), untimed(whole.clone()));

        let mut foreign = checkpoint.clone();
        foreign.state.progress.step += 1;
        let refused = Checkpoint::decode(&foreign.encode().expect("an encodable state"));
        assert!(matches!(refused, Err(CheckpointError::Metadata { key: "growth", .. })), "{refused:?}");
    }
}

//! Training by several ranks: the same bits as by one process.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;

use ircpm_train::config::Config;
use ircpm_train::ranks::Ranks;
use ircpm_train::training::{Problem, State, Step, TrainingError, Watcher};

/// Breaks off after some steps, on the rank that it watches.
struct Limit(usize);

impl Watcher for Limit {
    fn step(&mut self, step: &Step) -> ControlFlow<()> {
        if step.step + 1 >= self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn problem(text: &str) -> Problem {
    Problem::new(Config::parse(text, "test.toml").unwrap(), Path::new("")).unwrap()
}

/// `of` every rank, in a thread of its own.
fn together<T: Send>(size: usize, of: impl Fn(&Ranks) -> T + Sync) -> Vec<T> {
    let ranks = Ranks::of_threads(size);
    thread::scope(|scope| {
        let of = &of;
        let run = |ranks| scope.spawn(move || of(ranks));
        let threads: Vec<_> = ranks.iter().map(run).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// All that the next step depends on, as bits.
fn bits(state: &State) -> Vec<u64> {
    let mut generator = state.generator.clone();
    let tensors = state.optimiser.values().flatten();
    let numbers = state.theta.iter().chain(tensors).map(|x| x.to_bits());
    numbers.chain([state.progress.step as u64, state.progress.unconverged, generator.next_u64()]).collect()
}

/// The state after some steps, of which the last rank counts them.
fn trained(problem: &Problem, ranks: &Ranks, steps: usize) -> State {
    let shared = problem.clone().shared_by(ranks.clone());
    let mut trainer = shared.trainer().unwrap();
    let last = ranks.rank() + 1 == ranks.size();
    trainer.run(&AtomicBool::new(false), &mut Limit(if last { steps } else { usize::MAX })).unwrap();
    trainer.state()
}

/// Checks that the state after some steps is the same on any number of ranks.
fn check(text: &str, steps: usize, sizes: &[usize]) {
    let problem = problem(text);
    let alone = trained(&problem, &Ranks::ALONE, steps);
    assert_eq!(alone.progress.step, steps, "{text}");
    let expected = bits(&alone);
    for &size in sizes {
        for (rank, state) in together(size, |ranks| trained(&problem, ranks, steps)).iter().enumerate() {
            assert!(bits(state) == expected, "rank {rank} of {size}: {text}");
        }
    }
}

const CHARGES: &str = "[target]\nname = \"chain-10\"\n[model]\npotential = \"charges\"\nlayers = 2\ncharges = [{ chain = { range = 1 } }]\n";
const TORUS: &str = "[target]\nname = \"torus-multi-modal\"\n[model]\nlayers = 2\n";

#[test]
fn least_squares_on_own_samples_are_the_same_bits() {
    check(CHARGES, 3, &[2, 3, 4]);
    // Six layers have coordinates over the depth.
    check(&CHARGES.replace("layers = 2", "layers = 6"), 3, &[2]);
}

#[test]
fn gradients_on_own_samples_are_the_same_bits() {
    check(&format!("{CHARGES}[training]\noptimiser = \"adam\"\nsteps = 9\nbatch = 500"), 4, &[2, 3, 4]);
    check(&format!("{CHARGES}[training]\noptimiser = \"lbfgs\"\nsteps = 9\nbatch = 300"), 4, &[2, 4]);
}

/// Fewer parameters than points, and more.
#[test]
fn least_squares_at_chosen_points_are_the_same_bits() {
    for hidden in ["[12]", "[24, 24]"] {
        check(&format!("{TORUS}hidden = {hidden}"), 3, &[2, 3, 4]);
    }
}

/// Fewer points than ranks have tiles, whole nodes of the sum, and more points than one tree has.
#[test]
fn gradients_of_any_batch_are_the_same_bits() {
    for (batch, sizes) in [(1, &[2, 4][..]), (33, &[2, 4, 7]), (1000, &[2, 3, 4]), (9001, &[2, 4])] {
        let text =
            format!("{TORUS}hidden = [6]\n[training]\noptimiser = \"adam\"\nsteps = 5\nbatch = {batch}");
        check(&text, 2, sizes);
    }
}

#[test]
fn likelihood_of_points_is_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("points.csv");
    let rows: String =
        (0..900).map(|i| format!("{},{}\n", (0.7 * f64::from(i)).sin(), 0.01 * f64::from(i))).collect();
    std::fs::write(&file, rows).unwrap();
    let text = format!(
        "[data]\nfile = {file:?}\nmanifold = \"T2\"\nunit = \"rad\"\n[model]\npotential = \"network\"\nlayers = 1\nhidden = [6]\n\
         [training]\nloss = \"likelihood\"\noptimiser = \"adam\"\nsteps = 9\nbatch = 300"
    );
    check(&text, 4, &[2, 4]);
}

/// The energy is NaN on two thousandths of the circle, where one rank alone has a point; all return the same error.
#[test]
fn an_error_of_one_rank_is_that_of_all() {
    let text = "[target]\nmanifold = \"T1\"\nenergy = \"sqrt(cos(theta1 - 1.3) + 0.9999995)\"\n[model]\nlayers = 1\nhidden = [4]\n[training]\n\
                optimiser = \"adam\"\nsteps = 400\nbatch = 256";
    let problem = problem(text);
    let error = |ranks: &Ranks| {
        let shared = problem.clone().shared_by(ranks.clone());
        let mut trainer = shared.trainer().unwrap();
        trainer.run(&AtomicBool::new(false), &mut ()).unwrap_err().to_string()
    };
    let alone = error(&Ranks::ALONE);
    for size in [2, 4] {
        assert!(together(size, error).iter().all(|error| *error == alone), "{alone}");
    }
}

#[test]
fn ranks_that_train_another_flow_are_refused() {
    let problems = [1, 2].map(|seed| problem(&format!("seed = {seed}\n{TORUS}hidden = [6]")));
    let errors = together(2, |ranks| {
        let shared = problems[ranks.rank()].clone().shared_by(ranks.clone());
        let mut trainer = shared.trainer().unwrap();
        trainer.run(&AtomicBool::new(false), &mut ()).unwrap_err()
    });
    assert_eq!(errors, [TrainingError::Unequal { rank: 1 }, TrainingError::Unequal { rank: 1 }]);
}

/// A stop that one rank is told ends all of them after the same step.
#[test]
fn a_stop_of_one_rank_stops_all() {
    let problem = problem(&format!("{TORUS}hidden = [6]\n[training]\noptimiser = \"adam\""));
    let steps = together(4, |ranks| {
        let shared = problem.clone().shared_by(ranks.clone());
        let mut trainer = shared.trainer().unwrap();
        trainer.run(&AtomicBool::new(ranks.rank() == 2), &mut ()).unwrap();
        trainer.progress().step
    });
    assert_eq!(steps, [0; 4]);
}

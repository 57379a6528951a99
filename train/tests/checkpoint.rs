//! Checkpoints: what is saved is what is loaded, training goes on to the bit, and damage is an error.

use std::sync::atomic::AtomicBool;

use ircpm_train::config::Config;
use ircpm_train::config::preset::by_name;
use ircpm_train::training::checkpoint::{Checkpoint, CheckpointError};
use ircpm_train::training::{Problem, Progress, Trainer};

fn problem(steps: usize) -> Problem {
    let set = format!("training.steps={steps}").parse().expect("of the form key=value");
    let config = by_name("torus-correlated").expect("a preset").config(&[set]).expect("a valid preset");
    Problem::new(config, ".".as_ref()).expect("a model that fits")
}

fn trainer(problem: &Problem) -> Trainer<'_> {
    problem.trainer().expect("an optimiser that applies")
}

fn checkpoint(problem: &Problem, trainer: &Trainer<'_>) -> Checkpoint {
    Checkpoint { config: problem.config.clone(), state: trainer.state() }
}

fn steps(trainer: &mut Trainer<'_>, count: usize) {
    for _ in 0..count {
        trainer.step().expect("a step that does not diverge");
    }
}

#[test]
fn resumed_training_takes_the_same_steps_to_the_bit() {
    let problem = problem(20);
    let mut straight = trainer(&problem);
    steps(&mut straight, 8);
    let bytes = checkpoint(&problem, &straight).encode().expect("an encodable state");
    let loaded = Checkpoint::decode(&bytes).expect("its own encoding");
    assert_eq!(loaded, checkpoint(&problem, &straight));
    let mut resumed = problem.resume(loaded.state).expect("a state of the same model");
    steps(&mut straight, 12);
    steps(&mut resumed, 12);
    assert_eq!(straight.state(), resumed.state());
}

#[test]
fn training_is_the_same_on_any_number_of_threads() {
    assert_same_on_any_number_of_threads(&problem(6));
    assert_same_on_any_number_of_threads(&sharp(60));
}

fn assert_same_on_any_number_of_threads(problem: &Problem) {
    let theta = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let mut trainer = trainer(problem);
            trainer.run(&AtomicBool::new(false), &mut ()).expect("steps that do not diverge");
            trainer.state().theta
        })
    };
    let alone = theta(1);
    assert_eq!(alone, theta(2));
    assert_eq!(alone, theta(7));
}

/// A target too sharp for one layer.
fn sharp(steps: usize) -> Problem {
    let text = format!(
        "[target]\nname = \"torus-unimodal\"\nbeta = 10\n[model]\nhidden = [8, 8]\n[training]\nbatch = 128\nsteps = {steps}"
    );
    let config = Config::parse(&text, "sharp.toml").expect("a valid configuration");
    Problem::new(config, ".".as_ref()).expect("a model that fits")
}

#[test]
fn stack_that_grows_is_resumed_to_the_bit_on_either_side_of_a_new_layer() {
    let problem = sharp(400);
    let mut straight = trainer(&problem);
    let (mut before, mut taken) = (straight.state(), 0);
    while straight.flow().layers() == 1 && taken < 80 {
        before = straight.state();
        steps(&mut straight, 1);
        taken += 1;
    }
    assert!(straight.flow().layers() > 1, "one layer in {taken} steps");
    let after = straight.state();
    assert_eq!(after.theta.len(), straight.flow().parameters());
    assert!(problem.at(&after).is_some_and(|deep| deep.flow.layers() > 1));
    steps(&mut straight, 3);
    for (state, left) in [(before, 4), (after, 3)] {
        let saved = Checkpoint { config: problem.config.clone(), state };
        let loaded =
            Checkpoint::decode(&saved.encode().expect("an encodable state")).expect("its own encoding");
        let mut resumed = problem.resume(loaded.state).expect("a state of some depth");
        steps(&mut resumed, left);
        assert_eq!(straight.state(), resumed.state(), "{left} steps");
    }
}

#[test]
fn parameters_of_no_depth_are_refused() {
    let problem = sharp(400);
    let mut state = trainer(&problem).state();
    state.theta.push(0.0);
    assert!(problem.at(&state).is_none());
    assert!(problem.resume(state).is_err());
}

#[test]
fn training_stops_before_its_next_step_when_asked() {
    let problem = problem(6);
    let mut trainer = trainer(&problem);
    trainer.run(&AtomicBool::new(true), &mut ()).expect("no step that could fail");
    assert_eq!(trainer.progress().step, 0);
    assert!(!trainer.is_done());
}

#[test]
fn damaged_checkpoint_is_an_error_wherever_it_is_cut_or_changed() {
    let problem = problem(6);
    let bytes = checkpoint(&problem, &trainer(&problem)).encode().expect("an encodable state");
    for cut in (0..bytes.len()).step_by(97) {
        assert!(Checkpoint::decode(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    // Changed bytes may still be a checkpoint; they must never be a panic or a number that is not one.
    for at in (0..bytes.len()).step_by(31) {
        let mut changed = bytes.clone();
        changed[at] = 0xff;
        if let Ok(checkpoint) = Checkpoint::decode(&changed) {
            assert!(checkpoint.state.theta.iter().all(|x| x.is_finite()), "changed at {at}");
        }
    }
}

#[test]
fn foreign_file_is_told_from_a_damaged_one() {
    let none: [(&str, safetensors::tensor::TensorView<'_>); 0] = [];
    let foreign = safetensors::serialize(none, None).expect("an empty file");
    assert!(matches!(Checkpoint::decode(&foreign), Err(CheckpointError::Foreign { found: None })));
    assert!(matches!(Checkpoint::decode(b"PK\x03\x04 something else"), Err(CheckpointError::Format(_))));
}

#[test]
fn progress_with_the_earlier_name_of_a_raised_target_is_read() {
    let text = r#"{"step":3,"done":false,"defended":true,"clipped_steps":0,"unconverged":0,"wall_seconds":1.0,"cpu_seconds":2.0}"#;
    let progress: Progress = serde_json::from_str(text).expect("progress of an earlier version");
    assert!(progress.target_raised && progress.step == 3);
}

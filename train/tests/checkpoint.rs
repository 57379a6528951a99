//! Checkpoints: what is saved is what is loaded, training goes on to the bit, and damage is an error.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use ircpm_train::config::Config;
use ircpm_train::config::preset::by_name;
use ircpm_train::training::checkpoint::{Checkpoint, CheckpointError};
use ircpm_train::training::{Problem, Progress, State, Step, Trainer, Watcher};

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
    // Every byte of the header, where words have a meaning, and some of the numbers.
    let header = 8 + u64::from_le_bytes(*bytes.first_chunk().expect("a length")) as usize;
    for at in (0..header).chain((header..bytes.len()).step_by(31)) {
        for bit in [0x01, 0x20, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            assert!(Checkpoint::decode(&changed).is_err(), "bit {bit:x} of byte {at} changed");
        }
    }
    let mut changed = bytes.clone();
    *changed.last_mut().expect("numbers") ^= 1;
    let refusal = Checkpoint::decode(&changed).expect_err("a refusal");
    assert!(
        matches!(refusal, CheckpointError::Checksum { .. }) && refusal.to_string().contains("undamaged copy")
    );
}

#[test]
fn equal_states_give_equal_bytes_whatever_time_they_took() {
    let problem = problem(6);
    let first = checkpoint(&problem, &trainer(&problem));
    let mut later = first.clone();
    (later.state.progress.wall_seconds, later.state.progress.cpu_seconds) = (3.0, 2.0);
    let bytes = first.encode().expect("an encodable state");
    // The library that writes the file orders its header at random.
    for _ in 0..20 {
        assert!(later.encode().expect("an encodable state") == bytes);
    }
}

#[test]
fn state_is_saved_after_two_seconds_whatever_the_interval() {
    /// Takes its time over the second step.
    #[derive(Default)]
    struct Slow {
        step: usize,
        saved: Vec<(usize, usize)>,
    }
    impl Watcher for Slow {
        fn step(&mut self, step: &Step) -> ControlFlow<()> {
            self.step = step.step;
            if step.step == 1 {
                std::thread::sleep(std::time::Duration::from_millis(2050));
            }
            ControlFlow::Continue(())
        }
        fn checkpoint(&mut self, state: &State) -> ControlFlow<()> {
            self.saved.push((self.step, state.progress.step));
            ControlFlow::Continue(())
        }
    }
    // What least squares save is the state after the step, what Adam saves that before it.
    for (optimiser, saved) in
        [("levenberg-marquardt", [(0, 1), (1, 2), (4, 5)]), ("adam", [(0, 0), (1, 2), (4, 5)])]
    {
        let sets = [format!("training.optimiser={optimiser}"), "training.steps=5".to_owned()];
        let sets = sets.map(|set| set.parse().expect("of the form key=value"));
        let config = by_name("torus-correlated").expect("a preset").config(&sets).expect("a valid preset");
        let problem = Problem::new(config, ".".as_ref()).expect("a model that fits");
        let mut slow = Slow::default();
        trainer(&problem).run(&AtomicBool::new(false), &mut slow).expect("steps that do not diverge");
        assert_eq!(slow.saved, saved, "{optimiser}");
    }
}

#[test]
fn checkpoint_of_the_format_without_a_checksum_is_read() {
    let problem = problem(6);
    let saved = checkpoint(&problem, &trainer(&problem));
    let bytes = saved.encode().expect("an encodable state");
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).expect("a header");
    let mut metadata = header.metadata().clone().expect("metadata");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("tensors").tensors();
    let mut write = |format: &str| {
        metadata.insert("format".to_owned(), format.to_owned());
        metadata.remove("checksum");
        safetensors::serialize(tensors.clone(), Some(metadata.clone())).expect("a file")
    };
    assert_eq!(Checkpoint::decode(&write("ircpm-checkpoint-2")), Ok(saved));
    let refusal = Checkpoint::decode(&write("ircpm-checkpoint-3")).expect_err("a refusal");
    assert!(matches!(refusal, CheckpointError::Metadata { key: "checksum", .. }), "{refusal}");
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

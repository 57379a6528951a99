//! Training, evaluation, and what they refuse.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{SHORT, complaint, ends, folder, ircpm, json, short, stdout, succeed, untimed};

#[test]
fn train_writes_a_whole_run_and_evaluate_reads_it() {
    let dir = folder();
    let output = short(dir.path(), &["train", "torus-multi-modal"]);
    succeed(&output);
    let run = dir.path().join("runs/torus-multi-modal-1");
    for file in [
        "config.toml",
        "checkpoint.safetensors",
        "metrics.jsonl",
        "density.png",
        "potential.png",
        "samples.png",
    ] {
        assert!(run.join(file).metadata().is_ok_and(|m| m.len() > 0), "{file}");
    }
    let report = json(&run.join("report.json"));
    assert_eq!(
        (&report["manifold"], &report["params"], &report["steps"]),
        (&"T2".into(), &1249.into(), &30.into())
    );
    assert!(
        (report["mass"].as_f64().expect("a number") - 1.0).abs() < 1e-9,
        "quadrature of a smooth density"
    );
    assert_eq!(report["folded"], Value::Bool(false));

    let again = ircpm(dir.path(), &["evaluate", "runs/torus-multi-modal-1"]);
    succeed(&again);
    assert!(stdout(&output).starts_with(&stdout(&again)), "{}", stdout(&again));
}

#[test]
fn run_is_repeated_from_its_own_configuration_to_the_bit() {
    let dir = folder();
    succeed(&short(
        dir.path(),
        &["train", "torus-correlated", "--out", "a", "--seed", "3", "--threads", "1"],
    ));
    succeed(&ircpm(dir.path(), &["train", "a/config.toml", "--out", "b", "--threads", "2"]));
    let read = |run: &str, file: &str| {
        fs::read(dir.path().join(run).join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
    };
    for file in ["config.toml", "density.png", "potential.png", "samples.png"] {
        assert!(read("a", file) == read("b", file), "{file} differs");
    }
    let report = |run: &str| untimed(json(&dir.path().join(run).join("report.json")));
    assert_eq!(report("a"), report("b"));
    assert_eq!(report("a")["seed"], 3);
    let metrics = |run: &str| -> Vec<Value> {
        let text = String::from_utf8_lossy(&read(run, "metrics.jsonl")).into_owned();
        text.lines()
            .map(|line| untimed(serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))))
            .collect()
    };
    assert_eq!(metrics("a"), metrics("b"));
    assert_eq!(metrics("a").len(), 4);
}

#[test]
fn default_training_is_least_squares_that_stop_by_themselves() {
    let dir = folder();
    let args = ["train", "torus-correlated", "--out", "run", "--set", "training.goal=1e-4"];
    let output = ircpm(dir.path(), &[&args[..], &SHORT[4..]].concat());
    succeed(&output);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("optimiser levenberg-marquardt (log q"), "{said}");
    let report = json(&dir.path().join("run/report.json"));
    assert_eq!(
        (&report["optimiser"], &report["interrupted"]),
        (&"levenberg-marquardt".into(), &false.into())
    );
    assert!(report["steps"].as_u64().is_some_and(|steps| steps < 30), "{}", report["steps"]);
    // Samples of the report are not those that training stopped by; twice the goal is far beyond their error.
    assert!(report["kl"].as_f64().is_some_and(|kl| kl < 2e-4), "{}", report["kl"]);
    assert_eq!(report["folded"], Value::Bool(false));
}

#[test]
fn energy_beyond_all_bounds_is_refused_by_least_squares() {
    let dir = folder();
    let said = complaint(&ircpm(dir.path(), &["train", "torus-unimodal", "--set", "target.beta=1e308"]));
    assert!(said.contains("too sharp to begin with") && said.contains("lower it (target.beta)"), "{said}");
}

#[test]
fn lbfgs_trains_a_torus() {
    let dir = folder();
    let args = ["train", "torus-unimodal", "--out", "run", "--set", "training.optimiser=lbfgs"];
    succeed(&ircpm(dir.path(), &[&args[..], &SHORT[2..]].concat()));
    let report = json(&dir.path().join("run/report.json"));
    assert!(report["ess"].as_f64().is_some_and(|ess| ess > 0.9), "{}", report["ess"]);
}

#[test]
fn sphere_is_trained_and_drawn() {
    let dir = folder();
    succeed(&short(dir.path(), &["train", "sphere-four-mode", "--out", "run", "--set", "model.hidden=[16]"]));
    assert!(dir.path().join("run/density.png").exists());
}

#[test]
fn higher_dimension_gets_projections_and_a_mass_with_its_error() {
    let dir = folder();
    succeed(&short(dir.path(), &["train", "s3-four-mode", "--out", "run", "--set", "model.hidden=[16]"]));
    let report = json(&dir.path().join("run/report.json"));
    assert_eq!(report["pictures"], serde_json::json!(["samples.png"]));
    assert!(report["mass_se"].is_number());
}

#[test]
fn exit_status_and_report_tell_a_fold_and_unfinished_training() {
    let dir = folder();
    // A network this large folds before the first step, and one step at this rate changes nothing.
    let folded =
        ["model.output_scale=0.05", "model.layers=1", "training.steps=1", "training.learning_rate=1e-9"];
    let unfinished = ["training.optimiser=levenberg-marquardt", "training.steps=2"];
    let cases: [(&str, &[&str], i32, &str, &str); 2] = [
        ("folded", &folded, 3, "not-a-density", "FOLDED"),
        ("short", &unfinished, 4, "unfinished", "UNFINISHED"),
    ];
    for (out, settings, code, status, word) in cases {
        let sets: Vec<&str> = settings.iter().flat_map(|set| ["--set", *set]).collect();
        let args = ["train", "torus-multi-modal", "--out", out];
        let output = ircpm(dir.path(), &[&args[..], &SHORT[..], &sets[..]].concat());
        ends(&output, code);
        assert!(stdout(&output).contains(word), "{}", stdout(&output));
        let report = json(&dir.path().join(out).join("report.json"));
        assert_eq!((&report["status"], &report["density"]), (&status.into(), &(code == 4).into()));
        ends(&ircpm(dir.path(), &["evaluate", out]), code);
    }
}

#[test]
fn hostile_arguments_are_answered_with_cause_and_remedy() {
    let dir = folder();
    fs::write(dir.path().join("broken.toml"), "[target\n").expect("a writable folder");
    fs::write(dir.path().join("empty.toml"), "").expect("a writable folder");
    fs::write(dir.path().join("latin.toml"), b"[target]\nname = \"\xe9\"\n").expect("a writable folder");
    let points = "[data]\nfile = \"p.csv\"\nmanifold = \"S2\"\n";
    fs::write(dir.path().join("points.toml"), points).expect("a writable folder");
    let wide = format!("model.hidden=[{}4096]", "4096,".repeat(15));
    let cases: [(&[&str], &str); 13] = [
        (&["train", "empty.toml"], "empty.toml is empty: loss = \"reverse-kl\" needs a [target]"),
        (&["train", "latin.toml"], "not UTF-8 from here on"),
        (&["train", "torus-unimodal", "--set", &wide, "--set", "model.layers=64"], "lower model.hidden"),
        (&["train", "torus-unimodl"], "did you mean `torus-unimodal`?"),
        (&["train", "torus-unimodal", "--set", "training.step=1"], "did you mean `steps`?"),
        (&["train", "torus-unimodal", "--set", "model.layers=0"], "0 is not an integer from 1 to 64"),
        (
            &["train", "torus-unimodal", "--set", "training.learning_rate=inf"],
            "not a finite number above zero",
        ),
        (&["train", "torus-unimodal", "--set", "model.hidden=32"], "write a list, such as [32, 32]"),
        (&["train", "torus-unimodal", "--set", "training.loss=likelihood"], "needs [data]"),
        (&["train", "points.toml"], "[data] needs training.loss = \"likelihood\""),
        (&["train", "broken.toml"], "broken.toml:1"),
        (&["evaluate", "nowhere"], "not the folder of a run"),
        (
            &["train", "torus-unimodal", "--set", "model.features.invariant={directions=[[1,2,3]],order=1}"],
            "invalid",
        ),
    ];
    for (args, words) in cases {
        let said = complaint(&ircpm(dir.path(), args));
        assert!(said.contains(words), "{args:?}: {said}");
    }
}

#[test]
fn existing_folder_is_never_overwritten() {
    let dir = folder();
    fs::create_dir(dir.path().join("mine")).expect("a writable folder");
    fs::write(dir.path().join("mine/thesis.tex"), "x").expect("a writable folder");
    let said = complaint(&short(dir.path(), &["train", "torus-unimodal", "--out", "mine"]));
    assert!(said.contains("mine exists and is not empty"), "{said}");
    assert_eq!(fs::read_dir(dir.path().join("mine")).map(Iterator::count).unwrap_or(0), 1);

    succeed(&short(dir.path(), &["train", "torus-unimodal"]));
    succeed(&short(dir.path(), &["train", "torus-unimodal"]));
    assert!(dir.path().join("runs/torus-unimodal-2/report.json").exists());
}

#[test]
fn file_in_place_of_the_folder_is_refused() {
    let dir = folder();
    fs::write(dir.path().join("file"), "x").expect("a writable folder");
    let said = complaint(&short(dir.path(), &["train", "torus-unimodal", "--out", "file/run"]));
    assert!(said.contains("cannot write file/run"), "{said}");
}

#[test]
fn divergence_names_step_rate_and_remedy_and_leaves_a_checkpoint() {
    let dir = folder();
    let args = ["train", "torus-multi-modal", "--out", "run", "--set", "training.learning_rate=1e6"];
    let said = complaint(&short(dir.path(), &args));
    for words in
        ["diverged at step", "at learning rate 9.9", "lower the learning rate (training.learning_rate)"]
    {
        assert!(said.contains(words), "{said}");
    }
    let again = ircpm(dir.path(), &["evaluate", "run"]);
    ends(&again, 4);
    assert!(stdout(&again).contains("INTERRUPTED"), "{}", stdout(&again));
}

#[test]
fn run_that_cannot_begin_is_not_blamed_on_the_learning_rate() {
    let dir = folder();
    let cases = [
        ("solver.max_steps=1", "solver.max_steps"),
        ("target.beta=1e308", "lower the inverse temperature (target.beta)"),
    ];
    for (set, remedy) in cases {
        let said = complaint(&short(dir.path(), &["train", "torus-unimodal", "--set", set]));
        assert!(said.contains("training cannot begin") && said.contains(remedy), "{said}");
        assert!(!said.contains("NaN)") && !said.contains("learning_rate"), "{said}");
    }
    let said = complaint(&ircpm(dir.path(), &["evaluate", "runs/torus-unimodal-1"]));
    assert!(said.contains("runs/torus-unimodal-1 has no checkpoint"), "{said}");
}

#[test]
fn angles_in_degrees_and_a_doubtful_header_are_refused() {
    let dir = folder();
    let config = "[data]\nfile = \"p.csv\"\nmanifold = \"R1xT1\"\n[training]\nloss = \"likelihood\"\n";
    fs::write(dir.path().join("c.toml"), config).expect("a writable folder");
    let cases = [
        ("height,angle\n400,1\n0,270\n", "line 3, column 2 (angle): the angle 270"),
        ("height,angle\n1,1e300\n", "beyond ±2π"),
        ("0,1\n2,3\n4,5\n", "line 1: `0,1` may be the header"),
    ];
    for (text, words) in cases {
        fs::write(dir.path().join("p.csv"), text).expect("a writable folder");
        let said = complaint(&ircpm(dir.path(), &["train", "c.toml"]));
        assert!(said.contains(words), "{text:?}: {said}");
    }
}

#[test]
fn checkpoint_of_another_seed_is_refused() {
    let dir = folder();
    for (out, seed) in [("a", "1"), ("b", "2")] {
        succeed(&short(dir.path(), &["train", "torus-unimodal", "--out", out, "--seed", seed]));
    }
    let checkpoint = |run: &str| dir.path().join(run).join("checkpoint.safetensors");
    fs::copy(checkpoint("a"), checkpoint("b")).expect("a writable folder");
    let said = complaint(&ircpm(dir.path(), &["evaluate", "b"]));
    assert!(said.contains("written with another seed"), "{said}");
}

#[test]
fn two_runs_into_one_folder_at_once_leave_one_whole_run() {
    let dir = folder();
    let args = |seed| [&["train", "torus-unimodal", "--out", "run", "--seed", seed], &SHORT[..]].concat();
    let spawn = |seed| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_ircpm"));
        program.args(args(seed)).current_dir(dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
        program.spawn().unwrap_or_else(|e| panic!("the program does not start: {e}"))
    };
    let mut runs = [spawn("1"), spawn("2")];
    let done: Vec<bool> =
        runs.iter_mut().map(|run| run.wait().is_ok_and(|status| status.success())).collect();
    let winner = done.iter().position(|&done| done).expect("one of them");
    assert!(!done[1 - winner], "both wrote into one folder");
    assert_eq!(json(&dir.path().join("run/report.json"))["seed"], winner + 1);
    succeed(&ircpm(dir.path(), &["evaluate", "run"]));
}

#[cfg(unix)]
#[test]
fn reader_that_goes_away_stops_neither_training_nor_the_list() {
    let dir = folder();
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap_or_else(|e| panic!("no pipe: {e}"));
        drop(reader);
        writer
    };
    let status = |args: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_ircpm"));
        program.args(args).current_dir(dir.path()).stdout(closed()).stderr(closed());
        program.status().unwrap_or_else(|e| panic!("the program does not start: {e}")).code()
    };
    assert_eq!(status(&["presets"]), Some(0));
    let train = [&["train", "torus-unimodal", "--out", "run"], &SHORT[..]].concat();
    assert_eq!(status(&train), Some(0));
    assert!(dir.path().join("run/report.json").exists());
    assert_eq!(status(&["train", "nowhere"]), Some(1));
}

#[test]
fn table_of_presets_keeps_the_runs_before_a_failure() {
    let dir = folder();
    // The presets on spheres have no angles.
    let features = "model.features={invariant={directions=[[1,-1],[0,1]],order=1}}";
    let args = ["presets", "--check", "--set", "model.hidden=[8]", "--set", features];
    let output = ircpm(dir.path(), &[&args[..], &SHORT[..]].concat());
    assert!(complaint(&output).contains("does not fit the manifold S2"));
    assert!(stdout(&output).contains("| torus-multi-modal |"), "{}", stdout(&output));
}

#[test]
fn help_shows_examples_and_what_a_run_folder_gets() {
    let dir = folder();
    for (args, words) in [(&["--help"][..], "Exit status"), (&["train", "--help"], "checkpoint.safetensors")]
    {
        let help = stdout(&ircpm(dir.path(), args));
        assert!(help.contains("Examples:") && help.contains(words), "{help}");
    }
}

#[test]
fn damaged_checkpoint_is_named() {
    let dir = folder();
    succeed(&short(dir.path(), &["train", "torus-unimodal", "--out", "run"]));
    let path = dir.path().join("run/checkpoint.safetensors");
    let bytes = fs::read(&path).expect("a checkpoint");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("a writable folder");
    let said = complaint(&ircpm(dir.path(), &["evaluate", "run"]));
    assert!(said.contains("checkpoint.safetensors: damaged"), "{said}");
}

#[test]
fn report_of_an_interrupted_run_is_that_of_its_last_checkpoint() {
    use std::ops::ControlFlow;
    use std::sync::atomic::{AtomicBool, Ordering};

    use ircpm_train::config::preset::by_name;
    use ircpm_train::program::{self, Outcome, folder::Folder};
    use ircpm_train::training::{Problem, State, Step, Watcher};

    /// Asks for a stop after a step, as Ctrl-C does.
    struct StopAt<'a>(usize, &'a AtomicBool);
    impl Watcher for StopAt<'_> {
        fn step(&mut self, step: &Step) -> ControlFlow<()> {
            self.1.store(step.step + 1 >= self.0, Ordering::Relaxed);
            ControlFlow::Continue(())
        }
        fn checkpoint(&mut self, _: &State) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
    }

    let dir = folder();
    let sets: Vec<_> = SHORT.iter().skip(1).step_by(2).map(|set| set.parse().expect("key=value")).collect();
    let config = by_name("torus-unimodal").expect("a preset").config(&sets).expect("a valid preset");
    let problem = Problem::new(config, Path::new("")).expect("a model that fits");
    let run = Folder::create(Some(&dir.path().join("run")), "run").expect("a new folder");
    let measured = |expected: usize, outcome: Result<Outcome, program::RunError>| {
        assert!(matches!(outcome, Ok(Outcome::Interrupted { step }) if step == expected));
        program::reevaluate(&problem, &run, &AtomicBool::new(false)).expect("a report");
        let picture = fs::read(run.path("density.png")).expect("a picture");
        (json(&run.path("report.json"))["steps"].clone(), picture)
    };
    let stop = AtomicBool::new(false);
    let first = measured(5, program::train(&problem, &run, &stop, &mut StopAt(5, &stop)));
    stop.store(false, Ordering::Relaxed);
    let state = program::unfinished(&problem, &run).expect("an interrupted run");
    let second = measured(20, program::resume(&problem, &run, state, &stop, &mut StopAt(20, &stop)));
    assert_eq!((first.0, second.0), (Value::from(5), Value::from(20)));
    assert!(first.1 != second.1, "the picture is that of step 5");
}

#[test]
fn resume_needs_a_run_and_takes_no_other_settings() {
    let dir = folder();
    assert!(complaint(&ircpm(dir.path(), &["resume", "nowhere"])).contains("not the folder of a run"));
    for args in
        [&["train"][..], &["resume"], &["resume", "run", "--seed", "1"], &["resume", "run", "torus-unimodal"]]
    {
        assert_eq!(ircpm(dir.path(), args).status.code(), Some(2), "{args:?}");
    }
}

//! Training, evaluation, and what they refuse.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{SHORT, complaint, ends, folder, ircpm, json, short, stdout, succeed, untimed};

#[test]
fn presets_are_listed_with_their_descriptions() {
    let dir = folder();
    let output = ircpm(dir.path(), &["presets"]);
    succeed(&output);
    for name in
        ["torus-unimodal", "torus-multi-modal", "torus-correlated", "sphere-four-mode", "s3-four-mode"]
    {
        assert!(stdout(&output).contains(name), "{name}");
    }
}

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
fn least_squares_are_refused_where_there_is_no_residual() {
    let dir = folder();
    fs::write(dir.path().join("points.csv"), "a,b\n1,2\n2,3.5\n3,1\n").expect("a writable folder");
    let config = "[data]\nfile = \"points.csv\"\nmanifold = \"T2\"\n[training]\nloss = \"likelihood\"\n";
    fs::write(dir.path().join("c.toml"), config).expect("a writable folder");
    let said = complaint(&ircpm(
        dir.path(),
        &["train", "c.toml", "--set", "training.optimiser=levenberg-marquardt"],
    ));
    assert!(said.contains("does not apply: given points") && said.contains("\"adam\""), "{said}");
}

#[test]
fn points_are_fitted_by_linear_layers_and_their_run_is_measured_again() {
    let dir = folder();
    let rows: Vec<String> =
        (0..60).map(|i| format!("{},{}", 1.0 + 0.7 * f64::sin(f64::from(i)), (i * i) % 6)).collect();
    fs::write(dir.path().join("points.csv"), format!("a,b\n{}\n", rows.join("\n")))
        .expect("a writable folder");
    let config = "[data]\nfile = \"points.csv\"\nmanifold = \"T2\"\n[training]\nloss = \"likelihood\"\n";
    fs::write(dir.path().join("c.toml"), config).expect("a writable folder");
    let few = ["--set", "evaluation.samples=2048", "--set", "evaluation.uniform=2048"];
    let args = [&["train", "c.toml", "--out", "run"][..], &few].concat();
    succeed(&ircpm(dir.path(), &args));
    let report = json(&dir.path().join("run/report.json"));
    assert_eq!((&report["optimiser"], &report["status"]), (&"newton".into(), &"sound".into()), "{report}");
    assert!(
        report["baseline_kernel_log_likelihood"].is_f64() && report["held_out_log_likelihood"].is_f64(),
        "{report}"
    );
    let findings = report["findings"].as_array().expect("a list");
    assert!(findings.iter().any(|f| f.as_str().is_some_and(|f| f.contains("column 2"))), "{findings:?}");
    // The flow is rebuilt from the functions in the checkpoint.
    let again = ircpm(dir.path(), &["evaluate", "run"]);
    let text = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(again.status.success() && text.contains("held-out log q"), "{text}");
    let said = complaint(&ircpm(dir.path(), &["train", "torus-unimodal", "--set", "model.potential=linear"]));
    assert!(said.contains("linear potentials are fitted to points"), "{said}");
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
fn given_points_are_learned_and_the_held_out_ones_measured() {
    let dir = folder();
    let rows: String =
        (0..200).map(|i| format!("{},{}\n", 1.0 + 0.01 * f64::from(i), (f64::from(i) * 0.7).sin())).collect();
    fs::write(dir.path().join("points.csv"), format!("phi,psi\n{rows}")).expect("a writable folder");
    let config = "[data]\nfile = \"points.csv\"\nmanifold = \"T2\"\n[training]\nloss = \"likelihood\"\n";
    fs::write(dir.path().join("angles.toml"), config).expect("a writable folder");
    // At the default rate the thirty steps fold the map.
    succeed(&short(dir.path(), &["train", "angles.toml", "--set", "training.learning_rate=1e-3"]));
    let run = dir.path().join("runs/angles-1");
    let report = json(&run.join("report.json"));
    assert!(report["held_out_log_likelihood"].is_number() && report["ess"].is_null());
    succeed(&ircpm(&run, &["evaluate", "."]));
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
fn likelihood_of_too_few_held_out_points_is_said_to_be_none() {
    let dir = folder();
    let rows: String = (0..12).map(|i| format!("{}\n", 0.5 * f64::from(i))).collect();
    fs::write(dir.path().join("p.csv"), format!("angle\n{rows}")).expect("a writable folder");
    let config = "[data]\nfile = \"p.csv\"\nmanifold = \"T1\"\n[training]\nloss = \"likelihood\"\n";
    fs::write(dir.path().join("few.toml"), config).expect("a writable folder");
    let output = short(dir.path(), &["train", "few.toml", "--out", "run"]);
    assert!(
        stdout(&output).contains("none: 1 point is held out, at least 2 are needed"),
        "{}",
        stdout(&output)
    );
    let report = json(&dir.path().join("run/report.json"));
    assert!(report["held_out_log_likelihood"].is_null() && report["held_out_points"] == 1);
}

#[test]
fn point_that_is_none_is_named_by_file_line_and_value() {
    let dir = folder();
    let config = "[data]\nfile = \"p.csv\"\nmanifold = \"S2\"\n[training]\nloss = \"likelihood\"\n";
    fs::write(dir.path().join("c.toml"), config).expect("a writable folder");
    let cases = [
        ("1,0,0\n0,nan,1\n", "p.csv, line 3"),
        ("1,0,0\n0,2,0\n", "line 3"),
        ("1,0\n", "2 columns"),
        ("1,0,0\n0,0,\u{fffd}\n", "column 3"),
        ("1,0,x\n", "`x`"),
        ("", "at least 1"),
    ];
    for (rows, place) in cases {
        fs::write(dir.path().join("p.csv"), format!("x,y,z\n{rows}")).expect("a writable folder");
        let said = complaint(&ircpm(dir.path(), &["train", "c.toml"]));
        assert!(said.contains(place), "{rows:?}: {said}");
    }
    assert!(!dir.path().join("runs").exists(), "a run that cannot start leaves no folder");
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

#[test]
fn presets_check_prints_a_markdown_table_of_all_presets() {
    let dir = folder();
    let small =
        ["presets", "--check", "--seeds", "2", "--set", "model.hidden=[8]", "--set", "training.steps=3"];
    let output = ircpm(dir.path(), &[&small[..], &SHORT[4..]].concat());
    // Three steps of least squares come to no goal.
    ends(&output, 4);
    assert!(stdout(&output).contains("unfinished"), "{}", stdout(&output));
    let rows = stdout(&output)
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| preset"))
        .count();
    assert_eq!(rows, 9, "{}", stdout(&output));
    assert!(!dir.path().join("runs").exists());
}

#[test]
fn points_in_degrees_are_fitted_and_their_folder_can_be_moved_but_not_changed() {
    let dir = folder();
    let angle =
        |i: usize, phase: f64| 180.0 + 60.0 * (0.7 * i as f64 + phase).sin() + 20.0 * ((i * i) as f64).sin();
    let rows: String =
        (0..60).map(|i| format!("{i},{:.2},{:.2}\n", angle(i, 0.0), angle(2 * i, 1.0))).collect();
    fs::write(dir.path().join("angles.csv"), format!("frame,phi,psi\n{rows}")).expect("a writable folder");
    let few =
        ["--set", "evaluation.samples=2048", "--set", "evaluation.uniform=2048", "--set", "model.layers=1"];
    let fit =
        ["fit", "angles.csv", "--manifold", "T2", "--unit", "deg", "--columns", "phi,psi", "--out", "run"];
    let output = ircpm(dir.path(), &[&fit[..], &few].concat());
    succeed(&output);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for words in ["separated by commas", "line 1 names the columns", "column 2 (phi)", "angles are degrees"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let read = |path: &str| fs::read(dir.path().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let config = String::from_utf8(read("run/config.toml")).expect("text");
    assert!(
        config.contains("file = \"points.npy\"") && config.contains("source = \"angles.csv\""),
        "{config}"
    );
    let first = f64::from_le_bytes(read("run/points.npy")[128..136].try_into().expect("a number"));
    assert!((first.to_degrees() - angle(0, 0.0)).abs() < 0.006, "{first}");

    // Without the original, elsewhere, and trained again from its own configuration.
    fs::remove_file(dir.path().join("angles.csv")).expect("a writable folder");
    fs::rename(dir.path().join("run"), dir.path().join("moved")).expect("a writable folder");
    let evaluated = ircpm(dir.path(), &["evaluate", "moved"]);
    succeed(&evaluated);
    assert!(stdout(&output).starts_with(&stdout(&evaluated)), "{}", stdout(&evaluated));
    succeed(&ircpm(dir.path(), &["train", "moved/config.toml", "--out", "again"]));
    for file in ["config.toml", "points.npy", "samples.png"] {
        assert!(read(&format!("moved/{file}")) == read(&format!("again/{file}")), "{file} differs");
    }

    let mut points = read("moved/points.npy");
    points[130] ^= 1;
    fs::write(dir.path().join("moved/points.npy"), points).expect("a writable folder");
    let said = complaint(&ircpm(dir.path(), &["evaluate", "moved"]));
    assert!(said.contains("points.npy has changed"), "{said}");
}

#[test]
fn weights_of_rows_are_fitted_and_kept_with_the_run() {
    let dir = folder();
    // Angles spread evenly, whose weights are those of a law about 90 degrees, and one row that does not count.
    let row = |i: usize| {
        let angle = 137.508 * i as f64 % 360.0;
        let weight = if i == 7 { 0.0 } else { (6.0 * angle.to_radians().sin()).exp() };
        format!("{angle:.3},{weight:.6}\n")
    };
    let rows: String = (0..300).map(row).collect();
    fs::write(dir.path().join("events.csv"), format!("phi,w\n{rows}")).expect("a writable folder");
    let few = ["--set", "evaluation.samples=2048", "--set", "evaluation.uniform=2048"];
    let adam = ["--set", "training.optimiser=adam", "--set", "training.steps=20"];
    let fit = |out, more: &[&str]| {
        let fit = ["fit", "events.csv", "--manifold", "T1", "--unit", "deg", "--weights", "w", "--out", out];
        ircpm(dir.path(), &[&fit[..], &few, more].concat())
    };
    let output = fit("run", &[]);
    succeed(&output);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for words in ["weights: column 2 (w); 299 rows are worth", "1 row has weight 0", "of 299 rows are worth"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    succeed(&fit("network", &adam));
    let report = json(&dir.path().join("run/report.json"));
    // The von Mises law of concentration 6 has the entropy 0.572 nats.
    let likelihood = report["held_out_log_likelihood"].as_f64().expect("a number");
    assert!((likelihood + 0.572).abs() < 0.25, "{report}");
    succeed(&ircpm(dir.path(), &["sample", "run", "-n", "2000", "-o", "samples.csv"]));
    let samples = fs::read_to_string(dir.path().join("samples.csv")).expect("samples");
    let angles: Vec<f64> = samples
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().map_or(0.0, |x| x.parse().unwrap()))
        .collect();
    // The mean cosine of the law, I₁(6)/I₀(6).
    let mean = angles.iter().map(|angle| angle.sin()).sum::<f64>() / 2000.0;
    assert!((mean - 0.9124).abs() < 0.03, "{mean}");

    fs::remove_file(dir.path().join("events.csv")).expect("a writable folder");
    for run in ["run", "network"] {
        fs::rename(dir.path().join(run), dir.path().join("moved")).expect("a writable folder");
        let before = untimed(json(&dir.path().join("moved/report.json")));
        succeed(&ircpm(dir.path(), &["evaluate", "moved"]));
        succeed(&ircpm(dir.path(), &["train", "moved/config.toml", "--out", "again"]));
        for again in ["moved", "again"] {
            let mut after = untimed(json(&dir.path().join(again).join("report.json")));
            after["target"] = before["target"].clone();
            assert_eq!(before, after, "{run}, {again}");
        }
        fs::remove_dir_all(dir.path().join("moved")).expect("a writable folder");
        fs::remove_dir_all(dir.path().join("again")).expect("a writable folder");
    }
}

#[test]
fn wrong_options_of_fit_are_answered_with_the_text_that_caused_them() {
    let dir = folder();
    fs::write(dir.path().join("p.csv"), "phi,psi,w\n1,2,1\n2,3.5,1\n3,1,2\n").expect("a writable folder");
    let fit = |args: &[&str]| ircpm(dir.path(), &[&["fit", "p.csv"], args].concat());
    for (args, words) in [
        (&["--manifold", "T3", "--weights", "w"][..], "3 coordinates beside the columns named otherwise"),
        (&["--manifold", "T2", "--weights", "v"], "no column `v`"),
        (&["--manifold", "Q7"], "manifold = \"Q7\""),
        (&["--manifold", "T2"], "--columns 2,3"),
        (&["--manifold", "T2", "--columns", "phi,chi"], "no column `chi`"),
        (&["--manifold", "S2", "--lat-lon", "--columns", "1,2", "--held-out", "1"], "1 is not in [0, 1)"),
    ] {
        let said = complaint(&fit(args));
        // A long line of an error is broken by a bar.
        assert!(said.contains(words), "{args:?}: {said}");
    }
    assert_eq!(fit(&["--manifold", "T2", "--unit", "grad"]).status.code(), Some(2));
    assert_eq!(fit(&[]).status.code(), Some(2));
    assert!(!dir.path().join("runs").exists());
}

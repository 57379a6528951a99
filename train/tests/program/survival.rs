//! Runs that are interrupted, killed, or left without room, and what their folders hold then.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::{complaint, ends, folder, ircpm, json, short, stdout, succeed, untimed};

#[cfg(unix)]
#[test]
fn interrupt_stops_with_a_checkpoint_that_evaluate_reads() {
    let dir = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ircpm"))
        .args(["train", "torus-multi-modal", "--out", "run", "--set", "training.steps=100000000"])
        .args([
            "--set",
            "training.optimiser=adam",
            "--set",
            "evaluation.samples=512",
            "--set",
            "evaluation.uniform=512",
        ])
        .current_dir(dir.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("the program does not start: {e}"));
    // The first checkpoint is a sign that training has begun.
    while !dir.path().join("run/checkpoint.safetensors").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()));
    assert_eq!(child.wait().ok().and_then(|status| status.code()), Some(130));
    let output = ircpm(dir.path(), &["evaluate", "run"]);
    ends(&output, 4);
    assert!(stdout(&output).contains("INTERRUPTED after"), "{}", stdout(&output));
}

/// Trains into the folder `out`, and interrupts it as soon as it has taken some steps.
#[cfg(unix)]
fn interrupt(dir: &Path, args: &[&str], out: &str) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ircpm"))
        .args([args, &["--out", out]].concat())
        .current_dir(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("the program does not start: {e}"));
    let metrics = dir.join(out).join("metrics.jsonl");
    while fs::read_to_string(&metrics).map_or(0, |text| text.lines().count()) < 2 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()));
    assert_eq!(child.wait().ok().and_then(|status| status.code()), Some(130));
}

/// Steps and losses of a run's metrics.
#[cfg(unix)]
fn metrics(run: &Path) -> Vec<(Value, Value)> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).expect("metrics");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    lines.map(|line| (line["step"].clone(), line["loss"].clone())).collect()
}

#[cfg(unix)]
#[test]
fn resumed_run_ends_with_the_same_bits_as_one_that_was_not_interrupted() {
    let dir = folder();
    let small =
        ["--set", "evaluation.samples=512", "--set", "evaluation.uniform=512", "--set", "model.hidden=[8]"];
    let adam = ["training.optimiser=adam", "training.steps=3000", "training.log_every=50"];
    let least_squares = ["training.goal=1e-15", "training.steps=12", "training.log_every=1"];
    // Least squares run out of steps before their goal.
    for (name, settings, status) in [("adam", adam, 0), ("least-squares", least_squares, 4)] {
        let sets: Vec<&str> = settings.iter().flat_map(|set| ["--set", *set]).collect();
        let args = [&["train", "torus-multi-modal"], &small[..], &sets[..]].concat();
        let (whole, parts) = (format!("{name}-whole"), format!("{name}-parts"));
        ends(&ircpm(dir.path(), &[&args[..], &["--out", &whole]].concat()), status);
        interrupt(dir.path(), &args, &parts);
        // Lines of steps after the checkpoint, as a crash leaves them, and half a line.
        let path = dir.path().join(&parts).join("metrics.jsonl");
        let mut text = fs::read_to_string(&path).expect("metrics");
        text += "{\"step\":2999,\"loss\":0.0}\n{\"step\":1";
        fs::write(&path, text).expect("a writable folder");
        ends(&ircpm(dir.path(), &["resume", &parts]), status);

        let checkpoint = |run: &str| fs::read(dir.path().join(run).join("checkpoint.safetensors"));
        assert!(checkpoint(&whole).expect("a checkpoint") == checkpoint(&parts).expect("another"), "{name}");
        let report = |run: &str| untimed(json(&dir.path().join(run).join("report.json")));
        assert_eq!(report(&whole), report(&parts), "{name}");
        let steps = |run: &str| metrics(&dir.path().join(run));
        assert_eq!(steps(&whole), steps(&parts), "{name}");
        let said = complaint(&ircpm(dir.path(), &["resume", &parts]));
        assert!(said.contains("needs no more training"), "{said}");
    }
}

/// The program with these arguments, in the background and silent.
fn start(dir: &Path, args: &[&str]) -> Child {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ircpm"));
    program.args(args).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null());
    program.spawn().unwrap_or_else(|e| panic!("the program does not start: {e}"))
}

/// Trains a preset with these settings and kills it, at most so many times, at moments that have nothing to do with its
/// steps; resumes it each time on one of these numbers of threads, and compares its folder with that of a run that nobody
/// killed. The number of kills is returned.
#[cfg(unix)]
fn kill_again_and_again(preset: &str, settings: &[&str], seed: u64, most: u64, threads: &[&str]) -> u64 {
    let dir = folder();
    let small =
        ["model.hidden=[8]", "evaluation.samples=512", "evaluation.uniform=512", "evaluation.pictures=false"];
    let sets: Vec<&str> = small.iter().chain(settings).flat_map(|set| ["--set", *set]).collect();
    let seed = seed.to_string();
    let train =
        |out| [&["train", preset, "--out", out, "--threads", "1", "--seed", &seed], &sets[..]].concat();
    let whole = ircpm(dir.path(), &train("whole")).status.code();
    assert!(matches!(whole, Some(0 | 4)), "{preset} ends with {whole:?}");
    let mut child = start(dir.path(), &train("killed"));
    // Later than the configuration is written.
    while !dir.path().join("killed/config.toml").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut killed = 0;
    let status = loop {
        if killed < most {
            std::thread::sleep(Duration::from_micros(20_000 + 37_911 * (killed + 1) % 90_001));
            // Killed by SIGKILL, which no program can handle.
            child.kill().expect("a child of this process");
        }
        match child.wait().expect("its status").code() {
            None => killed += 1,
            status => break status,
        }
        let threads = threads[killed as usize % threads.len()];
        child = start(dir.path(), &["resume", "killed", "--threads", threads]);
    };
    println!("{preset}, seed {seed}, {settings:?}: {killed} kills, the last process ends with {status:?}");
    // A run that had come to its end when it was killed is not resumed.
    assert!(status == whole || status == Some(1), "{status:?}");
    let read = |run: &str, file: &str| fs::read(dir.path().join(run).join(file)).expect("a file of the run");
    assert!(read("whole", "checkpoint.safetensors") == read("killed", "checkpoint.safetensors"));
    let report = |run: &str| untimed(json(&dir.path().join(run).join("report.json")));
    assert_eq!(report("whole"), report("killed"));
    let lines = |run: &str| metrics(&dir.path().join(run));
    assert_eq!(lines("whole"), lines("killed"));
    let names = |run: &str| {
        let entries = fs::read_dir(dir.path().join(run)).expect("a folder");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    };
    if status != Some(1) {
        assert_eq!(names("whole"), names("killed"));
    }
    killed
}

#[cfg(unix)]
#[test]
fn runs_that_are_killed_again_and_again_end_with_the_same_bytes() {
    let settings = ["training.goal=1e-15", "training.steps=40", "training.checkpoint_every=1"];
    let kills: u64 =
        (0..3).map(|seed| kill_again_and_again("torus-multi-modal", &settings, seed, 10, &["2", "1"])).sum();
    assert!(kills >= 5, "only {kills} kills met a run");
}

#[cfg(unix)]
#[test]
#[ignore = "takes minutes"]
fn runs_that_are_killed_fifty_times_end_with_the_same_bytes() {
    let least_squares = ["training.goal=1e-15", "training.steps=400", "training.checkpoint_every=1"];
    let adam = ["training.optimiser=adam", "training.steps=12000", "training.checkpoint_every=20"];
    for (preset, settings) in [("torus-multi-modal", &least_squares), ("torus-unimodal", &adam)] {
        for threads in [&["1"][..], &["2"]] {
            let (mut kills, mut seed) = (0, 0);
            while kills < 50 {
                assert!(seed < 40, "only {kills} kills met a run");
                kills += kill_again_and_again(preset, settings, seed, 50 - kills, threads);
                seed += 1;
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn fit_of_points_that_is_killed_goes_on_after_its_last_layer_to_the_same_bytes() {
    let dir = folder();
    // Angles around a value that follows the other one, by a sequence of low discrepancy.
    let row = |i: u32| {
        let [u, v] = [0.754_877_666, 0.569_840_291].map(|step| f64::from(i) * step % 1.0);
        let a = 1.2 + 0.9 * (std::f64::consts::TAU * u).sin();
        format!("{a},{}\n", 3.0 + 0.7 * a.cos() + 0.3 * (v / (1.000_1 - v)).ln())
    };
    let text: String = "phi,psi\n".to_owned() + &(1..=400).map(row).collect::<String>();
    fs::write(dir.path().join("angles.csv"), text).expect("a writable folder");
    let fit = |out| {
        let small = ["--set", "evaluation.samples=512", "--set", "evaluation.pictures=false"];
        [&["fit", "angles.csv", "--manifold", "T2", "--threads", "1", "--out", out], &small[..]].concat()
    };
    let status = ircpm(dir.path(), &fit("whole")).status.code();
    assert!(matches!(status, Some(0 | 4)), "{status:?}");
    let mut child = start(dir.path(), &fit("killed"));
    let checkpoint = dir.path().join("killed/checkpoint.safetensors");
    while !checkpoint.exists() {
        assert!(child.try_wait().expect("its status").is_none(), "the fit has ended without a checkpoint");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("a child of this process");
    assert_eq!(child.wait().expect("its status").code(), None, "the fit was killed too late");
    assert!(!dir.path().join("killed/report.json").exists());
    // Lines of steps after the checkpoint, as a crash leaves them, and half a line.
    let path = dir.path().join("killed/metrics.jsonl");
    let text = fs::read_to_string(&path).expect("metrics") + "{\"step\":7,\"loss\":0.0}\n{\"step\":1";
    fs::write(&path, text).expect("a writable folder");
    let resumed = ircpm(dir.path(), &["resume", "killed", "--threads", "2"]);
    assert_eq!(resumed.status.code(), status);
    let said = String::from_utf8_lossy(&resumed.stderr).into_owned();
    assert!(said.contains("goes on after") && !said.contains("goes on after 0 steps"), "{said}");
    let read = |run: &str| fs::read(dir.path().join(run).join("checkpoint.safetensors"));
    assert!(read("whole").expect("a checkpoint") == read("killed").expect("another"));
    let report = |run: &str| untimed(json(&dir.path().join(run).join("report.json")));
    assert_eq!(report("whole"), report("killed"));
    let lines = |run: &str| metrics(&dir.path().join(run));
    assert_eq!(lines("whole"), lines("killed"));
}

#[cfg(unix)]
#[test]
fn termination_is_handled_as_an_interrupt_and_a_second_process_is_refused() {
    let dir = folder();
    let long = ["training.optimiser=adam", "training.steps=100000000", "model.hidden=[8]"];
    let sets: Vec<&str> = long.iter().flat_map(|set| ["--set", *set]).collect();
    let mut child = start(dir.path(), &[&["train", "torus-unimodal", "--out", "run"], &sets[..]].concat());
    while !dir.path().join("run/checkpoint.safetensors").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    for command in ["resume", "evaluate"] {
        let said = complaint(&ircpm(dir.path(), &[command, "run"]));
        assert!(said.contains("another process is training run"), "{command}: {said}");
    }
    assert!(!dir.path().join("run/report.json").exists());
    let shown = ircpm(dir.path(), &["show", "run"]);
    succeed(&shown);
    assert!(stdout(&shown).contains("another process trains or measures it"), "{}", stdout(&shown));
    let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()));
    assert_eq!(child.wait().ok().and_then(|status| status.code()), Some(130));
    let shown = ircpm(dir.path(), &["show", "run"]);
    succeed(&shown);
    assert!(stdout(&shown).contains("interrupted: `ircpm resume` goes on"), "{}", stdout(&shown));
}

#[test]
fn pictures_that_cannot_be_written_leave_the_report() {
    let dir = folder();
    succeed(&short(dir.path(), &["train", "torus-unimodal", "--out", "run"]));
    let run = dir.path().join("run");
    // No file can take the place of a folder that is not empty.
    for name in ["report.json", "density.png"] {
        fs::remove_file(run.join(name)).expect("a file of the run");
    }
    fs::create_dir(run.join("density.png")).expect("a writable folder");
    fs::write(run.join("density.png/keep"), "").expect("a writable folder");
    let output = ircpm(dir.path(), &["evaluate", "run"]);
    succeed(&output);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("density.png") && said.contains("`ircpm plot run` draws the pictures"), "{said}");
    assert_eq!(json(&run.join("report.json"))["pictures"], serde_json::json!([]));
    fs::remove_dir_all(run.join("density.png")).expect("a writable folder");
    let plotted = ircpm(dir.path(), &["plot", "run"]);
    succeed(&plotted);
    assert_eq!(stdout(&plotted).lines().count(), 3, "{}", stdout(&plotted));
    assert_eq!(json(&run.join("report.json"))["pictures"][0], "density.png");
}

#[cfg(unix)]
#[test]
fn pipes_folders_and_endless_files_are_refused_at_once() {
    let dir = folder();
    succeed(&short(dir.path(), &["train", "torus-unimodal", "--out", "run"]));
    let make = Command::new("mkfifo").arg(dir.path().join("pipe.toml")).status();
    assert!(make.is_ok_and(|status| status.success()));
    let large = fs::File::create(dir.path().join("large.toml")).expect("a writable folder");
    large.set_len(1 << 40).expect("a file of holes");
    for (name, words) in [
        ("pipe.toml", "not a regular file"),
        ("/dev/zero", "not a regular file"),
        ("run", "not a regular file"),
        ("large.toml", "more than 1048576 bytes"),
    ] {
        let said = complaint(&ircpm(dir.path(), &["train", name]));
        assert!(said.contains(words), "{name}: {said}");
    }
    let checkpoint = dir.path().join("run/checkpoint.safetensors");
    fs::remove_file(&checkpoint).expect("a checkpoint");
    let make = Command::new("mkfifo").arg(&checkpoint).status();
    assert!(make.is_ok_and(|status| status.success()));
    for command in ["evaluate", "resume", "sample", "show"] {
        let said = complaint(&ircpm(dir.path(), &[command, "run"]));
        assert!(said.contains("not a regular file"), "{command}: {said}");
    }
}

#[test]
fn threads_beyond_reason_are_refused_with_the_most_there_may_be() {
    let dir = folder();
    for threads in ["0", "100000"] {
        let output = ircpm(dir.path(), &["train", "torus-unimodal", "--threads", threads]);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("whole number from 1 to"), "{said}");
    }
}

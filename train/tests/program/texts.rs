//! What is printed: lists of presets, reports as JSON, scripts for shells, pages of the manual, diagnostics of chains.

use serde_json::Value;

use crate::files::{npz, runs, table};
use crate::{SHORT, complaint, ends, folder, ircpm, short, stdout, succeed};

#[test]
fn results_are_printed_as_json_and_shown_again() {
    let dir = folder();
    let output = short(dir.path(), &["train", "torus-unimodal", "--out", "run", "--json", "--quiet"]);
    succeed(&output);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let trained: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let mut written = crate::json(&dir.path().join("run/report.json"));
    let checksum = written.as_object_mut().and_then(|map| map.remove("checkpoint"));
    assert!(checksum.is_some_and(|checksum| checksum.as_str().is_some_and(|text| text.len() == 8)));
    assert_eq!(trained, written);
    let output = ircpm(dir.path(), &["show", "run", "--json"]);
    let shown: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!((&shown["report"], &shown["progress"]["step"]), (&trained, &30.into()));
    assert_eq!(shown["config"]["target"]["name"], "torus-unimodal");
    let text = stdout(&ircpm(dir.path(), &["show", "run"]));
    assert!(text.contains("torus-unimodal at beta 1") && text.contains("min eigenvalue"), "{text}");
    assert!(text.contains("30 steps, done"), "{text}");
}

#[test]
fn shells_and_man_know_every_command() {
    let dir = folder();
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&ircpm(dir.path(), &["completions", shell]));
        assert!(script.contains("log-prob") && script.contains("transform"), "{script}");
    }
    let page = stdout(&ircpm(dir.path(), &["man"]));
    assert!(page.contains(".TH ircpm 1") && page.contains("sample"), "{page}");
    let page = stdout(&ircpm(dir.path(), &["man", "sample"]));
    assert!(page.contains(".TH ircpm-sample 1") && page.contains("log_weight"), "{page}");
    let output = ircpm(dir.path(), &["man", "simple"]);
    ends(&output, 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no command `simple`"));
}

#[test]
fn chains_are_written_with_their_axes_and_diagnosed() {
    let dir = folder();
    runs(dir.path());
    let chain = |out: &str, more: &[&str]| {
        let args = ["chain", "target", "-n", "500", "--chains", "3", "--local-step", "0.5", "-o", out];
        let output = ircpm(dir.path(), &[&args[..], more].concat());
        succeed(&output);
        output
    };
    let said: Value = serde_json::from_str(&stdout(&chain("c.npz", &["--json"]))).expect("JSON");
    assert!(said["acceptance"].as_f64().is_some_and(|a| (0.3..1.0).contains(&a)), "{said}");
    assert_eq!(said["functions"].as_array().map(Vec::len), Some(4));
    let arrays = npz(&dir.path().join("c.npz"));
    let shapes: Vec<_> = arrays.iter().map(|(name, (shape, _))| (name.as_str(), shape.as_str())).collect();
    assert_eq!(
        shapes,
        [("accepted.npy", "(3, 500)"), ("energy.npy", "(3, 500)"), ("points.npy", "(3, 500, 2)")]
    );
    let output = chain("-", &["--threads", "1"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("cos(theta1)"));
    let (names, rows) = table(&stdout(&output));
    assert_eq!(names, ["chain", "draw", "theta1", "theta2", "energy", "accepted"]);
    let points: Vec<f64> = rows.iter().flat_map(|row| &row[2..4]).copied().collect();
    assert_eq!(points, arrays["points.npy"].1);
    assert_eq!((rows[499][0], rows[499][1], rows[500][0]), (0.0, 499.0, 1.0));
    let text = stdout(&output);
    let first = text.lines().nth(1).expect("a row");
    assert!(first.starts_with("0,0,") && (first.ends_with(",0") || first.ends_with(",1")), "{first}");
    // Refused before anything is written, as any other wrong argument.
    for (wrong, words) in [
        (&["-n", "3"][..], "--number is 3: give at least 4"),
        (&["-n", "1e12"], "--number is 1000000000000"),
        (&["--chains", "1000000000"], "--chains is 1000000000"),
        (&["--warm-up", "1000000000"], "--warm-up is 1000000000"),
        (&["--local-step", "nan"], "--local-step is NaN"),
    ] {
        let output = ircpm(dir.path(), &[&["chain", "target"], wrong].concat());
        ends(&output, 2);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(words) && output.stdout.is_empty(), "{wrong:?}: {said}");
    }
    let said = complaint(&ircpm(dir.path(), &["chain", "data"]));
    assert!(said.contains("no energy that a chain could leave invariant"), "{said}");
}

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

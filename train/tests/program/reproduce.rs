//! `ircpm reproduce`: the paper's programme, cut short.

use std::fs;

use serde_json::Value;

use crate::{ends, folder, ircpm, stdout};

/// Enough steps for every optimiser's warm-up, too few to learn much.
const SHORT: [&str; 8] = [
    "--quick",
    "--set",
    "training.steps=12",
    "--set",
    "evaluation.samples=512",
    "--set",
    "evaluation.uniform=512",
    "--points=2000",
];

#[test]
fn a_short_programme_writes_rows_tables_and_figures() {
    let dir = folder();
    let only = [
        "--only=torus-multi-modal-adam",
        "--only=sphere-stack-3",
        "--only=sphere-discrete",
        "--only=bounds",
        "--only=minima",
    ];
    let output = ircpm(
        dir.path(),
        &[&["reproduce", "--out", "out", "--seed=4", "--seeds=2"], &SHORT[..], &only].concat(),
    );
    // Twelve steps reach no figure.
    ends(&output, 4);
    let page = fs::read_to_string(dir.path().join("out/results.md")).expect("the page");
    assert_eq!(page, stdout(&output));
    for text in [
        "## Table 1",
        "| torus-multi-modal-adam | three modes | MLP, trained by Adam | 1249 | 2 |",
        "| sphere-stack-3 | four modes | stack of 3, shared, Adam | 17153 | 2 |",
        "| sphere-discrete | four modes | RCPM, 5 layers of 68 components, Adam | 1360 | 2 |",
        "ircpm train torus-multi-modal --set training.optimiser=adam",
        "## Bounds on the derivatives",
        "figure-3.png",
    ] {
        assert!(page.contains(text), "no `{text}` in\n{page}");
    }
    let lines = fs::read_to_string(dir.path().join("out/rows.jsonl")).expect("the rows");
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let named: Vec<(&str, u64)> = rows
        .iter()
        .map(|row| (row["row"].as_str().expect("a name"), row["seed"].as_u64().expect("a seed")))
        .collect();
    let names = ["torus-multi-modal-adam", "sphere-stack-3", "sphere-discrete"];
    let expected: Vec<(&str, u64)> = names.iter().flat_map(|name| [(*name, 4), (*name, 5)]).collect();
    assert_eq!(named, expected);
    assert!(rows.iter().all(|row| row["measured"]["ess"].as_f64().is_some_and(|ess| ess > 0.1)), "{lines}");
    let png = fs::read(dir.path().join("out/figure-3.png")).expect("the figure");
    assert!(png.starts_with(b"\x89PNG"));
}

#[test]
fn wrong_names_and_keys_are_refused_before_anything_is_trained() {
    let dir = folder();
    ends(&ircpm(dir.path(), &["reproduce", "--only", "table-1"]), 2);
    let output = ircpm(dir.path(), &["reproduce", "--out", "out", "--set", "seed=3"]);
    ends(&output, 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("give --seed and --seeds"));
    let output = ircpm(dir.path(), &["reproduce", "--out", "out", "--set", "training.stepz=3"]);
    ends(&output, 1);
    assert!(String::from_utf8_lossy(&output.stderr).contains("stepz"), "{:?}", output.stderr);
    assert!(!dir.path().join("out").exists());
}

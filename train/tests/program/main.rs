//! The program, as its users meet it: arguments in; files, text and exit status out.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

mod conditional;
mod densities;
mod energies;
mod files;
mod fits;
mod lattices;
mod messages;
mod parquet;
mod proofs;
mod reproduce;
mod runs;
#[cfg(unix)]
mod stories;
mod survival;
mod texts;
mod units;

/// Enough to write every file, too little to learn much.
const SHORT: [&str; 10] = [
    "--set",
    "training.optimiser=adam",
    "--set",
    "training.steps=30",
    "--set",
    "evaluation.samples=512",
    "--set",
    "evaluation.uniform=512",
    "--set",
    "training.log_every=10",
];

fn ircpm(folder: &Path, args: &[&str]) -> Output {
    let program = Command::new(env!("CARGO_BIN_EXE_ircpm"))
        .args(args)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output();
    program.unwrap_or_else(|e| panic!("the program does not start: {e}"))
}

fn short(folder: &Path, args: &[&str]) -> Output {
    ircpm(folder, &[args, &SHORT[..]].concat())
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap_or_else(|e| panic!("no temporary folder: {e}"))
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// All that was printed.
fn printed(output: &Output) -> String {
    stdout(output) + &String::from_utf8_lossy(&output.stderr)
}

/// What went wrong, on one line whatever the width of the terminal.
fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", printed(output));
    String::from_utf8_lossy(&output.stderr).replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A run that came to its end with the given exit status, and its results.
fn ends(output: &Output, status: i32) {
    assert_eq!(output.status.code(), Some(status), "{}", printed(output));
}

fn succeed(output: &Output) {
    assert!(output.status.success(), "{}", printed(output));
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Without what may differ between two runs of the same configuration.
fn untimed(mut value: Value) -> Value {
    if let Some(map) = value.as_object_mut() {
        map.retain(|key, _| !key.ends_with("_seconds") && key != "threads");
    }
    value
}

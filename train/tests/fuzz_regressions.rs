//! Inputs that a fuzz target once failed on, or that are likely to break it: replayed, and with random changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ircpm_train::config::preset::PRESETS;
use proptest::prelude::*;

#[path = "checks/checkpoint.rs"]
mod checkpoint;
#[path = "checks/config.rs"]
mod config;
#[path = "checks/expression.rs"]
mod expression;
#[path = "checks/mutation.rs"]
mod mutation;
#[path = "checks/table.rs"]
mod table;

/// The files of a folder of regressions, of which there are at least so many.
fn files(folder: &str, least: usize) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions").join(folder);
    let entries = fs::read_dir(&folder).expect("the folder is there");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(files.len() >= least, "{} regressions in {}", files.len(), folder.display());
    files
}

/// Their bytes.
fn regressions(folder: &str, least: usize) -> Vec<Vec<u8>> {
    files(folder, least).iter().map(|file| fs::read(file).expect("a readable file")).collect()
}

/// Runs a check on every file of a folder of regressions, of which there are at least so many.
fn replay(folder: &str, least: usize, check: fn(&[u8])) {
    for file in files(folder, least) {
        println!("{}", file.display());
        check(&fs::read(&file).expect("a readable file"));
    }
}

/// Runs a check on changed inputs, for as many seconds as `IRCPM_FUZZ_SECONDS` says.
fn mutate(corpus: &[Vec<u8>], check: fn(&[u8])) {
    let seconds = std::env::var("IRCPM_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let count = mutation::check_mutated(corpus, 17, Duration::from_secs(seconds), check);
    println!("{count} inputs");
}

#[test]
fn regressions_of_checkpoint_stay_fixed() {
    replay("checkpoint", 16, checkpoint::decodes_or_explains);
}

#[test]
fn mutated_checkpoints_are_decoded_or_explained() {
    mutate(&regressions("checkpoint", 16), checkpoint::decodes_or_explains);
}

#[test]
fn mutated_configurations_are_parsed_or_explained() {
    let mut corpus = regressions("config", 16);
    corpus.extend(PRESETS.iter().map(|preset| preset.text.as_bytes().to_vec()));
    mutate(&corpus, config::parses_or_explains);
}

#[test]
fn mutated_energies_are_compiled_or_explained() {
    let mut corpus = regressions("expression", 9);
    corpus.extend(ENERGIES.iter().map(|text| text.as_bytes().to_vec()));
    mutate(&corpus, expression::parses_or_explains);
}

#[test]
fn mutated_tables_are_read_or_explained() {
    let mut corpus = regressions("table", 8);
    corpus.extend(TABLES.iter().map(|text| text.as_bytes().to_vec()));
    // The first byte says how the others are read.
    let corpus: Vec<Vec<u8>> = corpus
        .iter()
        .flat_map(|bytes| [0, 5, 33, 97, 194].map(|choice| [&[choice], &bytes[..]].concat()))
        .collect();
    mutate(&corpus, table::reads_or_explains);
}

#[cfg(feature = "parquet")]
#[test]
fn mutated_tables_of_parquet_are_read_or_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parquet");
    let files = fs::read_dir(folder).expect("the folder is there");
    let corpus: Vec<Vec<u8>> = files
        .map(|file| fs::read(file.expect("a file").path()).expect("a readable file"))
        .flat_map(|bytes| [0, 4, 128, 132].map(|choice| [&[choice], &bytes[..]].concat()))
        .collect();
    assert!(corpus.len() >= 24, "{} inputs", corpus.len());
    mutate(&corpus, table::reads_or_explains);
}

#[test]
fn regressions_of_config_stay_fixed() {
    replay("config", 16, config::parses_or_explains);
}

#[test]
fn regressions_of_expression_stay_fixed() {
    replay("expression", 9, expression::parses_or_explains);
}

#[test]
fn regressions_of_table_stay_fixed() {
    // However the bytes are read.
    replay("table", 8, |bytes| {
        (0..=255).for_each(|choice| table::reads_or_explains(&[&[choice], bytes].concat()));
    });
}

proptest! {
    #[test]
    fn table_is_read_or_explained_with_a_part_replaced(
        choice in any::<u8>(),
        row in "[0-9.,;\t a-z\"#%@-]{0,14}",
        rows in 1..6usize,
        at in any::<prop::sample::Index>(),
        inserted in "[-+.0-9a-z,;\t\"\n\r#NA]{0,12}",
    ) {
        let mut text = format!("{row}\n").repeat(rows) + "1.5,2.5\n0.5,1.25\n";
        let place = at.index(text.len());
        if text.is_char_boundary(place) {
            text.insert_str(place, &inserted);
        }
        table::reads_or_explains(&[&[choice], text.as_bytes()].concat());
    }

    #[test]
    fn config_parses_or_explains_a_preset_with_a_part_replaced(
        preset in 0..PRESETS.len(),
        at in any::<prop::sample::Index>(),
        removed in 0..40usize,
        inserted in "[-+.0-9a-z_=\"'{}\\[\\], \n]{0,12}",
    ) {
        let mut text = PRESETS[preset].text.to_owned().into_bytes();
        let start = at.index(text.len());
        let end = text.len().min(start + removed);
        text.splice(start..end, inserted.into_bytes());
        config::parses_or_explains(&text);
    }

    #[test]
    fn expression_is_compiled_or_explained_when_made_of_likely_pieces(
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..24),
    ) {
        expression::parses_or_explains(pieces.concat().as_bytes());
    }

    #[test]
    fn expression_is_compiled_or_explained_for_any_text(text in any::<String>()) {
        expression::parses_or_explains(text.as_bytes());
    }
}

/// Pieces of energies.
const PIECES: [&str; 32] = [
    "theta1",
    "theta",
    "x1",
    "x",
    "f1.x[2]",
    "f2.theta1",
    "a",
    "b[1]",
    "b[2, 1]",
    "(",
    ")",
    "[",
    "]",
    ",",
    ";",
    "=",
    "+",
    "-",
    "*",
    "/",
    "^",
    "2",
    "0.5",
    "1e300",
    "cos(",
    "log_sum_exp(",
    "sum(i, 1, 3, ",
    "i",
    "pi",
    "r = ",
    "mod(i, 2)",
    "vmf(x, ",
];

/// Energies to change.
const ENERGIES: [&str; 5] = [
    "-(cos(theta1 - a) + cos(theta2 - 5.96))",
    "r = theta1 - theta2; -a * cos(r) + b[1, 1] * (cos(2 * theta1) + cos(2 * theta2))",
    "-log_sum_exp(3 * cos(theta1 - a), 4 * cos(theta2 - 1))",
    "-sum(i, 1, 2, sum(j, 1, 2, b[i, j] * cos(theta[i] - theta[j]) * a))",
    "x1^2 / 2 - vmf(f1.x, [0, 0, 1], 3) + abs(a) * sqrt(1 + x1^2)",
];

/// Tables to change.
const TABLES: [&str; 4] = [
    "phi [deg],psi [deg]\n-57.0,-47.0\n-119.0,113.0\n",
    "# angles\n,phi,psi\n0,1.5,2.5\n1,0.5,NA\n2,0.25,1.75\n",
    "lat;lon;depth\n45,5;90,25;7\n-3,2;101,5;33\n",
    "0.0 0.0 1.0\n0.6 0.0 0.8\n",
];

//! Texts that a fuzz target once failed on, or that are likely to break it, replayed.

use std::fs;
use std::path::Path;

use ircpm_train::config::preset::PRESETS;
use proptest::prelude::*;

#[path = "checks/config.rs"]
mod config;
#[path = "checks/expression.rs"]
mod expression;
#[path = "checks/table.rs"]
mod table;

/// Runs a check on every file of a folder of regressions, of which there are at least so many.
fn replay(folder: &str, least: usize, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions").join(folder);
    let entries = fs::read_dir(&folder).expect("the folder is there");
    let mut inputs: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    inputs.sort();
    assert!(inputs.len() >= least, "{} regressions in {}", inputs.len(), folder.display());
    for input in inputs {
        println!("{}", input.display());
        check(&fs::read(&input).expect("a readable file"));
    }
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

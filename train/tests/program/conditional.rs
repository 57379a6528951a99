//! Densities given other columns, from a table to samples.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::files::table;
use super::{complaint, ends, folder, ircpm, json, printed, succeed};

/// Angles whose mean grows with a temperature, with a column that says nothing between them.
fn write_angles(dir: &Path) {
    let mut text = "angle,id,T\n".to_owned();
    for i in 0..400 {
        let (t, spread) = (f64::from(i % 20) / 20.0, f64::from(i * 37 % 100) / 100.0 - 0.5);
        let _ = writeln!(text, "{:.6},{i},{}", 90.0 + 60.0 * t + 40.0 * spread, 300.0 + 20.0 * t);
    }
    fs::write(dir.join("angles.csv"), text).expect("a table");
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

#[test]
fn density_given_a_column_goes_from_a_table_to_samples() {
    let dir = folder();
    let root = dir.path();
    write_angles(root);
    let columns = ["--columns", "angle", "--unit", "deg", "--context", "T"];
    let fit = ["fit", "angles.csv", "--manifold", "T1", "--set", "evaluation.pictures=false", "--out", "run"];
    ends(&ircpm(root, &[&fit[..], &columns].concat()), 0);
    let report = json(&root.join("run/report.json"));
    assert!(report["held_out_log_likelihood"].as_f64().is_some_and(|l| l > -1.0), "{report}");
    assert!((report["mass"].as_f64().expect("a mass") - 1.0).abs() < 0.01, "{report}");

    // The table that it came from is not needed any more, and the run may be measured again.
    fs::remove_file(root.join("angles.csv")).expect("the table");
    ends(&ircpm(root, &["evaluate", "run"]), 0);
    for (kelvins, degrees) in [("301", 93.0), ("318", 144.0)] {
        let file = format!("at_{kelvins}.csv");
        succeed(&ircpm(root, &["sample", "run", "-n", "2000", "--context", kelvins, "-o", &file]));
        let (names, rows) = table(&fs::read_to_string(root.join(&file)).expect("samples"));
        assert_eq!(names, ["angle", "T", "log_q"]);
        assert!(rows.iter().all(|row| row[1].to_string() == kelvins));
        let found = mean(rows.iter().map(|row| row[0]));
        assert!((found - degrees).abs() < 5.0, "{found} at {kelvins}");
    }
    // A table of values: as many samples for each, in the order of the rows.
    fs::write(root.join("values.csv"), "name,T\na,310\nb,305\n").expect("a table");
    succeed(&ircpm(root, &["sample", "run", "-n", "3", "--context", "values.csv", "-o", "each.csv"]));
    let (_, rows) = table(&fs::read_to_string(root.join("each.csv")).expect("samples"));
    assert_eq!(rows.iter().map(|row| row[1]).collect::<Vec<_>>(), [310.0, 310.0, 310.0, 305.0, 305.0, 305.0]);
    // What sampling writes is read again, and so is a table with names of its own.
    succeed(&ircpm(root, &["log-prob", "run", "each.csv", "-o", "again.csv"]));
    let (_, again) = table(&fs::read_to_string(root.join("again.csv")).expect("densities"));
    for (row, log_q) in rows.iter().zip(&again) {
        assert!((row[2] - log_q[0]).abs() < 1e-9, "{row:?}, {log_q:?}");
    }
    fs::write(root.join("own.csv"), "T,angle\n310,120\n").expect("a table");
    succeed(&ircpm(root, &[&["log-prob", "run", "own.csv", "-o", "own_q.csv"][..], &columns].concat()));

    let unknown = ircpm(root, &["sample", "run"]);
    assert!(complaint(&unknown).contains("--context 0.5"), "{}", printed(&unknown));
    let bounds = ircpm(root, &["bounds", "run"]);
    assert!(complaint(&bounds).contains("depend on conditioning variables"), "{}", printed(&bounds));
    let proof = ircpm(root, &["certify", "run"]);
    assert_eq!(proof.status.code(), Some(1), "{}", printed(&proof));
    assert!(complaint(&proof).contains("T1xC1 has conditioning variables"), "{}", printed(&proof));
    let two = ircpm(root, &["sample", "run", "--context", "1,2"]);
    assert_eq!(two.status.code(), Some(2), "{}", printed(&two));
    assert!(printed(&two).contains("give 1 finite number"), "{}", printed(&two));
}

#[test]
fn wrong_columns_of_conditioning_variables_are_named() {
    let dir = folder();
    write_angles(dir.path());
    for (arguments, words) in [
        (&["--context", "temperature"][..], "temperature"),
        (&["--columns", "angle,T", "--context", "T", "--manifold", "R2"], "name it once"),
    ] {
        let manifold = if arguments.contains(&"--manifold") { &[][..] } else { &["--manifold", "T1"] };
        let output = ircpm(dir.path(), &[&["fit", "angles.csv"][..], manifold, arguments].concat());
        assert!(complaint(&output).contains(words), "{arguments:?}: {}", printed(&output));
    }
    let named = ircpm(dir.path(), &["fit", "angles.csv", "--manifold", "T1xC1"]);
    ends(&named, 2);
    assert!(printed(&named).contains("data.context"), "{}", printed(&named));
}

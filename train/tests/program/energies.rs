//! Energies as text: the examples, and a mistake on the screen.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{folder, ircpm, json, printed};

#[test]
fn every_example_trains_and_its_folder_is_evaluated_again() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/energies");
    let dir = folder();
    let mut count = 0;
    for entry in fs::read_dir(&examples).expect("the folder of examples") {
        let path = entry.expect("an entry").path();
        let file = path.to_str().expect("a name");
        let run = format!("run{count}");
        let size = ["--set", "evaluation.samples=4096", "--set", "evaluation.uniform=4096"];
        let output = ircpm(dir.path(), &[&["train", file, "--out", &run][..], &size].concat());
        assert!(output.status.success(), "{file}: {}", printed(&output));
        let report = json(&dir.path().join(&run).join("report.json"));
        assert!(report["ess"].as_f64().expect("a number") > 0.9, "{file}: {report}");
        assert_eq!(report["folded"], Value::Bool(false), "{file}");
        let again = ircpm(dir.path(), &["evaluate", &run]);
        assert!(again.status.success(), "{file}: {}", printed(&again));
        let (first, second) = (printed(&output), printed(&again));
        let figures = |text: &str| text.lines().filter(|line| line.contains("ESS")).map(str::to_owned).next();
        assert!(figures(&second).is_some() && figures(&first) == figures(&second), "{first}{second}");
        count += 1;
    }
    assert_eq!(count, 3);
}

#[test]
fn mistake_is_drawn_with_its_line() {
    let dir = folder();
    let text = "[target]\nmanifold = \"T2\"\nenergy = \"-(cos(theta1 - a) + cos(theta4 - 5.96))\"\n\
                [target.parameters]\na = 4.18\n";
    fs::write(dir.path().join("a.toml"), text).expect("a file");
    let output = ircpm(dir.path(), &["train", "a.toml"]);
    let drawn = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{drawn}");
    for part in ["a.toml:3:", "cos(theta4 - 5.96)", "unknown name `theta4`", "did you mean"] {
        assert!(drawn.contains(part), "{part}: {drawn}");
    }
}

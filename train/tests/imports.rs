//! Which parts of the crate a part may import: no arrow runs upwards, so there is no circle.

use std::fs;
use std::path::Path;

/// The parts from bottom to top, each with those that it imports.
const FLOORS: [(&str, &[&str]); 12] = [
    ("points", &[]),
    ("target", &[]),
    ("estimate", &[]),
    ("least_squares", &[]),
    ("loss", &["target"]),
    ("optimiser", &["least_squares", "loss"]),
    ("config", &["optimiser", "points", "target"]),
    ("training", &["config", "estimate", "least_squares", "loss", "optimiser", "points", "target"]),
    ("evaluation", &["config", "estimate", "points", "target", "training"]),
    ("fit", &["config", "evaluation", "optimiser", "target", "training"]),
    ("report", &["estimate", "evaluation", "points", "training"]),
    ("program", &["config", "evaluation", "report", "training"]),
];

/// The code of a part, without its tests and comments.
fn code(path: &Path) -> String {
    if path.is_dir() {
        let entries =
            fs::read_dir(path).expect("a readable folder").map(|entry| entry.expect("an entry").path());
        return entries.filter(|path| !path.ends_with("tests.rs")).map(|path| code(&path)).collect();
    }
    let text = fs::read_to_string(path).expect("a readable file");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn parts_import_what_lies_below_them_and_no_more() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (floor, (part, allowed)) in FLOORS.iter().enumerate() {
        let below: Vec<&str> = FLOORS[..floor].iter().map(|(name, _)| *name).collect();
        assert!(allowed.iter().all(|name| below.contains(name)), "{part} may import what lies above it");
        let folder = source.join(part);
        let code = code(&if folder.is_dir() { folder } else { source.join(format!("{part}.rs")) });
        let mut found: Vec<&str> = code
            .split("crate::")
            .skip(1)
            .map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default())
            .filter(|name| name != part)
            .collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, *allowed, "{part}");
    }
    let declared = code(&source.join("lib.rs")).matches("pub mod ").count();
    assert_eq!(declared, FLOORS.len(), "a part of lib.rs has no floor");
}

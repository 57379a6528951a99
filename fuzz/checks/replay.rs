//! Regressions of a fuzz target as an ordinary test.

use std::fs;
use std::path::Path;

/// Runs `check` on every file of `fuzz/regressions/<target>`, for a test of the crate whose manifest lies in `manifest`.
pub(crate) fn replay(manifest: &str, target: &str, check: impl Fn(&[u8])) {
    let folder = Path::new(manifest).join("../fuzz/regressions").join(target);
    let mut inputs: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "no regressions in {}", folder.display());
    for input in inputs {
        println!("{}", input.display());
        check(&fs::read(&input).expect("a readable file"));
    }
}

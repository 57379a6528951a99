//! Texts that a fuzz target once failed on, or that are likely to break it, replayed.

use std::fs;
use std::path::Path;

use ircpm_train::config::preset::PRESETS;
use proptest::prelude::*;

#[path = "checks/config.rs"]
mod config;

#[test]
fn regressions_of_config_stay_fixed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions/config");
    let entries = fs::read_dir(&folder).expect("the folder is there");
    let mut inputs: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    inputs.sort();
    assert!(inputs.len() >= 16, "{} regressions in {}", inputs.len(), folder.display());
    for input in inputs {
        println!("{}", input.display());
        config::parses_or_explains(&fs::read(&input).expect("a readable file"));
    }
}

proptest! {
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
}

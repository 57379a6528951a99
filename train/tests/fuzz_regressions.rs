//! Texts that a fuzz target once failed on, or that are likely to break it, replayed.

use ircpm_train::config::preset::PRESETS;
use proptest::prelude::*;

#[path = "../../fuzz/checks/config.rs"]
mod config;
#[path = "../../fuzz/checks/replay.rs"]
mod replay;

#[test]
fn regressions_of_config_stay_fixed() {
    replay::replay(env!("CARGO_MANIFEST_DIR"), "config", config::parses_or_explains);
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

//! What must hold of any text given as a configuration; replayed from `tests/regressions/config`, and fuzzed.

use ircpm_train::config::Config;

/// Parses `bytes` if they are text. A configuration is one that writing out and parsing again does not change; an
/// error says something.
pub(crate) fn parses_or_explains(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Config::parse(text, "input") {
        Ok(config) => {
            let written = config.to_toml();
            let again =
                Config::parse(&written, "written").expect("a configuration that was written out parses");
            assert_eq!(again.to_toml(), written);
        }
        Err(error) => assert!(!error.to_string().is_empty(), "an error without a message: {error:?}"),
    }
}

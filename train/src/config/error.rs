//! An error in a configuration, with the text that caused it.

use std::ops::Range;

use crate::suggest::suggest;

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{name}, line {}: {message}{}", self.line(), self.help().map(|help| format!(" ({help})")).unwrap_or_default())]
pub struct ConfigError {
    /// The file, the preset, or `--set`.
    pub name: String,
    /// Its whole text.
    pub text: String,
    /// Bytes of `text` that are to blame.
    pub span: Range<usize>,
    /// The cause.
    pub message: String,
}

impl ConfigError {
    /// Line of the start of the span, from 1.
    pub fn line(&self) -> usize {
        self.text.bytes().take(self.span.start).filter(|&byte| byte == b'\n').count() + 1
    }

    /// The remedy, where there is one: the nearest known spelling.
    pub fn help(&self) -> Option<String> {
        // Serde's messages quote what was given first, and then everything that would have been right.
        let mut quoted = self.message.split('`').skip(1).step_by(2);
        let given = quoted.next()?;
        let known: Vec<&str> = quoted.collect();
        if !self.message.starts_with("unknown") {
            return None;
        }
        suggest(given, known).map(|near| format!("did you mean `{near}`?"))
    }
}

//! An error in a configuration, with the text that caused it.

use std::ops::Range;

use crate::config::suggest;

/// Serde's names for what was expected, where they say little to who writes TOML.
const SHAPES: [(&str, &str); 8] = [
    ("i64", "write an integer, such as 100, below 2⁶³"),
    ("i32", "write an integer, such as -1, within ±2³¹"),
    ("f64", "write a number, such as 0.01"),
    ("a table", "give its keys on the lines below its name in brackets, such as [training]"),
    ("a sequence", "write a list, such as [32, 32]"),
    ("a boolean", "write true or false"),
    ("a string", "write it in quotes, as in \"T2\""),
    ("struct variant", "give its keys, as in features = { harmonics = { order = 1 } }"),
];

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[error("{name}, line {}: {message}{}", self.line(), self.help().map(|help| format!(" ({help})")).unwrap_or_default())]
pub struct ConfigError {
    /// Name of the file or preset, or `--set`.
    pub name: String,
    /// The whole text of the configuration.
    pub text: String,
    /// Bytes of `text` that caused the error.
    pub span: Range<usize>,
    /// The cause.
    pub message: String,
}

impl ConfigError {
    /// Line of the start of the span, from 1.
    pub fn line(&self) -> usize {
        self.text.bytes().take(self.span.start).filter(|&byte| byte == b'\n').count() + 1
    }

    /// The remedy, where there is one: the nearest known spelling, or the shape of a value.
    pub fn help(&self) -> Option<String> {
        if let Some(key) =
            self.message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'))
        {
            let section = self.text.get(self.span.clone()).filter(|part| part.starts_with('['));
            let place = section.and_then(|part| part.lines().next()).map(|line| format!(" below {line}"));
            return Some(format!("write it{}, as in {key} = …", place.unwrap_or_default()));
        }
        if self.message.starts_with("invalid boolean")
            || self.message.starts_with("string values must be quoted")
        {
            return Some("a text stands in quotes, as in name = \"torus-seam\"".to_owned());
        }
        if let Some((_, expected)) = self.message.split_once(", expected ") {
            let shape = SHAPES.iter().find(|(name, _)| *name == expected);
            if let Some((_, remedy)) = shape {
                return Some((*remedy).to_owned());
            }
        }
        // A key set beside the one that a preset has makes two kinds of a thing that has one.
        if self.message.starts_with("wanted exactly 1 element") {
            return Some(
                "it has one kind: replace it whole, as in model.features={harmonics={order=1}}".to_owned(),
            );
        }
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

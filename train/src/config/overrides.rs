//! `--set key=value`: some keys of a configuration replaced, before types are checked.
//!
//! The overrides are appended to the file's text, line by line, and each is parsed behind as many blanks as text
//! precedes it. So every value of the merged document has a span in one text, and an error can be shown where it arose.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::error::ConfigError;
use super::string_span::inside_string;
use crate::target::ExpressionError;

/// One `key=value`: a dotted key and a TOML value; a value that is not TOML is taken as a string.
#[derive(Clone, Debug, PartialEq)]
pub struct Override(String);

impl Override {
    /// An override of the seed.
    pub fn seed(seed: u64) -> Self {
        Self(format!("seed={seed}"))
    }
}

impl std::str::FromStr for Override {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) =
            text.split_once('=').ok_or_else(|| format!("`{text}` is not of the form key=value"))?;
        // With any value; one that is not TOML is no reason to refuse the key.
        DeTable::parse(&format!("{key}=0")).map_err(|e| format!("`{key}` is not a key: {}", e.message()))?;
        match DeTable::parse(text) {
            Ok(document) if document.get_ref().len() > 1 => {
                Err(format!("`{text}` has several keys: repeat --set for each"))
            }
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Ok(Self(format!("{key}={}", toml::Value::from(value)))),
        }
    }
}

/// File and overrides as one text.
pub(super) struct MergedText<'a> {
    name: &'a str,
    text: &'a str,
    sets: Vec<String>,
}

impl MergedText<'_> {
    /// An error at a span of the whole text, shown in the part that it falls into.
    fn error(&self, span: Range<usize>, message: String) -> ConfigError {
        let inside = |start: usize, len: usize| {
            let offset = |at: usize| at.saturating_sub(start).min(len);
            offset(span.start)..offset(span.end)
        };
        let mut start = self.text.len();
        for set in &self.sets {
            if (start..start + set.len()).contains(&span.start) {
                return ConfigError {
                    name: "--set".into(),
                    text: set.clone(),
                    span: inside(start, set.len()),
                    message,
                };
            }
            start += set.len();
        }
        let span = inside(0, self.text.len());
        ConfigError { name: self.name.into(), text: self.text.into(), span, message }
    }

    /// An error at the value of a key, or at the nearest table around it that is written out.
    pub(super) fn error_at(&self, path: &[&str], message: String) -> ConfigError {
        self.error(self.span_of(path), message)
    }

    /// An error in the text of a key of `[target]`, at the part of the string that caused it, or at the parameter.
    pub(super) fn error_in_expression(&self, key: &str, error: &ExpressionError) -> ConfigError {
        let message = error.kind.to_string();
        if let Some(name) = error.parameter() {
            return self.error_at(&["target", "parameters", name], message);
        }
        let value = self.span_of(&["target", key]);
        let whole = self.text.to_owned() + &self.sets.concat();
        let inside = whole.get(value.clone()).and_then(|raw| inside_string(raw, &error.text, &error.span));
        let span = inside.map_or(value.clone(), |part| value.start + part.start..value.start + part.end);
        self.error(span, message)
    }

    /// Bytes of the value of a key, or of the nearest table around it that is written out.
    fn span_of(&self, path: &[&str]) -> Range<usize> {
        let padded = self.padded();
        let Ok(document) = self.document(&padded) else { return 0..0 };
        let mut span = 0..0;
        let mut table = document.get_ref();
        for key in path {
            let Some(value) = table.get(*key) else { break };
            span = value.span();
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => break,
            }
        }
        span
    }

    /// Each override behind blanks, so that its spans are those of the whole text.
    fn padded(&self) -> Vec<String> {
        let mut start = self.text.len();
        let pad = |set: &String| {
            let padded = " ".repeat(start) + set;
            start += set.len();
            padded
        };
        self.sets.iter().map(pad).collect()
    }

    fn document<'s>(&'s self, padded: &'s [String]) -> Result<Spanned<DeTable<'s>>, ConfigError> {
        let parse = |text: &'s str| {
            DeTable::parse(text).map_err(|e| self.error(e.span().unwrap_or_default(), e.message().to_owned()))
        };
        let mut document = parse(self.text)?;
        for set in padded {
            let key = set.split('=').next().unwrap_or_default();
            let depth = depth(&format!("{key}=0"));
            merge(document.get_mut(), parse(set)?.into_inner(), depth);
        }
        Ok(document)
    }
}

/// Number of dots in a key, quoted ones left out: the depth at which `key = 0` has its value.
fn depth(text: &str) -> usize {
    let Ok(document) = DeTable::parse(text) else { return 0 };
    let mut depth = 0;
    let mut table = document.get_ref();
    while let Some(DeValue::Table(inner)) = table.values().next().map(Spanned::get_ref) {
        table = inner;
        depth += 1;
    }
    depth
}

/// Walks `depth` tables down, then replaces: `a.b={c=1}` sets the whole of `b`, `a.b.c=1` one key in it.
fn merge<'i>(into: &mut DeTable<'i>, from: DeTable<'i>, depth: usize) {
    for (key, value) in from {
        if depth > 0
            && let Some(DeValue::Table(inner)) = into.get_mut(key.get_ref().as_ref()).map(Spanned::get_mut)
            && value.get_ref().is_table()
        {
            let DeValue::Table(value) = value.into_inner() else { continue };
            merge(inner, value, depth - 1);
        } else {
            into.insert(key, value);
        }
    }
}

/// Reads a file with overrides.
pub(super) fn deserialize<'a, T: DeserializeOwned>(
    text: &'a str,
    name: &'a str,
    overrides: &[Override],
) -> Result<(T, MergedText<'a>), ConfigError> {
    let sets = overrides.iter().map(|Override(text)| text.clone()).collect();
    let source = MergedText { name, text, sets };
    let padded = source.padded();
    let value = T::deserialize(Deserializer::from(source.document(&padded)?))
        .map_err(|e| source.error(e.span().unwrap_or_default(), without_types(e.message())))?;
    Ok((value, source))
}

/// Serde's message without the names of Rust's types.
fn without_types(message: &str) -> String {
    match message.split_once(", expected struct ") {
        // A variant's keys are told by the help.
        Some((found, name)) if !name.starts_with("variant") => format!("{found}, expected a table"),
        _ => message.to_owned(),
    }
}

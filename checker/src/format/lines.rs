//! The lines of a certificate, one after the other.

use std::str::FromStr;

use crate::error::CheckError;

/// The lines that are not read yet.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    rest: std::str::Lines<'a>,
    number: usize,
}

impl<'a> Lines<'a> {
    /// All lines of a text.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text.lines(), number: 0 }
    }

    /// That something is wrong with the line that was read last.
    pub(crate) fn wrong(&self, problem: impl Into<String>) -> CheckError {
        CheckError::Malformed { line: self.number, problem: problem.into() }
    }

    /// The next line.
    pub(crate) fn next(&mut self) -> Result<&'a str, CheckError> {
        self.number += 1;
        self.rest.next().ok_or_else(|| self.wrong("the file ends too early"))
    }

    /// What follows a key on the next line, which must begin with it.
    pub(crate) fn after(&mut self, key: &str) -> Result<&'a str, CheckError> {
        let line = self.next()?;
        let rest = line.strip_prefix(key).and_then(|rest| rest.strip_prefix(' '));
        rest.ok_or_else(|| self.wrong(format!("it should begin with `{key} `")))
    }

    /// The next line must be this.
    pub(crate) fn expect(&mut self, text: &str) -> Result<(), CheckError> {
        if self.next()? == text { Ok(()) } else { Err(self.wrong(format!("it should be `{text}`"))) }
    }

    /// One number after a key.
    pub(crate) fn number<T: FromStr>(&mut self, key: &str) -> Result<T, CheckError> {
        let text = self.after(key)?;
        text.parse()
            .map_err(|_| self.wrong(format!("`{}` is no number that can stand after `{key}`", short(text))))
    }

    /// Numbers after a key, apart from each other by one space each.
    pub(crate) fn numbers<T: FromStr>(&mut self, key: &str) -> Result<Vec<T>, CheckError> {
        let text = self.after(key)?;
        self.parse(text)
    }

    /// The numbers of a part of the line.
    pub(crate) fn parse<T: FromStr>(&self, text: &str) -> Result<Vec<T>, CheckError> {
        text.split(' ').map(|word| self.one(word)).collect()
    }

    /// The number that a word of the line stands for.
    pub(crate) fn one<T: FromStr>(&self, word: &str) -> Result<T, CheckError> {
        word.parse().map_err(|_| self.wrong(format!("`{}` is no number here", short(word))))
    }

    /// Finite numbers after a key.
    pub(crate) fn finite(&mut self, key: &str) -> Result<Vec<f64>, CheckError> {
        let values: Vec<f64> = self.numbers(key)?;
        match values.iter().find(|x| !x.is_finite()) {
            Some(x) => Err(self.wrong(format!("{x} is not finite"))),
            None => Ok(values),
        }
    }

    /// So many rows, each a line with this key that `read` reads.
    pub(crate) fn rows<T>(
        &mut self,
        count: usize,
        read: impl Fn(&mut Self) -> Result<T, CheckError>,
    ) -> Result<Vec<T>, CheckError> {
        // Nothing is allocated by the count, which may be anything: the lines end first.
        let mut rows = vec![];
        for _ in 0..count {
            rows.push(read(self)?);
        }
        Ok(rows)
    }
}

/// The first characters of a text.
fn short(text: &str) -> &str {
    text.char_indices().nth(30).map_or(text, |(end, _)| &text[..end])
}

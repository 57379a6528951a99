//! Tables in markdown.

use std::fmt;

/// A table in markdown: a title, columns, rows, and remarks below them.
#[derive(Clone, Debug)]
pub struct Table {
    title: String,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    remarks: Vec<String>,
}

impl Table {
    /// A table without rows.
    pub fn new(title: impl Into<String>, columns: &[&'static str]) -> Self {
        Self { title: title.into(), columns: columns.to_vec(), rows: vec![], remarks: vec![] }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If there is not one cell per column.
    pub fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.columns.len(), "cells of a row");
        self.rows.push(cells);
    }

    /// Adds a remark below the table.
    pub fn remark(&mut self, line: impl Into<String>) {
        self.remarks.push(line.into());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.title)?;
        writeln!(f, "| {} |", self.columns.join(" | "))?;
        writeln!(f, "|---|{}", "---:|".repeat(self.columns.len() - 1))?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        for remark in &self.remarks {
            writeln!(f, "\n{remark}")?;
        }
        Ok(())
    }
}

/// A time with three digits, in s, ms, µs or ns.
pub fn time(seconds: f64) -> String {
    scaled(seconds, &[(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")])
}

/// A number of bytes with three digits, in GB, MB, kB or B.
pub fn size(bytes: f64) -> String {
    scaled(bytes, &[(1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")])
}

/// A ratio, as in `5.0 ×` or `0.21 ×`.
pub fn times(ratio: f64) -> String {
    let digits = if ratio < 1.0 { 2 } else { usize::from(ratio < 10.0) };
    format!("{ratio:.digits$} ×")
}

/// A share of one in per cent.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

fn scaled(x: f64, units: &[(f64, &str)]) -> String {
    let &(unit, name) = units.iter().find(|(unit, _)| x >= *unit).unwrap_or(&units[units.len() - 1]);
    let x = x / unit;
    let digits = if x < 10.0 { 2 } else { usize::from(x < 100.0) };
    format!("{x:.digits$} {name}")
}

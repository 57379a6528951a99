//! A table of text: comments and blank lines left out, the separator seen from the rows, the first row tried as a header.

use std::path::Path;

use super::field::{Cell, cell, has_decimal_comma};
use super::header::{FirstRow, first_row};
use super::separator::Separator;
use super::table::{MOST_ROWS, Origin, Table, place, short};
use super::{DataError, Note, Options};

/// Lines that the separator is seen from.
const SAMPLE: usize = 1000;
/// What comments begin with: `@` in files of Grace.
const COMMENT: [char; 3] = ['#', '%', '@'];

/// Reads a table from text.
///
/// # Errors
/// [`DataError`] for lines that are no rows of one table, or may be a header or not, and where there is no row.
pub(super) fn table<'a>(
    text: &'a str,
    path: &'a Path,
    options: &Options,
    notes: &mut Vec<Note>,
) -> Result<Table<'a>, DataError> {
    let Content { mut rows, names_above, legends } = content(text, path)?;
    if rows.is_empty() {
        return Err(DataError::TooFew { path: path.to_owned(), rows: 0, needed: 1 });
    }
    // A header is free text; it counts where there is nothing else.
    let skip = usize::from(rows.len() > 1);
    let sample: Vec<&str> = rows[skip..].iter().take(SAMPLE).map(|row| row.1).collect();
    let separator = Separator::of(&sample);
    let decimal_comma = separator != Separator::Comma && has_decimal_commas(&sample, separator);
    notes.push(Note::Separator { separator, decimal_comma });
    let first = match options.header {
        Some(true) => FirstRow::Names(texts(separator, rows[0].1)),
        Some(false) => FirstRow::Data,
        None => first_row(path, &rows, separator, decimal_comma)?,
    };
    let mut header = None;
    if let FirstRow::Names(names) = first {
        let row = rows.remove(0);
        let before = rows.len();
        // A header of numbers may be a row as well.
        let is_text = names.iter().any(|name| cell(name, decimal_comma) == Cell::Text);
        rows.retain(|(_, text)| !is_text || *text != row.1);
        if rows.len() < before {
            let line = repeated(text, path, row)?;
            notes.push(Note::RepeatedHeader { times: before - rows.len(), line });
        }
        if rows.is_empty() {
            return Err(DataError::HeaderAlone { at: place(path, row.0), text: short(row.1) });
        }
        header = Some((row.0, names));
    }
    let mut table = cells(path, rows, separator, decimal_comma)?;
    let above = names_of_sets(&legends, table.width).or_else(|| {
        let (line, text) = names_above?;
        let names = texts(separator, text);
        names.iter().all(|name| is_name(name)).then_some((line, names))
    });
    name(&mut table, header, above, notes)?;
    Ok(table)
}

/// Rows of a text with their lines, and the names of columns in comments above the first one.
struct Content<'a> {
    rows: Vec<(usize, &'a str)>,
    /// The comment directly above, or that of PLUMED.
    names_above: Option<(usize, &'a str)>,
    /// Names of Grace's sets of data, with their lines and numbers: set 0 is the second column.
    legends: Vec<(usize, usize, &'a str)>,
}

/// Lines that are neither blank nor comments; they end in a line feed, a carriage return or both.
///
/// # Errors
/// [`DataError::Binary`] at a zero byte, [`DataError::TooMany`] beyond [`MOST_ROWS`].
fn content<'a>(text: &'a str, path: &Path) -> Result<Content<'a>, DataError> {
    let (mut rows, mut legends, mut comment, mut fields) = (Vec::new(), Vec::new(), None, None);
    let (mut rest, mut number) = (text, 0);
    while !rest.is_empty() {
        number += 1;
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let line = &rest[..end];
        let ending = if rest[end..].starts_with("\r\n") { 2 } else { usize::from(end < rest.len()) };
        rest = &rest[end + ending..];
        if line.contains('\0') {
            return Err(DataError::Binary { at: place(path, number) });
        }
        let trimmed = line.trim();
        if trimmed.starts_with(COMMENT) {
            if rows.is_empty() {
                // PLUMED names its columns in a line of its own, which settings may follow.
                if let Some(names) = trimmed.strip_prefix("#! FIELDS ") {
                    fields = Some((number, names));
                }
                // A command of Grace names columns by its legends only.
                legends.extend(legend(trimmed).map(|(set, name)| (number, set, name)));
                let words = trimmed.trim_start_matches(COMMENT).trim();
                comment = (!trimmed.starts_with('@')).then_some((number, words));
            }
        } else if !trimmed.is_empty() {
            rows.push((number, line));
            if rows.len() > MOST_ROWS {
                return Err(DataError::TooMany { path: path.to_owned(), limit: MOST_ROWS });
            }
        }
    }
    Ok(Content { rows, names_above: fields.or(comment), legends })
}

/// The number and the name of a set of data in a line of Grace such as `@ s0 legend "phi"`.
fn legend(line: &str) -> Option<(usize, &str)> {
    let rest = line.strip_prefix('@')?.trim_start().strip_prefix('s')?;
    let (number, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
    let name = rest.trim_start().strip_prefix("legend")?.trim();
    Some((number.parse().ok()?, name.strip_prefix('"')?.strip_suffix('"')?))
}

/// The names that legends give to columns, with the line of the first, or none if there are none. The first column is
/// that of the abscissae, which has no name.
fn names_of_sets(legends: &[(usize, usize, &str)], width: usize) -> Option<(usize, Vec<String>)> {
    let mut names = vec![String::new(); width];
    for &(_, set, name) in legends {
        if let Some(column) = names.iter_mut().skip(1).nth(set) {
            *column = short(name);
        }
    }
    let &(line, ..) = legends.first()?;
    names.iter().any(|name| !name.is_empty()).then_some((line, names))
}

/// The first line after `row` that repeats it.
fn repeated(text: &str, path: &Path, row: (usize, &str)) -> Result<usize, DataError> {
    let again = content(text, path)?.rows.into_iter().find(|(line, text)| *line > row.0 && *text == row.1);
    Ok(again.map_or(row.0, |(line, _)| line))
}

/// Whether numbers of these rows have decimal commas, and none a decimal point.
fn has_decimal_commas(rows: &[&str], separator: Separator) -> bool {
    let (mut commas, mut points) = (false, false);
    for row in rows {
        for field in separator.fields(row).unwrap_or_default() {
            commas |= has_decimal_comma(&field);
            points |= field.contains('.') && matches!(cell(&field, false), Cell::Number(_));
        }
    }
    commas && !points
}

fn texts(separator: Separator, row: &str) -> Vec<String> {
    separator.fields(row).unwrap_or_default().iter().map(|field| short(field)).collect()
}

/// Reads all fields.
///
/// # Errors
/// [`DataError::Quote`] or [`DataError::Ragged`].
fn cells<'a>(
    path: &'a Path,
    rows: Vec<(usize, &'a str)>,
    separator: Separator,
    decimal_comma: bool,
) -> Result<Table<'a>, DataError> {
    let (mut width, mut cells) = (0, Vec::new());
    for &(line, text) in &rows {
        let fields = separator.fields(text).map_err(|_| DataError::Quote { at: place(path, line) })?;
        if width == 0 {
            width = fields.len();
        } else if fields.len() != width {
            let (at, found) = (place(path, line), fields.len());
            return Err(DataError::Ragged { at, found, expected: width });
        }
        cells.extend(fields.iter().map(|field| cell(field, decimal_comma)));
    }
    Ok(Table { path, names: vec![], width, cells, origin: Origin::Lines { lines: rows, separator } })
}

/// Names the columns, and removes the empty one that separators at the ends of rows make.
///
/// # Errors
/// [`DataError::HeaderWidth`] for a header of another width.
fn name(
    table: &mut Table<'_>,
    header: Option<(usize, Vec<String>)>,
    names_above: Option<(usize, Vec<String>)>,
    notes: &mut Vec<Note>,
) -> Result<(), DataError> {
    let Origin::Lines { lines, separator } = &table.origin else { return Ok(()) };
    let separator = *separator;
    let width = table.width;
    let open =
        |row: &str| separator.fields(row).is_ok_and(|fields| fields.last().is_some_and(|f| f.is_empty()));
    let names_fewer = header.as_ref().is_none_or(|(_, names)| {
        names.len() + 1 == width || names.len() == width && names.last().is_some_and(String::is_empty)
    });
    let trailing = width > 1 && names_fewer && lines.iter().all(|(_, row)| open(row));
    if trailing {
        notes.push(Note::TrailingSeparator);
        table.remove_column(width - 1);
    }
    let Some((line, mut names)) = header else {
        match names_above.filter(|(_, names)| names.len() == table.width) {
            Some((line, names)) => {
                notes.push(Note::Header { line, names: names.clone(), comment: true });
                table.names = names;
            }
            None => notes.push(Note::NoHeader),
        }
        return Ok(());
    };
    if names.len() == table.width + 1 && names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    // R writes the names of rows below no name.
    if names.len() + 1 == table.width && table.counts_rows(0) {
        names.insert(0, String::new());
    }
    if names.len() != table.width {
        let (at, columns) = (place(table.path, line), table.width);
        return Err(DataError::HeaderWidth { at, names, columns });
    }
    notes.push(Note::Header { line, names: names.clone(), comment: false });
    table.names = names;
    Ok(())
}

/// Whether a word of a comment can be the name of a column.
fn is_name(word: &str) -> bool {
    word.starts_with(char::is_alphabetic) && !word.contains(char::is_whitespace)
}

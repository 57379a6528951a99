//! One field of a table: a number, a gap, or text.

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell {
    /// A finite number.
    Number(f64),
    /// Nothing, a word for nothing, or a number that is not finite.
    Missing,
    /// Anything else.
    Text,
}

/// Words for a value that is not there, in small letters.
const MISSING: [&str; 16] = [
    "", "na", "n/a", "#n/a", "nan", "null", "none", "missing", "-", "--", "?", ".", "inf", "infinity", "nil",
    "<na>",
];

/// Reads a field; a comma is the decimal mark if `decimal_comma`.
///
/// The sign may be U+2212, the exponent Fortran's `D`. A number beyond the range of double precision is missing.
pub(super) fn cell(field: &str, decimal_comma: bool) -> Cell {
    let field = field.trim();
    let unsigned = field.strip_prefix(['+', '-', '\u{2212}']).unwrap_or(field);
    if is_missing(field) || is_missing(unsigned) && !unsigned.is_empty() {
        return Cell::Missing;
    }
    let mark = if decimal_comma { ',' } else { '.' };
    let plain = |c: char| match c {
        '0'..='9' | '+' | '-' => Some(c),
        'e' | 'E' | 'd' | 'D' => Some('e'),
        '\u{2212}' => Some('-'),
        c if c == mark => Some('.'),
        _ => None,
    };
    let Some(text) = field.chars().map(plain).collect::<Option<String>>() else { return Cell::Text };
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Cell::Number(number),
        Ok(_) => Cell::Missing,
        Err(_) => Cell::Text,
    }
}

/// Whether a field is a word for nothing.
fn is_missing(field: &str) -> bool {
    MISSING.iter().any(|word| word.eq_ignore_ascii_case(field))
}

/// Whether a number is written with a decimal comma, and with no other mark.
pub(super) fn has_decimal_comma(field: &str) -> bool {
    field.contains(',') && matches!(cell(field, true), Cell::Number(_))
}

/// Whether a number is written without a decimal mark and without an exponent.
pub(super) fn is_integer(field: &str) -> bool {
    field.trim().parse::<i64>().is_ok()
}

/// What to do about a field that is not a number.
pub(super) fn remedy(field: &str) -> &'static str {
    let field = field.trim();
    let digits = field.chars().any(|c| c.is_ascii_digit());
    if !digits {
        "give a number, or leave the column out by `columns`"
    } else if field.contains('_') {
        "remove the underscore"
    } else if field.to_ascii_lowercase().contains("0x") {
        "write it in decimal digits"
    } else if field.contains(',') {
        "write thousands without a mark; where the comma is the decimal mark, separate columns by `;` or tabs, and use \
         it in every number"
    } else if field.contains(':') || field.contains('\'') {
        "write minutes and seconds as decimals"
    } else if field.ends_with(|c: char| c.is_alphabetic() || c == '°') {
        "remove the unit from the field, and give `unit`"
    } else {
        "give a number"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_however_they_are_written() {
        for (field, value) in [
            ("1", 1.0),
            (" -1.5 ", -1.5),
            ("+.5", 0.5),
            ("5.", 5.0),
            ("1.123117D+00", 1.123117),
            ("1e-3", 1e-3),
            ("\u{2212}2.25", -2.25),
        ] {
            assert_eq!(cell(field, false), Cell::Number(value), "{field}");
        }
        assert_eq!(cell("1,25", true), Cell::Number(1.25));
    }

    #[test]
    fn gaps_and_text_are_told_from_numbers() {
        for field in ["", " ", "NA", "nan", "-nan", "inf", "-Infinity", "1e999", "-1e999", "null", "?", "-"] {
            assert_eq!(cell(field, false), Cell::Missing, "{field}");
        }
        for field in ["x", "1_0", "0x1p-1", "1,234", "45°", "12:30", "1.2.3", "e", "--5", "+"] {
            assert_eq!(cell(field, false), Cell::Text, "{field}");
        }
        assert_eq!((cell("1.5", true), cell("1.234,5", true)), (Cell::Text, Cell::Text));
    }
}

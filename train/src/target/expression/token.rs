//! A text as a list of tokens with their places.

use std::ops::Range;

use super::error::{ExpressionErrorKind, Fault};

/// The smallest piece that means something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'t> {
    Number(f64),
    /// A name, with the factor of a product before it if it has one: `theta1`, `f2.x`.
    Name(&'t str),
    /// An operator or a bracket, in ASCII.
    Symbol(char),
    End,
}

impl Token<'_> {
    /// As it is quoted in a message.
    pub(super) fn quoted(self) -> String {
        match self {
            Self::Number(x) => format!("the number {x}"),
            Self::Name(name) => format!("`{name}`"),
            Self::Symbol(symbol) => format!("`{symbol}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

/// Splits a text; the last token is [`Token::End`]. Blanks, line ends and comments from `#` on separate tokens.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token<'_>, Range<usize>)>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let length = match c {
            '#' => text[at..].find('\n').unwrap_or(text.len() - at),
            c if c.is_whitespace() => c.len_utf8(),
            _ => {
                let (token, length) = token(text, at, c)?;
                tokens.push((token, at..at + length));
                length
            }
        };
        at += length;
    }
    tokens.push((Token::End, text.len()..text.len()));
    Ok(tokens)
}

/// The token at byte `at`, which begins with `c`, and its length.
fn token(text: &str, at: usize, c: char) -> Result<(Token<'_>, usize), Fault> {
    let rest = &text[at..];
    let refuse = |length: usize, remedy| {
        let found = rest[..length].to_owned();
        Err(Fault::new(&(at..at + length), ExpressionErrorKind::Character { found, remedy }))
    };
    if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
        let length = number_length(rest);
        let value: f64 = rest[..length].parse().unwrap_or(f64::NAN);
        if !value.is_finite() {
            return Err(Fault::new(&(at..at + length), ExpressionErrorKind::NotFinite { value }));
        }
        return Ok((Token::Number(value), length));
    }
    if c.is_alphabetic() || c == '_' {
        let length = name_length(rest);
        return Ok((Token::Name(&rest[..length]), length));
    }
    let symbol = match c {
        '*' if rest.starts_with("**") => return refuse(2, ": write ^ for a power"),
        '+' | '-' | '*' | '/' | '^' | '(' | ')' | '[' | ']' | ',' | ';' | '=' => c,
        '−' => '-',
        '·' | '×' => '*',
        '{' | '}' => return refuse(1, ": write ( and ), or [ and ] for lists and indices"),
        '%' => return refuse(1, ": write mod(i, n)"),
        '|' => return refuse(1, ": write abs(x)"),
        '<' | '>' | '?' | '&' | '!' => return refuse(1, ": energies are smooth and have no comparisons"),
        '²' | '³' => return refuse(c.len_utf8(), ": write x^2"),
        _ => return refuse(c.len_utf8(), ""),
    };
    Ok((Token::Symbol(symbol), c.len_utf8()))
}

/// Bytes of the number at the start: digits, a point, digits, and an exponent if digits follow it.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut length = digits(0);
    if bytes.get(length) == Some(&b'.') {
        length += 1 + digits(length + 1);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let start = (length + 1 + sign).min(bytes.len());
        if digits(start) > 0 {
            length = start + digits(start);
        }
    }
    length
}

/// Bytes of the name at the start; a point belongs to it if a letter follows.
fn name_length(text: &str) -> usize {
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let joins = c == '.' && rest.peek().is_some_and(|(_, next)| next.is_alphabetic());
        if !(c.is_alphanumeric() && c != '²' && c != '³' || c == '_' || joins) {
            return at;
        }
    }
    text.len()
}

//! What stands between the fields of a row.

use std::borrow::Cow;

use super::field::has_decimal_comma;

/// What stands between fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Separator {
    /// A tab.
    Tab,
    /// A semicolon.
    Semicolon,
    /// A comma.
    Comma,
    /// Any number of blanks and tabs.
    Blanks,
    /// The ends of the lines, each of which is one field.
    Line,
}

/// A quoted field that has no end.
#[derive(Debug)]
pub(super) struct OpenQuote;

impl Separator {
    fn mark(self) -> Option<char> {
        match self {
            Self::Tab => Some('\t'),
            Self::Semicolon => Some(';'),
            Self::Comma => Some(','),
            Self::Blanks | Self::Line => None,
        }
    }

    fn is(self, c: char) -> bool {
        match self {
            Self::Blanks => c.is_whitespace(),
            Self::Line => false,
            separator => separator.mark() == Some(c),
        }
    }

    /// The separator of rows: the first of tab, semicolon, comma and blanks that at least half of them have, else they have
    /// one field each. Rows of numbers with decimal commas, blanks between them, are separated by blanks.
    pub(super) fn of(rows: &[&str]) -> Self {
        let has = |row: &str, separator: Self| separator.fields(row).is_ok_and(|fields| fields.len() > 1);
        let most = |separator| 2 * rows.iter().filter(|row| has(row, separator)).count() >= rows.len();
        let decimal = |row: &&str| {
            let fields = Self::Blanks.fields(row).unwrap_or_default();
            fields.len() > 1 && fields.iter().all(|field| has_decimal_comma(field))
        };
        match [Self::Tab, Self::Semicolon, Self::Comma, Self::Blanks]
            .into_iter()
            .find(|&separator| most(separator))
        {
            Some(Self::Comma) if rows.iter().all(decimal) => Self::Blanks,
            Some(separator) => separator,
            None => Self::Line,
        }
    }

    /// The fields of a row without the blanks around them. A field in double quotes may hold separators, and a quote as
    /// two quotes.
    ///
    /// # Errors
    /// [`OpenQuote`] if a quoted field does not end in the row.
    pub(super) fn fields(self, row: &str) -> Result<Vec<Cow<'_, str>>, OpenQuote> {
        let mut fields = Vec::new();
        let mut rest = row.trim_matches(|c: char| c.is_whitespace() && Some(c) != self.mark());
        loop {
            let (field, after) = self.first(rest)?;
            fields.push(field);
            match after {
                Some(after) => rest = after,
                None => return Ok(fields),
            }
        }
    }

    /// The first field, and what stands behind its separator.
    fn first(self, row: &str) -> Result<(Cow<'_, str>, Option<&str>), OpenQuote> {
        let is_end = |c: char| self.is(c);
        let row = row.trim_start_matches(|c: char| c.is_whitespace() && Some(c) != self.mark());
        let Some(inside) = row.strip_prefix('"') else {
            let (field, after) = match row.find(is_end) {
                Some(end) => (&row[..end], Some(&row[end..])),
                None => (row, None),
            };
            return Ok((Cow::Borrowed(field.trim()), after.map(|after| self.behind(after))));
        };
        let mut end = 0;
        let closing = loop {
            let quote = end + inside[end..].find('"').ok_or(OpenQuote)?;
            if !inside[quote + 1..].starts_with('"') {
                break quote;
            }
            end = quote + 2;
        };
        let field = inside[..closing].replace("\"\"", "\"");
        let after = inside[closing + 1..].find(is_end).map(|end| self.behind(&inside[closing + 1 + end..]));
        Ok((Cow::Owned(field.trim().to_owned()), after))
    }

    /// What stands behind the separator that `text` begins with.
    fn behind(self, text: &str) -> &str {
        match self.mark() {
            Some(mark) => &text[mark.len_utf8()..],
            None => text.trim_start(),
        }
    }
}

impl std::fmt::Display for Separator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tab => "tabs",
            Self::Semicolon => "semicolons",
            Self::Comma => "commas",
            Self::Blanks => "blanks",
            Self::Line => "line ends",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_and_unquoted() {
        let fields = |separator: Separator, row| separator.fields(row).expect("fields").join("|");
        assert_eq!(fields(Separator::Comma, " 1 , 2,"), "1|2|");
        assert_eq!(fields(Separator::Comma, ",phi"), "|phi");
        assert_eq!(fields(Separator::Comma, "\"a, \"\"b\"\"\" x,2"), "a, \"b\"|2");
        assert_eq!(fields(Separator::Tab, "1\t\t2\t"), "1||2|");
        assert_eq!(fields(Separator::Blanks, "  1\t 2  \"3 4\" "), "1|2|3 4");
        assert_eq!(fields(Separator::Line, " phi [deg], of \"x\" "), "phi [deg], of \"x\"");
        assert!(Separator::Comma.fields("1,\"2").is_err());
    }

    #[test]
    fn separator_is_what_most_rows_have() {
        for (rows, separator) in [
            (&["1,2", "3,4"][..], Separator::Comma),
            (&["1;2", "3;4"], Separator::Semicolon),
            (&["1,5;2", "3;4,5"], Separator::Semicolon),
            (&["1\t2"], Separator::Tab),
            (&["1,5 2,5", "3,5 4,5"], Separator::Blanks),
            (&["1, 2", "3, 4"], Separator::Comma),
            (&["1", "2"], Separator::Line),
            (&["1  2"], Separator::Blanks),
        ] {
            assert_eq!(Separator::of(rows), separator, "{rows:?}");
        }
    }
}

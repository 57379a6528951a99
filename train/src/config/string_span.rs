//! Places inside a string of TOML, as it is written in the file.

use std::ops::Range;

/// Bytes of `raw` that hold the bytes `part` of the string `value`; `raw` is how the file writes that string, quotes
/// included. `None` if the two do not belong together.
///
/// Both are walked through side by side: a letter stands for itself, an escape for one letter, a backslash before a
/// line end for nothing.
pub(super) fn inside_string(raw: &str, value: &str, part: &Range<usize>) -> Option<Range<usize>> {
    let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quotes| raw.starts_with(quotes))?;
    let has_escapes = quotes.starts_with('"');
    let body = raw.len().checked_sub(quotes.len())?;
    let mut at = quotes.len();
    // A line end right after the opening quotes is not part of the string.
    if quotes.len() == 3 {
        at += ["\r\n", "\n"].into_iter().find(|end| raw[at..].starts_with(end)).map_or(0, str::len);
    }
    let mut start = None;
    for (offset, letter) in value.char_indices() {
        if has_escapes {
            at += continuation(raw.get(at..)?);
        }
        if offset == part.start {
            start = Some(at);
        }
        if offset == part.end {
            return Some(start?..at);
        }
        let rest = raw.get(at..body)?;
        at += if has_escapes && rest.starts_with('\\') {
            escape(rest)?
        } else if rest.starts_with(letter) {
            letter.len_utf8()
        } else if rest.starts_with("\r\n") && letter == '\n' {
            2
        } else {
            return None;
        };
    }
    Some(start.unwrap_or(at)..at)
}

/// Bytes of backslashes at line ends, with the blanks after them.
fn continuation(rest: &str) -> usize {
    let mut length = 0;
    while let Some(after) = rest[length..].strip_prefix('\\') {
        let line = after.trim_start_matches([' ', '\t']);
        if !line.starts_with(['\n', '\r']) {
            break;
        }
        length = rest.len() - after.trim_start().len();
    }
    length
}

/// Bytes of the escape at the start.
fn escape(rest: &str) -> Option<usize> {
    Some(match rest.as_bytes().get(1)? {
        b'x' => 4,
        b'u' => 6,
        b'U' => 10,
        _ => 2,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The word `bad` of a string, as the file has it.
    fn found(toml: &str) -> Option<String> {
        let document: toml::Table = toml.parse().unwrap_or_else(|e| panic!("{toml}: {e}"));
        let value = document["s"].as_str().expect("a string");
        let at = value.find("bad").expect("the word");
        let raw = toml.strip_prefix("s = ").expect("the key");
        inside_string(raw.trim_end(), value, &(at..at + 3)).map(|span| raw[span].to_owned())
    }

    #[test]
    fn part_of_a_string_is_found_however_it_is_written() {
        for toml in [
            "s = \"a + bad\"",
            "s = 'bad + a'",
            "s = \"\"\"\na +\n bad\"\"\"",
            "s = '''\r\na\r\n + bad\r\n'''",
            "s = \"θ\\t\\u03b8 + bad\\n\"",
            "s = \"\"\"a \\\n\n   + bad\"\"\"",
            "s = \"\"\"a \"quoted\" \\\\ \\\n   bad\"\"\"",
        ] {
            assert_eq!(found(toml).as_deref(), Some("bad"), "{toml}");
        }
        assert_eq!(found("s = \"b\\u0061d\"").as_deref(), Some("b\\u0061d"));
    }

    #[test]
    fn place_in_another_string_is_not_found() {
        assert_eq!(inside_string("\"abc\"", "xyz", &(1..2)), None);
        assert_eq!(inside_string("12", "12", &(0..1)), None);
        assert_eq!(inside_string("\"", "abc", &(1..2)), None);
        assert_eq!(inside_string("\"abc\"", "abc", &(3..3)), Some(4..4));
    }
}

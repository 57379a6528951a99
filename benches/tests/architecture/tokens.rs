//! The text of a Rust file as tokens: words, `::` and single marks, without comments, strings and tests.

/// Tokens of a file. A string or a character becomes the mark `"`.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let code: Vec<char> = text.chars().collect();
    let at = |i: usize| code.get(i).copied().unwrap_or('\0');
    let mut tokens = vec![];
    let mut i = 0;
    while i < code.len() {
        let start = i;
        let quote = start_of_raw_string(&code, i);
        match (code[i], at(i + 1)) {
            ('/', '/') => i += code[i..].iter().take_while(|c| **c != '\n').count(),
            ('/', '*') => i = end_of_comment(&code, i),
            _ if quote.is_some() => {
                let (quote, hashes) = quote.unwrap_or_default();
                let closes = |end: usize| code[end] == '"' && (1..=hashes).all(|k| at(end + k) == '#');
                i = (quote + 1..code.len()).find(|end| closes(*end)).unwrap_or(code.len()) + 1 + hashes;
                tokens.push("\"".to_owned());
            }
            ('"', _) => {
                i += 1;
                while at(i) != '"' && i < code.len() {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
                tokens.push("\"".to_owned());
            }
            // An apostrophe begins a character or the name of a lifetime, which is a word like others here.
            ('\'', next) if next == '\\' || at(i + 2) == '\'' => {
                let end = if next == '\\' { i + 3 } else { i + 2 };
                i = end + code[end..].iter().take_while(|c| **c != '\'').count() + 1;
                tokens.push("\"".to_owned());
            }
            (':', ':') => {
                i += 2;
                tokens.push("::".to_owned());
            }
            (c, _) if is_letter(c) => {
                i += code[i..].iter().take_while(|c| is_letter(**c)).count();
                tokens.push(code[start..i].iter().collect());
            }
            (c, _) => {
                i += 1;
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
            }
        }
    }
    tokens
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a token is a name, a keyword or a number.
pub(crate) fn is_word(token: &str) -> bool {
    token.starts_with(is_letter)
}

/// The place of the opening quote of a raw string that begins at `i`, and the number of its hashes.
fn start_of_raw_string(code: &[char], i: usize) -> Option<(usize, usize)> {
    if i > 0 && is_letter(code[i - 1]) {
        return None;
    }
    let r = if code[i] == 'b' { i + 1 } else { i };
    if code.get(r) != Some(&'r') {
        return None;
    }
    let hashes = code[r + 1..].iter().take_while(|c| **c == '#').count();
    let quote = r + 1 + hashes;
    (code.get(quote) == Some(&'"')).then_some((quote, hashes))
}

/// The place after a block comment that begins at `i`; comments may lie within comments.
fn end_of_comment(code: &[char], mut i: usize) -> usize {
    let mut depth = 0;
    while i < code.len() {
        match (code[i], code.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

/// The tokens without the items below a `#[cfg(test)]`.
pub(crate) fn without_tests(tokens: &[String]) -> Vec<String> {
    const TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = vec![];
    let mut i = 0;
    while i < tokens.len() {
        if tokens[i..].iter().take(TEST.len()).eq(TEST.iter()) {
            i = end_of_item(tokens, i + TEST.len());
        } else {
            kept.push(tokens[i].clone());
            i += 1;
        }
    }
    kept
}

/// The place after the item at `i`, which ends with a semicolon or with a closing brace.
fn end_of_item(tokens: &[String], mut i: usize) -> usize {
    let mut depth = 0;
    while i < tokens.len() {
        match tokens[i].as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        let ends = depth == 0 && (tokens[i] == ";" || tokens[i] == "}");
        i += 1;
        if ends {
            break;
        }
    }
    i
}

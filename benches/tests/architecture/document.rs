//! The lists of `docs/architecture.md`: what each part of a crate may import, and which circles are allowed.

use crate::paths::ModulePath;

/// One line of the block `imports`: a part of a crate, and the parts that it may import from.
pub(crate) struct Line {
    /// The folder of the crate.
    pub(crate) package: String,
    /// A folder or a file below `src`.
    pub(crate) part: ModulePath,
    /// Parts of the same crate.
    pub(crate) allowed: Vec<ModulePath>,
}

/// Parts of a crate that may import from each other.
pub(crate) struct Circle {
    /// The folder of the crate.
    pub(crate) package: String,
    /// Its parts.
    pub(crate) parts: Vec<ModulePath>,
}

/// Reads the block `imports`: lines `crate/src/part -> part part …`.
pub(crate) fn lines(document: &str) -> Vec<Line> {
    let parse = |line: &str| {
        let (left, right) = line.split_once("->").unwrap_or_else(|| panic!("no arrow in {line:?}"));
        let (package, part) =
            left.trim().split_once("/src/").unwrap_or_else(|| panic!("no /src/ in {line:?}"));
        Line { package: package.to_owned(), part: module(part), allowed: modules(right) }
    };
    block(document, "imports").map(parse).collect()
}

/// Reads the block `circles`: lines `crate: part part …`.
pub(crate) fn circles(document: &str) -> Vec<Circle> {
    let parse = |line: &str| {
        let (package, parts) = line.split_once(':').unwrap_or_else(|| panic!("no colon in {line:?}"));
        Circle { package: package.to_owned(), parts: modules(parts) }
    };
    block(document, "circles").map(parse).collect()
}

/// The lines of the block with the language `name` that are not empty.
fn block<'a>(document: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let opening = format!("```{name}\n");
    let (_, rest) = document.split_once(&opening).unwrap_or_else(|| panic!("no block {name}"));
    rest.lines().take_while(|line| *line != "```").filter(|line| !line.is_empty())
}

fn modules(text: &str) -> Vec<ModulePath> {
    text.split_whitespace().map(module).collect()
}

fn module(text: &str) -> ModulePath {
    text.split('/').map(str::to_owned).collect()
}

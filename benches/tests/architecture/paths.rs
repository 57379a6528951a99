//! The paths that the code of a file names, and the module in which each of them stands.

use crate::tokens::{is_word, tokens, without_tests};

/// A path below `src`, one word per module: `["map", "solve"]` is `map/solve`, and the empty one is the crate itself.
pub(crate) type ModulePath = Vec<String>;

/// A path in the code.
pub(crate) struct NamedPath {
    /// The module in which it stands, that of the file or one inside of it.
    pub(crate) module: ModulePath,
    /// Its words from the root of the crate.
    pub(crate) path: ModulePath,
    /// The name that it gets in the module, if it stands in a `use`.
    pub(crate) name: Option<String>,
    /// Whether it only shows to others what lies inside of the module, which does not use it itself.
    pub(crate) is_shown_only: bool,
}

/// All paths of the file of `module`, and the modules inside of that file, itself among them.
pub(crate) fn paths(module: &[String], text: &str) -> (Vec<NamedPath>, Vec<ModulePath>) {
    let code = without_tests(&tokens(text));
    let word = |i: usize| code.get(i).map_or("", String::as_str);
    let (mut found, mut modules) = (vec![], vec![module.to_vec()]);
    let mut used = vec![];
    // Modules around the place, each with the depth of braces at which it ends.
    let mut scopes = vec![(module.to_vec(), -1)];
    let (mut depth, mut i) = (0, 0);
    while i < code.len() {
        let here = scopes[scopes.len() - 1].0.clone();
        let is_use = word(i) == "use" && word(i + 1) != "<";
        if is_use || (is_word(word(i)) && word(i + 1) == "::" && (i == 0 || word(i - 1) != "::")) {
            let shows = is_use && i > 0 && [")", "pub"].contains(&word(i - 1));
            let (leaves, end) = tree(&code, if is_use { i + 1 } else { i });
            for leaf in leaves {
                let path = absolute(&here, &leaf.path);
                let is_shown_only = shows && path.starts_with(&here);
                let name = is_use.then_some(leaf.name);
                found.push(NamedPath { module: here.clone(), path, name, is_shown_only });
            }
            used.extend(code[i..end].iter().take(if is_use { 0 } else { end - i }));
            i = end;
            continue;
        }
        match word(i) {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                scopes.pop_if(|(_, end)| *end == depth);
            }
            "mod" if word(i + 2) == "{" => {
                let inner = [here, vec![word(i + 1).to_owned()]].concat();
                modules.push(inner.clone());
                scopes.push((inner, depth));
            }
            "mod" => i += 1,
            // `pub(in path)` says who may look, and imports nothing.
            "pub" if word(i + 1) == "(" => {
                i += code[i + 1..].iter().take_while(|token| *token != ")").count();
            }
            _ => used.push(&code[i]),
        }
        i += 1;
    }
    for path in found.iter_mut().filter(|path| path.is_shown_only) {
        path.is_shown_only = path.name.as_ref().is_some_and(|name| !used.contains(&name));
    }
    (found, modules)
}

/// A path of a `use`, or of an expression, and the name that it gets.
struct Leaf {
    path: ModulePath,
    name: String,
}

/// The paths of a tree `a::{b, c::d}` that begins at `i`, and the place after it.
fn tree(code: &[String], mut i: usize) -> (Vec<Leaf>, usize) {
    let word = |i: usize| code.get(i).map_or("", String::as_str);
    let mut path: ModulePath = vec![];
    loop {
        if word(i) == "{" {
            let mut leaves = vec![];
            while word(i) != "}" && i < code.len() {
                let (inner, end) = tree(code, i + 1);
                leaves.extend(inner);
                i = end;
            }
            for leaf in &mut leaves {
                leaf.path.splice(0..0, path.iter().cloned());
                if leaf.name == "self" {
                    leaf.path.pop();
                    leaf.name = path.last().cloned().unwrap_or_default();
                }
            }
            return (leaves, i + 1);
        }
        if is_word(word(i)) {
            path.push(code[i].clone());
            i += 1;
        }
        if word(i) != "::" {
            break;
        }
        i += 1;
    }
    if word(i) == "*" {
        i += 1;
    }
    let mut name = path.last().cloned().unwrap_or_default();
    if word(i) == "as" {
        name = word(i + 1).to_owned();
        i += 2;
    }
    (if path.is_empty() { vec![] } else { vec![Leaf { path, name }] }, i)
}

/// The words of `path` from the root of the crate, where it stands in `module`.
fn absolute(module: &[String], path: &[String]) -> ModulePath {
    let mut base = module.to_vec();
    for (k, word) in path.iter().enumerate() {
        match word.as_str() {
            "crate" => base.clear(),
            "super" => drop(base.pop()),
            "self" => {}
            _ => return [&base, &path[k..]].concat(),
        }
    }
    base
}

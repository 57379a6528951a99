//! `docs/architecture.md` lists what each part of a crate imports from the others; the sources are held to that list.
//!
//! An import is a path that leads to another part, in a `use` or anywhere else in the code. It counts for the part that
//! declares what is imported, even if a `pub use` shows it elsewhere. The paths of a macro count where it is written,
//! and one that is used without a path is not seen.

mod document;
mod paths;
mod source;
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use document::{Circle, Line};
use paths::ModulePath;
use source::Crate;

/// Everything in which the crate `package` differs from the lines and circles of the document.
fn differences(source: &Crate, package: &str, lines: &[Line], circles: &[Circle]) -> Vec<String> {
    let lines: Vec<&Line> = lines.iter().filter(|line| line.package == package).collect();
    let position = |part: &[String]| lines.iter().position(|line| line.part == part);
    let owner = |module: &[String]| (1..=module.len()).rev().find_map(|k| position(&module[..k]));
    let mut found = vec![];
    for folder in source.folders.iter().filter(|folder| position(folder).is_none()) {
        found.push(format!("{package}/src/{}: this folder has no line", folder.join("/")));
    }
    for file in source
        .files
        .iter()
        .filter(|file| !file.is_empty() && owner(file).is_none() && !source.folders.contains(*file))
    {
        found.push(format!("{package}/src/{}: this file has no line", file.join("/")));
    }
    let mut used: Vec<BTreeSet<ModulePath>> = vec![BTreeSet::new(); lines.len()];
    for (module, target) in source.imports() {
        match (owner(module), owner(&target)) {
            (Some(from), Some(to)) if from != to => drop(used[from].insert(lines[to].part.clone())),
            (Some(_), None) if target.is_empty() => {
                found.push(format!("{package}/src/{}: it imports from lib.rs", module.join("/")));
            }
            _ => {}
        }
    }
    for ((i, line), used) in lines.iter().enumerate().zip(&used) {
        let name = format!("{package}/src/{}", line.part.join("/"));
        if position(&line.part) != Some(i) {
            found.push(format!("{name}: it has two lines"));
        }
        if !source.files.contains(&line.part) {
            found.push(format!("{name}: there is no such file or folder"));
        }
        let allowed: BTreeSet<ModulePath> = line.allowed.iter().cloned().collect();
        if *used != allowed {
            found.push(format!(
                "{name}: imported but not listed: {}; listed but not imported: {}; all that is imported: {}",
                names(used.difference(&allowed)),
                names(allowed.difference(used)),
                names(used)
            ));
        }
    }
    found.extend(upward_arrows(package, &lines, circles));
    found
}

/// Names of parts in a row.
fn names<'a>(parts: impl IntoIterator<Item = &'a ModulePath>) -> String {
    let names: Vec<String> = parts.into_iter().map(|part| part.join("/")).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(" ") }
}

/// Arrows that lead to a line further down, but for those within a circle of the document; circles without such an
/// arrow.
fn upward_arrows(package: &str, lines: &[&Line], circles: &[Circle]) -> Vec<String> {
    let circles: Vec<&Circle> = circles.iter().filter(|circle| circle.package == package).collect();
    let mut is_needed = vec![false; circles.len()];
    let mut found = vec![];
    for (i, line) in lines.iter().enumerate() {
        for to in line.allowed.iter().filter(|to| !lines[..i].iter().any(|above| above.part == **to)) {
            let holds_both =
                |circle: &&Circle| circle.parts.contains(to) && circle.parts.contains(&line.part);
            match circles.iter().position(holds_both) {
                Some(circle) => is_needed[circle] = true,
                None => found.push(format!(
                    "{package}/src/{} -> {}: no line above has that name",
                    line.part.join("/"),
                    to.join("/")
                )),
            }
        }
    }
    for (circle, _) in circles.iter().zip(is_needed).filter(|(_, is_needed)| !is_needed) {
        found.push(format!("{package}: no arrow needs the circle {}", names(&circle.parts)));
    }
    found
}

#[test]
fn parts_of_every_crate_import_exactly_what_the_document_lists() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder above");
    let document = fs::read_to_string(workspace.join("docs/architecture.md")).expect("the document");
    let (lines, circles) = (document::lines(&document), document::circles(&document));
    let packages = ["ad", "manifolds", "flow", "lattice", "certify", "checker", "train", "benches"];
    let named = lines.iter().map(|line| &line.package).chain(circles.iter().map(|circle| &circle.package));
    for package in named {
        assert!(packages.contains(&package.as_str()), "there is no crate {package}");
    }
    let mut found = vec![];
    for package in packages {
        let source = Crate::read(&workspace.join(package).join("src"));
        found.extend(differences(&source, package, &lines, &circles));
    }
    assert!(found.is_empty(), "docs/architecture.md differs from the code:\n{}", found.join("\n"));
}

#[test]
fn an_import_is_found_wherever_the_code_names_a_path() {
    let code = r##"
        //! crate::comment::X, "not a string
        /* crate::comment::X /* crate::comment::X */ crate::comment::X */
        use super::{first::{self, A}, second::B as C};
        use super::D;
        mod inside;
        pub use inside::Shown;
        pub(in crate::visible) fn f<'a>(c: &'a str) -> impl Fn() + use<'a> {
            g('"', '\'', "\" crate::string::X", r#"" crate::string::X"#, b"crate::string::X");
            crate::third::Type::<f64>::new(<C as crate::fourth::Trait>::f, first::B)
        }
        mod inner {
            fn f() { super::super::fifth::f() }
        }
        #[cfg(test)]
        use crate::tests_only::X;
        #[cfg(test)]
        mod tests { fn f() { crate::tests_only::f(); } }
        fn last() { $crate::sixth::f() }
    "##;
    let path = |name: &str| -> ModulePath { name.split('/').map(str::to_owned).collect() };
    let mut source = Crate::default();
    source.add_file(&[], "pub use seventh::D; mod seventh;");
    source.add_file(&path("part"), code);
    let parts =
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "comment", "string", "visible"];
    for part in parts.iter().chain(&["tests_only", "part/inside"]) {
        source.add_file(&path(part), "");
    }
    let found: BTreeSet<ModulePath> =
        source.imports().map(|(_, target)| target).filter(|target| target[..] != path("part")).collect();
    assert_eq!(found, parts[..7].iter().map(|part| path(part)).collect());
}

#[test]
fn every_difference_between_document_and_code_is_named() {
    let mut source = Crate::default();
    source.add_file(&["low".to_owned()], "");
    source.add_file(&["middle".to_owned()], "use crate::low;");
    source.add_file(&["high".to_owned()], "fn f() { crate::low::f(crate::middle::f()) }");
    let exact = "a/src/low ->\na/src/middle -> low\na/src/high -> low middle";
    let cases = [
        (exact, "", ""),
        ("a/src/low ->\na/src/middle ->\na/src/high -> low middle", "", "imported but not listed: low;"),
        ("a/src/low ->\na/src/middle -> low\na/src/high -> low", "", "imported but not listed: middle;"),
        ("a/src/low -> middle\na/src/middle -> low\na/src/high -> low middle", "", "not imported: middle;"),
        ("a/src/middle -> low\na/src/low ->\na/src/high -> low middle", "", "middle -> low: no line above"),
        ("a/src/middle -> low\na/src/low ->\na/src/high -> low middle", "a: low middle", ""),
        ("a/src/low ->\na/src/middle -> low", "", "high: this file has no line"),
        (&format!("{exact}\na/src/top ->"), "", "top: there is no such file"),
        (&format!("{exact}\na/src/low ->"), "", "low: it has two lines"),
        (exact, "a: low middle", "no arrow needs the circle low middle"),
    ];
    for (lines, circles, expected) in cases {
        let document = format!("```imports\n{lines}\n```\n```circles\n{circles}\n```\n");
        let found = differences(&source, "a", &document::lines(&document), &document::circles(&document));
        let is_named = found.iter().any(|difference| difference.contains(expected));
        assert!(
            found.is_empty() == expected.is_empty() && (is_named || expected.is_empty()),
            "{lines}: {found:?}"
        );
    }
}

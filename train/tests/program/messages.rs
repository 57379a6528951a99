//! Wrong arguments and files, each with the message of `docs/messages.md`.

use std::fs;
use std::path::Path;

use crate::{folder, ircpm, succeed};

/// Arguments, the exit status, and words of the message.
const ARGUMENTS: [(&str, i32, &str); 34] = [
    ("trian torus-unimodal", 2, "similar subcommand"),
    ("train torus-unimodel", 1, "did you mean `torus-unimodal`?"),
    ("train nothing.toml", 1, "neither a preset nor a file"),
    ("train .", 1, "not a regular file"),
    ("train torus-unimodal --set steps", 2, "not of the form key=value"),
    ("train torus-unimodal --set foo=1", 1, "unknown field `foo`"),
    ("train torus-unimodal --seed -1", 2, "give a whole number from 0 to"),
    ("train torus-unimodal --seed 1.5", 2, "give a whole number from 0 to"),
    ("train torus-unimodal --threads 0", 2, "give a whole number from 1 to"),
    ("train torus-unimodal --out run", 1, "choose another with --out, or empty it"),
    ("train torus-unimodal --out points.csv", 1, "choose a folder that you may write to"),
    ("fit nothing.csv --manifold T2", 1, "no such file: nothing.csv"),
    ("fit . --manifold T2", 1, "save the points in one"),
    ("fit points.csv", 2, "--manifold <MANIFOLD>"),
    ("fit points.csv --manifold SO3", 2, "'SO3' names no manifold"),
    ("fit points.csv --manifold T5000", 2, "has no dimension between 1 and 4096"),
    ("fit points.csv --manifold T2 --held-out 1", 2, "give a share, at least 0 and below 1"),
    ("fit points.csv --manifold T2 --unit grad", 2, "give rad, deg, hours or turns"),
    ("fit points.csv --manifold T2 --header maybe", 2, "give yes or no"),
    ("fit points.csv --manifold T2 --columns a,c", 1, "no column `c`"),
    ("fit packed.csv.gz --manifold T2", 1, "compressed by gzip: unpack it first"),
    ("fit page.csv --manifold T2", 1, "a page of HTML or XML"),
    ("fit points.json --manifold T2", 1, "is JSON: save the points as"),
    ("fit head.csv --manifold T2", 1, "the only row, `phi,psi`, is the names of columns"),
    ("fit same.csv --manifold T2", 1, "at least 2 are needed"),
    ("fit huge.csv --manifold R1", 1, "too large"),
    ("sample points.csv", 1, "not the folder of a run"),
    ("sample run -n 0", 2, "give a whole number from 1 to"),
    ("sample run -n -5", 2, "give a whole number from 1 to"),
    ("sample run -o samples.xlsx", 1, "let it end in .csv, .npy, .npz or .parquet"),
    ("sample run -o points.csv", 1, "give --force to replace it"),
    ("sample run -o nowhere/s.csv", 1, "choose a place with room"),
    ("log-prob run log-q.csv", 1, "logarithms are none: give the file of the points"),
    ("chain run --local-step -1", 2, "--local-step is -1"),
];

/// What went wrong, on one line whatever the width of the terminal, without the summary of the usage.
fn said(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    // Of a drawing what it points out.
    let text = match (text.split_once("╭─["), text.split_once("╰── ")) {
        (Some((head, _)), Some((_, tail))) => {
            let help = tail.split_once("help:").map(|(_, help)| format!("help: {help}"));
            let pointed = tail.lines().next().unwrap_or_default();
            format!("{}: {pointed} {}", head.trim_end(), help.unwrap_or_default())
        }
        _ => text.into_owned(),
    };
    let text = text.replace(['│', '×'], " ").replace("help:", "–");
    let text = text.split("\nUsage:").next().unwrap_or_default();
    let text = text.split("For more information").next().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The files that the arguments speak of.
fn prepare(dir: &Path) {
    let files: [(&str, &[u8]); 8] = [
        ("points.csv", b"a,b\n1.5,2.5\n1.0,2.0\n0.5,2.25\n"),
        ("packed.csv.gz", b"\x1f\x8b\x08\0\0\0\0\0"),
        ("page.csv", b"<!DOCTYPE html>\n<html></html>\n"),
        ("points.json", b"[[1.5, 2.5], [1.0, 2.0]]\n"),
        ("head.csv", b"phi,psi\n"),
        ("same.csv", b"a,b\n1.5,2.5\n1.5,2.5\n"),
        ("huge.csv", b"x\n1e300\n2e300\n5e300\n"),
        ("log-q.csv", b"log_q,log_weight\n-1.5,0.5\n-2.5,0.25\n"),
    ];
    for (name, bytes) in files {
        fs::write(dir.join(name), bytes).expect("a writable folder");
    }
    succeed(&crate::short(dir, &["train", "torus-unimodal", "--out", "run"]));
}

#[cfg(unix)]
#[test]
fn wrong_arguments_get_the_messages_of_the_documentation() {
    let dir = folder();
    prepare(dir.path());
    let mut table = "| the arguments | exit status | message |\n|---|---|---|\n".to_owned();
    for (arguments, status, words) in ARGUMENTS {
        let output =
            ircpm(dir.path(), &[&["--quiet"], &arguments.split(' ').collect::<Vec<_>>()[..]].concat());
        let message = said(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments}: {message}");
        assert!(message.contains(words), "{arguments}: no {words:?} in {message:?}");
        // How many processors there are, and up to how many threads, is the machine's.
        let message = match message.split_once("a whole number from 1 to 256; this machine") {
            Some((before, _)) => format!("{before}a whole number from 1 to …"),
            None => message,
        };
        table += &format!("| `{arguments}` | {status} | {} |\n", message.replace('|', "\\|"));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/messages.md");
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert!(page.contains(&table), "a table of {} should be\n\n{table}", path.display());
}

//! Configurations, energies and checkpoints that are wrong, each with the message of `docs/messages.md`.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use ircpm_train::config::Config;
use ircpm_train::config::preset::by_name;
use ircpm_train::fit::FlowFile;
use ircpm_train::training::Problem;
use ircpm_train::training::checkpoint::{Checkpoint, CheckpointError};
use safetensors::tensor::{Dtype, TensorView};

/// A configuration, and words of its message.
const CONFIGURATIONS: [(&str, &str); 35] = [
    ("", "loss = \"reverse-kl\" needs a [target]"),
    ("[target]", "[target] needs a name, or a manifold and an energy"),
    ("[target\nname = \"torus-seam\"", "unclosed table"),
    ("[target]\nname = torus-seam", "a text stands in quotes"),
    ("[target]\nname = \"torus-seam\"\nname = \"chain-4\"", "line 3: duplicate key"),
    ("[target]\nname = \"torus-unimodel\"", "did you mean `torus-unimodal`?"),
    ("[target]\nname = 3", "expected a string (write it in quotes"),
    ("[target]\nname = \"torus-seam\"\nbeta = -1", "-1 is not a finite number above zero"),
    ("[target]\nname = \"torus-seam\"\nbeta = nan", "NaN is not a finite number above zero"),
    ("[target]\nname = \"torus-seam\"\nbeta = \"1\"", "write a number, such as 0.01"),
    ("seed = -1\n[target]\nname = \"torus-seam\"", "-1 is not an integer from 0 to"),
    ("seed = 1.5\n[target]\nname = \"torus-seam\"", "write an integer, such as 100"),
    ("[target]\nname = \"torus-seam\"\n[trainin]\nsteps = 3", "did you mean `training`?"),
    ("[target]\nname = \"torus-seam\"\n[training]\nstep = 3", "did you mean `steps`?"),
    ("training = 3\n[target]\nname = \"torus-seam\"", "expected a table (give its keys"),
    (
        "[target]\nname = \"torus-seam\"\n[training]\noptimiser = \"sgd\"",
        "unknown optimiser `sgd`, expected one of",
    ),
    ("[target]\nname = \"torus-seam\"\n[training]\nsteps = 0", "0 is not an integer from 1 to"),
    ("[target]\nname = \"torus-seam\"\n[training]\nmin_eigenvalue = 1", "1 is not in (0, 0.5]"),
    (
        "[data]\nfile = \"x.csv\"\nmanifold = \"T1\"\n[training]\nloss = \"likelihood\"\nmin_eigenvalue = 0.1",
        "this floor is for networks that are trained for a [target]: remove this key",
    ),
    (
        "[target]\nname = \"torus-seam\"\n[training]\nloss = \"likelihood\"",
        "needs [data] with file and manifold",
    ),
    ("[target]\nname = \"torus-seam\"\n[model]\nhidden = []", "give the widths of 1 to 16"),
    ("[target]\nname = \"torus-seam\"\n[model]\nenergy = \"f(u)\"", "unknown variant `f(u)`, expected"),
    (
        "[data]\nfile = \"x.csv\"\nmanifold = \"T1\"\n[training]\nloss = \"likelihood\"\n[model]\nenergy = \"multiple\"",
        "psi takes its form from a [target]",
    ),
    (
        "[target]\nname = \"torus-seam\"\n[model]\nhidden = [100000]",
        "100000 is not an integer from 1 to 4096",
    ),
    ("[target]\nname = \"torus-seam\"\n[model]\nlayers = 0", "0 is not an integer from 1 to 64"),
    ("[target]\nname = \"torus-seam\"\n[evaluation]\nsamples = 1e9", "write an integer, such as 100"),
    ("[data]\nfile = \"x.csv\"\nmanifold = \"T1\"", "[data] needs training.loss = \"likelihood\""),
    ("[data]\nmanifold = \"T1\"", "missing field `file` (write it below [data]"),
    ("[data]\nfile = \"x.csv\"\nmanifold = \"X3\"", "'X3' names no manifold"),
    ("[data]\nfile = \"x.csv\"\nmanifold = \"T1\"\nheld_out = 1", "1 is not in [0, 1)"),
    (
        "[data]\nfile = \"x.csv\"\nmanifold = \"T1\"\nunit = \"grad\"",
        "unknown variant `grad`, expected one of",
    ),
    ("[data]\nfile = \"x.csv\"\nmanifold = \"T1\"\ncolumns = [0]", "0 is no column: they count from 1"),
    ("[target]\nmanifold = \"T2\"", "a manifold needs an energy on it"),
    ("[target]\nenergy = \"cos(theta1)\"", "an energy needs the manifold that it is on"),
    (
        "[target]\nname = \"chain-4\"\nmanifold = \"T1\"\nenergy = \"cos(theta1)\"",
        "the target has a name already",
    ),
];

/// A manifold, an energy on it with parameters `k = 1`, and words of its message.
const ENERGIES: [(&str, &str, &str); 20] = [
    ("T2", "", "there is no energy"),
    ("T2", "k*cos(theta3)", "unknown name `theta3`"),
    ("T2", "k*cos(theta1", "the end stands where"),
    ("T2", "k cos(theta1)", "write * between factors"),
    ("T2", "k*cos(theta1) +", "the end stands where"),
    ("T2", "k*cos(theta1)**2", "`**` means nothing here"),
    ("T2", "k*cos", "`cos` is a function: write it with one argument, as in cos(theta1)"),
    ("T2", "k*cos(theta1, 2)", "2 arguments: write it with one argument"),
    ("T2", "k*cosine(theta1)", "unknown function `cosine`"),
    ("T2", "cos(theta1)", "the parameter `k` does not occur"),
    ("T2", "k*theta1", "the energy jumps at the seam of `theta1`"),
    ("T2", "k*cos(theta1/2)", "the energy jumps at the seam of `theta1`"),
    ("T2", "k*ln(cos(theta1))", "the energy is NaN at"),
    ("T2", "k*cos(theta[3])", "index 3 is outside of 1 to 2"),
    ("T2", "sum(i, 1, 1000000, k*cos(i*theta1))", "more than 65536 operations"),
    ("R1", "k", "the energy is the same everywhere on R1"),
    ("R1", "k*x1^2 + 1/0", "the value of this constant is inf"),
    ("R1", "-k*x1^2", "the energy falls without bound as `x1` goes to infinity"),
    ("R2", "k*x1^2", "the energy keeps its value as `x2` goes to infinity"),
    ("S2xS2", "k*x1", "`x1` exists in several factors"),
];

/// What was done to a checkpoint, and words of the message.
fn damaged_checkpoints() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let config = by_name("torus-unimodal").expect("a preset").config(&[]).expect("a valid preset");
    let problem = Problem::new(config, Path::new(".")).expect("a model that fits");
    let state = problem.trainer().expect("an optimiser that applies").state();
    let checkpoint = Checkpoint { config: problem.config.clone(), state };
    let bytes = checkpoint.encode().expect("an encodable state");
    let last = |change: fn(&mut u8)| {
        let mut bytes = bytes.clone();
        change(bytes.last_mut().expect("numbers"));
        bytes
    };
    // Sealed anew, so that what is said is not that the checksum is another.
    let changed = |change: &dyn Fn(&mut Checkpoint)| {
        let mut changed = checkpoint.clone();
        change(&mut changed);
        changed.encode().expect("an encodable state")
    };
    let other = [("weight".to_owned(), TensorView::new(Dtype::F64, vec![0], &[]).expect("a tensor"))];
    let foreign = |metadata: Option<HashMap<String, String>>| {
        safetensors::serialize(other.clone(), metadata).expect("a file")
    };
    let later = HashMap::from([("format".to_owned(), "ircpm-checkpoint-9".to_owned())]);
    vec![
        ("no bytes at all", vec![], "header too small"),
        ("the first hundred bytes of one", bytes[..100].to_vec(), "invalid header length"),
        ("all but its last byte", bytes[..bytes.len() - 1].to_vec(), "file not fully covered"),
        ("its last bit flipped", last(|byte| *byte ^= 1), "its checksum is"),
        ("a byte more", [&bytes[..], b"x"].concat(), "file not fully covered"),
        ("a table of text", b"phi,psi\n1.5,2.5\n0.5,1.25\n".to_vec(), "header too large"),
        ("the weights of another program", foreign(None), "not a checkpoint of this program"),
        ("the checkpoint of a later version", foreign(Some(later)), "\"ircpm-checkpoint-9\""),
        (
            "a number more than the model has",
            changed(&|c| c.state.theta.push(0.0)),
            "which no flow of the configuration has",
        ),
        ("no numbers", changed(&|c| c.state.theta.clear()), "holds 0 numbers"),
        (
            "more steps than a run can have",
            changed(&|c| c.state.progress.step = usize::MAX),
            "`step` is 18446744073709551615",
        ),
        ("a number that is NaN", changed(&|c| c.state.theta[0] = f64::NAN), "tensor `theta` holds NaN"),
    ]
}

/// A text on one line of a table of Markdown.
fn shown(text: &str) -> String {
    let text = text.trim_end().replace('\n', " ⏎ ").replace('|', "\\|");
    if text.is_empty() { "(nothing)".to_owned() } else { format!("`{text}`") }
}

fn message(given: &str, words: &str, message: Option<String>) -> String {
    let message = message.unwrap_or_else(|| panic!("{given} is taken"));
    assert!(message.contains(words), "{given}: no {words:?} in {message:?}");
    assert_eq!(message.lines().count(), 1, "{message}");
    message.replace('|', "\\|")
}

/// Compares a table of the page with its rows.
fn compare(head: &str, rows: &[String]) {
    let columns = head.matches('|').count() - 1;
    let table = format!("{head}\n|{}\n{}\n", "---|".repeat(columns), rows.join("\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/messages.md");
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert!(page.contains(&table), "a table of {} should be\n\n{table}", path.display());
}

#[test]
fn wrong_configurations_get_the_messages_of_the_documentation() {
    let row = |(text, words): (&str, &str)| {
        let error = Config::parse(text, "run.toml").err().map(|error| error.to_string());
        format!("| {} | {} |", shown(text), message(text, words, error))
    };
    compare("| the file | message |", &CONFIGURATIONS.map(row));
}

#[test]
fn wrong_energies_get_the_messages_of_the_documentation() {
    let row = |(manifold, energy, words): (&str, &str, &str)| {
        let text = format!(
            "[target]\nmanifold = \"{manifold}\"\nenergy = \"{energy}\"\nparameters = {{ k = 1.0 }}\n"
        );
        let error = Config::parse(&text, "run.toml").err().map(|error| error.to_string());
        format!("| {} | {manifold} | {} |", shown(energy), message(&text, words, error))
    };
    compare("| the energy | manifold | message |", &ENERGIES.map(row));
}

#[test]
fn damaged_checkpoints_get_the_messages_of_the_documentation() {
    let rows: Vec<String> = damaged_checkpoints()
        .into_iter()
        .map(|(what, bytes, words)| {
            let said = FlowFile::decode(&bytes).err().map(|error| error.to_string());
            let said = message(what, words, said);
            // The sum of a file with numbers from a generator is that of one instruction set.
            let said = match Checkpoint::decode(&bytes) {
                Err(CheckpointError::Checksum { found, written }) => {
                    said.replace(&format!("{found:08x}"), "…").replace(&format!("{written:08x}"), "…")
                }
                _ => said,
            };
            format!("| {what} | {said} |")
        })
        .collect();
    compare("| the checkpoint | message |", &rows);
}

//! Runs of charges: what their reports say of folds, proofs, and warm starts that are recorded.

use std::fs;

use serde_json::Value;

use crate::{complaint, folder, ircpm, json, stdout, succeed};

const CONFIG: &str = "[target]\nname = \"chain-6\"\nbeta = 0.5\n[model]\npotential = \"charges\"\nlayers = 1\nwall = 0.8\n\
    [[model.charges]]\nchain = { range = 1, degree = 2, boundary = 1 }\n[training]\nsteps = 12\n\
    [evaluation]\nsamples = 4000\nuniform = 512\npictures = false\n";

#[test]
fn chains_are_proven_and_squares_searched() {
    let dir = folder();
    fs::write(dir.path().join("chain.toml"), CONFIG).expect("a writable folder");
    let report = ircpm(dir.path(), &["train", "chain.toml", "--out", "chain"]);
    succeed(&report);
    assert!(stdout(&report).contains("certified: no eigenvalue of H is below 0."), "{}", stdout(&report));
    assert_eq!(json(&dir.path().join("chain/report.json"))["positivity"]["verdict"], "certified");
    let proof = ircpm(dir.path(), &["certify", "chain", "--json"]);
    succeed(&proof);
    let proof: Value = serde_json::from_str(&stdout(&proof)).expect("JSON");
    let number = |key: &str| proof["layers"][0][key].as_f64().expect("a number");
    assert!(number("bound") > 0.9 * number("estimate") && number("bound") <= number("estimate"), "{proof}");

    let square = CONFIG
        .replace("chain-6", "xy-3x3")
        .replace("chain = { range = 1, degree = 2, boundary = 1 }", "square = {}");
    fs::write(dir.path().join("square.toml"), square).expect("a writable folder");
    let report = ircpm(dir.path(), &["train", "square.toml", "--out", "square"]);
    assert!(stdout(&report).contains("searched, none found"), "{}", stdout(&report));
    let proof = ircpm(dir.path(), &["certify", "square"]);
    assert!(stdout(&proof).contains("SEARCHED"), "{}", stdout(&proof));
    assert_eq!(proof.status.code(), Some(4));
    let shown = ircpm(dir.path(), &["show", "square"]);
    assert!(stdout(&shown).contains("layers: 1, of charges"), "{}", stdout(&shown));
}

#[test]
fn a_warm_start_is_repeated_from_its_folder() {
    let dir = folder();
    fs::write(dir.path().join("chain.toml"), CONFIG).expect("a writable folder");
    succeed(&ircpm(dir.path(), &["train", "chain.toml", "--out", "small"]));
    let larger = ["train", "chain.toml", "--set", "target.name=\"chain-8\"", "--set", "training.steps=3"];
    let warm = [&larger[..], &["--warm-start", "small", "--out", "large"]].concat();
    succeed(&ircpm(dir.path(), &warm));
    let config = fs::read_to_string(dir.path().join("large/config.toml")).expect("a configuration");
    assert!(
        config.contains("file = \"start.safetensors\"") && config.contains("source = \"small\""),
        "{config}"
    );
    // From its own folder alone, to the bit.
    fs::remove_dir_all(dir.path().join("small")).expect("a folder");
    succeed(&ircpm(dir.path(), &["train", "large/config.toml", "--out", "again"]));
    let read = |run: &str, name: &str| fs::read(dir.path().join(run).join(name)).expect("a file");
    for name in ["checkpoint.safetensors", "start.safetensors"] {
        assert_eq!(read("large", name), read("again", name), "{name}");
    }
    // Another file in its place is refused.
    fs::write(dir.path().join("large/start.safetensors"), "nothing").expect("a writable folder");
    let refused = ircpm(dir.path(), &["train", "large/config.toml", "--out", "third"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(complaint(&refused).contains("start.safetensors"), "{}", complaint(&refused));
}

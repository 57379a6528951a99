//! Proofs that a run's map is one-to-one.

use std::fs;
use std::path::Path;

use ircpm_checker::{CheckError, Checkpoint, Verified, check};
use serde_json::Value;

use crate::{complaint, folder, ircpm, short, stdout, succeed};

/// What a program that shares no code with the proof says of the certificate in the folder of a run.
fn judge(run: &Path) -> Result<Verified, CheckError> {
    let read = |name: &str| fs::read(run.join(name)).expect("a readable file");
    let checkpoint = Checkpoint::read(&read("checkpoint.safetensors")).expect("a checkpoint");
    check(&read("certificate.txt"), Some(&checkpoint))
}

#[test]
fn trained_network_is_certified() {
    let dir = folder();
    let small =
        ["--set", "model.hidden=[8]", "--set", "training.goal=1e-4", "--set", "evaluation.pictures=false"];
    succeed(&ircpm(dir.path(), &[&["train", "torus-unimodal", "--out", "run"][..], &small].concat()));
    let certify = |more: &[&str]| {
        let output = ircpm(dir.path(), &[&["certify", "run"][..], more].concat());
        (stdout(&output), output.status.code())
    };
    let (text, code) = certify(&[]);
    assert!(text.contains("CERTIFIED: the map is a diffeomorphism of T2") && code == Some(0), "{text}");
    let (json, _) = certify(&["--json", "--threads", "1"]);
    assert_eq!(json, certify(&["--json", "--threads", "2"]).0);
    let proof: Value = serde_json::from_str(&json).expect("JSON");
    let layer = &proof["layers"][0];
    let number = |key: &str| layer[key].as_f64().expect("a number");
    assert_eq!((&proof["certified"], &layer["verdict"]), (&true.into(), &"certified".into()));
    // The bound is proven, and within five per cent of what points have.
    assert!(number("bound") <= number("estimate") && number("bound") > 0.94 * number("estimate"), "{proof}");
    let bounds = ircpm(dir.path(), &["bounds", "run", "-n", "20000", "--json"]);
    let bounds: Value = serde_json::from_str(&stdout(&bounds)).expect("JSON");
    let sampled = bounds["layers"][0]["eigenvalue"]["value"].as_f64().expect("a number");
    assert!(number("bound") <= sampled && number("estimate") >= 0.99 * number("bound"), "{sampled}, {proof}");
    // The certificate claims a millionth less, and another arithmetic comes to the same.
    let verified = judge(&dir.path().join("run")).expect("a certificate");
    assert_eq!(verified.not_compared, Some(vec![]));
    let claimed = verified.bounds[0];
    assert!(claimed < number("bound") && claimed > (1.0 - 2e-6) * number("bound"), "{claimed}, {proof}");
    assert!(verified.cells < 10_000 && verified.looked_at < 2 * verified.cells, "{verified:?}");
    // A budget that is too small leaves it undecided, which is no success.
    let (text, code) = certify(&["--cells", "1"]);
    assert!(text.contains("UNDECIDED") && text.contains("worst cell") && code == Some(4), "{text}");
}

#[test]
fn a_sphere_is_looked_at_and_the_plane_refused() {
    let dir = folder();
    succeed(&short(dir.path(), &["train", "sphere-four-mode", "--out", "sphere"]));
    let output = ircpm(dir.path(), &["certify", "sphere", "--cells", "200", "--json"]);
    let proof: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(proof["manifold"], "S2", "{proof}");
    assert!(matches!(output.status.code(), Some(0 | 3 | 4)), "{proof}");

    // Trained further it is certified, and the certificate is verified.
    let args = ["train", "sphere-four-mode", "--out", "goal", "--set", "evaluation.pictures=false"];
    succeed(&ircpm(dir.path(), &args));
    let output = ircpm(dir.path(), &["certify", "goal", "--tolerance", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let verified = judge(&dir.path().join("goal")).expect("a certificate");
    assert_eq!((verified.manifold.as_str(), verified.bounds.len()), ("S2", 2));
    assert_eq!(verified.not_compared, Some(vec![]));

    let rows: Vec<String> =
        (0..40).map(|i| format!("{},{}", f64::from(i).sin(), f64::from(i).cos())).collect();
    fs::write(dir.path().join("plane.csv"), format!("a,b\n{}\n", rows.join("\n")))
        .expect("a writable folder");
    let fit =
        ["fit", "plane.csv", "--manifold", "R2", "--out", "plane", "--set", "evaluation.pictures=false"];
    let fitted = ircpm(dir.path(), &fit);
    assert!(matches!(fitted.status.code(), Some(0 | 4)), "{}", complaint(&fitted));
    let refused = ircpm(dir.path(), &["certify", "plane"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(complaint(&refused).contains("not for R2"), "{}", complaint(&refused));
}

#[test]
fn fitted_linear_layers_are_certified() {
    let dir = folder();
    let rows: Vec<String> = (0..80)
        .map(|i| {
            let i = f64::from(i);
            format!("{},{}", 1.0 + 0.7 * i.sin(), 3.0 + 0.9 * (0.7 * i).cos())
        })
        .collect();
    fs::write(dir.path().join("points.csv"), format!("a,b\n{}\n", rows.join("\n")))
        .expect("a writable folder");
    let fitted = ircpm(
        dir.path(),
        &[
            "fit",
            "points.csv",
            "--manifold",
            "T2",
            "--unit",
            "rad",
            "--out",
            "run",
            "--set",
            "evaluation.pictures=false",
        ],
    );
    assert!(matches!(fitted.status.code(), Some(0 | 4)), "{}", complaint(&fitted));
    let output = ircpm(dir.path(), &["certify", "run", "--tolerance", "1", "--json"]);
    let proof: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!((&proof["certified"], output.status.code()), (&true.into(), Some(0)), "{proof}");
    let layers = proof["layers"].as_array().expect("layers");
    for layer in layers {
        assert!(layer["bound"].as_f64().is_some_and(|bound| bound > 0.0), "{proof}");
    }
    let verified = judge(&dir.path().join("run")).expect("a certificate");
    assert_eq!(verified.bounds.len(), layers.len());
}

#[test]
fn fitted_linear_layers_on_a_sphere_are_certified() {
    let dir = folder();
    // Nearly uniform, so that no eigenvalue comes close to zero.
    let row = |i: u32| {
        let height: f64 = 0.2 + 0.7 * (f64::from(2 * i + 1) / 60.0 - 1.0);
        format!("{},{}", height.asin().to_degrees(), f64::from(i) * 137.5 % 360.0 - 180.0)
    };
    let rows: Vec<String> = (0..60).map(row).collect();
    fs::write(dir.path().join("points.csv"), format!("lat,lon\n{}\n", rows.join("\n")))
        .expect("a writable folder");
    let args = ["fit", "points.csv", "--manifold", "S2", "--lat-lon", "--out", "run"];
    let fitted = ircpm(dir.path(), &[&args[..], &["--set", "evaluation.pictures=false"]].concat());
    assert!(matches!(fitted.status.code(), Some(0 | 4)), "{}", complaint(&fitted));
    let output = ircpm(dir.path(), &["certify", "run", "--tolerance", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let text = fs::read_to_string(dir.path().join("run/certificate.txt")).expect("a certificate");
    assert!(text.contains("\nzonal 1 ") && text.contains("\nbump "), "{text}");
    assert_eq!(judge(&dir.path().join("run")).expect("a certificate").manifold, "S2");
}

#[test]
fn a_network_that_is_averaged_over_a_group_has_a_certificate() {
    let dir = folder();
    let file = "[target]\nmanifold = \"T2\"\n\
        energy = \"-0.3 * (cos(2 * theta1) + cos(2 * theta2)) - 0.3 * cos(theta1 + theta2)\"\n\
        [model]\nhidden = [6]\nsymmetry = [\"permutations\", \"turns(1/2, 1/2)\"]\n[evaluation]\npictures = false\n";
    fs::write(dir.path().join("waves.toml"), file).expect("a writable folder");
    let train = |seed: &str, out: &str| {
        let trained = short(dir.path(), &["train", "waves.toml", "--seed", seed, "--out", out]);
        assert!(trained.status.code().is_some_and(|code| code == 0 || code == 4), "{}", stdout(&trained));
    };
    train("0", "run");
    let output = ircpm(dir.path(), &["certify", "run", "--tolerance", "0.5"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let text = fs::read_to_string(dir.path().join("run/certificate.txt")).expect("a certificate");
    assert!(text.contains("elements 4\n"), "{text}");
    let verified = judge(&dir.path().join("run")).expect("a certificate");
    // Trained further, the run is another map.
    train("5", "other");
    fs::copy(dir.path().join("other/checkpoint.safetensors"), dir.path().join("run/checkpoint.safetensors"))
        .expect("a file");
    assert!(matches!(judge(&dir.path().join("run")), Err(CheckError::OtherMap { .. })), "{verified:?}");
}

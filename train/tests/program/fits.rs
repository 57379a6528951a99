//! Fits to points of one's own, and what they refuse.

use std::fs;

use crate::{complaint, folder, ircpm, json, printed, short, stdout, succeed, untimed};

#[test]
fn least_squares_are_refused_where_there_is_no_residual() {
    let dir = folder();
    fs::write(dir.path().join("points.csv"), "a,b\n1,2\n2,3.5\n3,1\n").expect("a writable folder");
    let config = "[data]\nfile = \"points.csv\"\nmanifold = \"T2\"\n[training]\nloss = \"likelihood\"\n";
    fs::write(dir.path().join("c.toml"), config).expect("a writable folder");
    let said = complaint(&ircpm(
        dir.path(),
        &["train", "c.toml", "--set", "training.optimiser=levenberg-marquardt"],
    ));
    assert!(said.contains("does not apply: given points") && said.contains("\"adam\""), "{said}");
}

#[test]
fn points_are_fitted_by_linear_layers_and_their_run_is_measured_again() {
    let dir = folder();
    let rows: Vec<String> =
        (0..60).map(|i| format!("{},{}", 1.0 + 0.7 * f64::sin(f64::from(i)), (i * i) % 6)).collect();
    fs::write(dir.path().join("points.csv"), format!("a,b\n{}\n", rows.join("\n")))
        .expect("a writable folder");
    let config = "[data]\nfile = \"points.csv\"\nmanifold = \"T2\"\n[training]\nloss = \"likelihood\"\n";
    fs::write(dir.path().join("c.toml"), config).expect("a writable folder");
    let few = ["--set", "evaluation.samples=2048", "--set", "evaluation.uniform=2048"];
    let args = [&["train", "c.toml", "--out", "run"][..], &few].concat();
    succeed(&ircpm(dir.path(), &args));
    let report = json(&dir.path().join("run/report.json"));
    assert_eq!((&report["optimiser"], &report["status"]), (&"newton".into(), &"sound".into()), "{report}");
    assert!(
        report["baseline_kernel_log_likelihood"].is_f64() && report["held_out_log_likelihood"].is_f64(),
        "{report}"
    );
    let findings = report["findings"].as_array().expect("a list");
    assert!(findings.iter().any(|f| f.as_str().is_some_and(|f| f.contains("column 2"))), "{findings:?}");
    // The flow is rebuilt from the functions in the checkpoint.
    let again = ircpm(dir.path(), &["evaluate", "run"]);
    let text = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(again.status.success() && text.contains("held-out log q"), "{text}");
    let said = complaint(&ircpm(dir.path(), &["train", "torus-unimodal", "--set", "model.potential=linear"]));
    assert!(said.contains("linear potentials are fitted to points"), "{said}");
}

#[test]
fn given_points_are_learned_and_the_held_out_ones_measured() {
    let dir = folder();
    let rows: String =
        (0..200).map(|i| format!("{},{}\n", 1.0 + 0.01 * f64::from(i), (f64::from(i) * 0.7).sin())).collect();
    fs::write(dir.path().join("points.csv"), format!("phi,psi\n{rows}")).expect("a writable folder");
    let config = "[data]\nfile = \"points.csv\"\nmanifold = \"T2\"\n[training]\nloss = \"likelihood\"\n";
    fs::write(dir.path().join("angles.toml"), config).expect("a writable folder");
    // At the default rate the thirty steps fold the map.
    succeed(&short(dir.path(), &["train", "angles.toml", "--set", "training.learning_rate=1e-3"]));
    let run = dir.path().join("runs/angles-1");
    let report = json(&run.join("report.json"));
    assert!(report["held_out_log_likelihood"].is_number() && report["ess"].is_null());
    succeed(&ircpm(&run, &["evaluate", "."]));
}

#[test]
fn likelihood_of_too_few_held_out_points_is_said_to_be_none() {
    let dir = folder();
    let rows: String = (0..12).map(|i| format!("{}\n", 0.5 * f64::from(i))).collect();
    fs::write(dir.path().join("p.csv"), format!("angle\n{rows}")).expect("a writable folder");
    let config = "[data]\nfile = \"p.csv\"\nmanifold = \"T1\"\n[training]\nloss = \"likelihood\"\n";
    fs::write(dir.path().join("few.toml"), config).expect("a writable folder");
    let output = short(dir.path(), &["train", "few.toml", "--out", "run"]);
    assert!(
        stdout(&output).contains("none: 1 point is held out, at least 2 are needed"),
        "{}",
        stdout(&output)
    );
    let report = json(&dir.path().join("run/report.json"));
    assert!(report["held_out_log_likelihood"].is_null() && report["held_out_points"] == 1);
}

#[test]
fn point_that_is_none_is_named_by_file_line_and_value() {
    let dir = folder();
    let config = "[data]\nfile = \"p.csv\"\nmanifold = \"S2\"\n[training]\nloss = \"likelihood\"\n";
    fs::write(dir.path().join("c.toml"), config).expect("a writable folder");
    let cases = [
        ("1,0,0\n0,nan,1\n", "p.csv, line 3"),
        ("1,0,0\n0,2,0\n", "line 3"),
        ("1,0\n", "2 columns"),
        ("1,0,0\n0,0,\u{fffd}\n", "column 3"),
        ("1,0,x\n", "`x`"),
        ("", "line 1: the only row, `x,y,z`, is the names of columns"),
    ];
    for (rows, place) in cases {
        fs::write(dir.path().join("p.csv"), format!("x,y,z\n{rows}")).expect("a writable folder");
        let said = complaint(&ircpm(dir.path(), &["train", "c.toml"]));
        assert!(said.contains(place), "{rows:?}: {said}");
    }
    assert!(!dir.path().join("runs").exists(), "a run that cannot start leaves no folder");
}

#[test]
fn points_in_degrees_are_fitted_and_their_folder_can_be_moved_but_not_changed() {
    let dir = folder();
    let angle =
        |i: usize, phase: f64| 180.0 + 60.0 * (0.7 * i as f64 + phase).sin() + 20.0 * ((i * i) as f64).sin();
    let rows: String =
        (0..60).map(|i| format!("{i},{:.2},{:.2}\n", angle(i, 0.0), angle(2 * i, 1.0))).collect();
    fs::write(dir.path().join("angles.csv"), format!("frame,phi,psi\n{rows}")).expect("a writable folder");
    let few =
        ["--set", "evaluation.samples=2048", "--set", "evaluation.uniform=2048", "--set", "model.layers=1"];
    let fit =
        ["fit", "angles.csv", "--manifold", "T2", "--unit", "deg", "--columns", "phi,psi", "--out", "run"];
    let output = ircpm(dir.path(), &[&fit[..], &few].concat());
    succeed(&output);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for words in ["separated by commas", "line 1 names the columns", "column 2 (phi)", "angles are degrees"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let read = |path: &str| fs::read(dir.path().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let config = String::from_utf8(read("run/config.toml")).expect("text");
    assert!(
        config.contains("file = \"points.npy\"") && config.contains("source = \"angles.csv\""),
        "{config}"
    );
    let first = f64::from_le_bytes(read("run/points.npy")[128..136].try_into().expect("a number"));
    assert!((first.to_degrees() - angle(0, 0.0)).abs() < 0.006, "{first}");

    // Without the original, elsewhere, and trained again from its own configuration.
    fs::remove_file(dir.path().join("angles.csv")).expect("a writable folder");
    fs::rename(dir.path().join("run"), dir.path().join("moved")).expect("a writable folder");
    let evaluated = ircpm(dir.path(), &["evaluate", "moved"]);
    succeed(&evaluated);
    assert!(stdout(&output).starts_with(&stdout(&evaluated)), "{}", stdout(&evaluated));
    succeed(&ircpm(dir.path(), &["train", "moved/config.toml", "--out", "again"]));
    for file in ["config.toml", "points.npy", "samples.png"] {
        assert!(read(&format!("moved/{file}")) == read(&format!("again/{file}")), "{file} differs");
    }

    let mut points = read("moved/points.npy");
    points[130] ^= 1;
    fs::write(dir.path().join("moved/points.npy"), points).expect("a writable folder");
    let said = complaint(&ircpm(dir.path(), &["evaluate", "moved"]));
    assert!(said.contains("points.npy has changed"), "{said}");
}

#[test]
fn weights_of_rows_are_fitted_and_kept_with_the_run() {
    let dir = folder();
    // Angles spread evenly, whose weights are those of a law about 90 degrees, and one row that does not count.
    let row = |i: usize| {
        let angle = 137.508 * i as f64 % 360.0;
        let weight = if i == 7 { 0.0 } else { (6.0 * angle.to_radians().sin()).exp() };
        format!("{angle:.3},{weight:.6}\n")
    };
    let rows: String = (0..300).map(row).collect();
    fs::write(dir.path().join("events.csv"), format!("phi,w\n{rows}")).expect("a writable folder");
    let few = ["--set", "evaluation.samples=2048", "--set", "evaluation.uniform=2048"];
    let adam = ["--set", "training.optimiser=adam", "--set", "training.steps=20"];
    let fit = |out, more: &[&str]| {
        let fit = ["fit", "events.csv", "--manifold", "T1", "--unit", "deg", "--weights", "w", "--out", out];
        ircpm(dir.path(), &[&fit[..], &few, more].concat())
    };
    let output = fit("run", &[]);
    succeed(&output);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for words in ["weights: column 2 (w); 299 rows are worth", "1 row has weight 0", "of 299 rows are worth"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    succeed(&fit("network", &adam));
    let report = json(&dir.path().join("run/report.json"));
    // The von Mises law of concentration 6 has the entropy 0.572 nats.
    let likelihood = report["held_out_log_likelihood"].as_f64().expect("a number");
    assert!((likelihood + 0.572).abs() < 0.25, "{report}");
    // The last column of the run's copy is no coordinate.
    let densities = ircpm(dir.path(), &["log-prob", "run", "run/points.npy"]);
    succeed(&densities);
    assert_eq!(stdout(&densities).lines().count(), 301);
    succeed(&ircpm(dir.path(), &["sample", "run", "-n", "2000", "-o", "samples.csv"]));
    let samples = fs::read_to_string(dir.path().join("samples.csv")).expect("samples");
    let angles: Vec<f64> = samples
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().map_or(0.0, |x| x.parse().unwrap()))
        .collect();
    // The mean cosine of the law, I₁(6)/I₀(6).
    let mean = angles.iter().map(|angle| angle.to_radians().sin()).sum::<f64>() / 2000.0;
    assert!((mean - 0.9124).abs() < 0.03, "{mean}");

    fs::remove_file(dir.path().join("events.csv")).expect("a writable folder");
    for run in ["run", "network"] {
        fs::rename(dir.path().join(run), dir.path().join("moved")).expect("a writable folder");
        let before = untimed(json(&dir.path().join("moved/report.json")));
        succeed(&ircpm(dir.path(), &["evaluate", "moved"]));
        succeed(&ircpm(dir.path(), &["train", "moved/config.toml", "--out", "again"]));
        for again in ["moved", "again"] {
            let mut after = untimed(json(&dir.path().join(again).join("report.json")));
            after["target"] = before["target"].clone();
            assert_eq!(before, after, "{run}, {again}");
        }
        fs::remove_dir_all(dir.path().join("moved")).expect("a writable folder");
        fs::remove_dir_all(dir.path().join("again")).expect("a writable folder");
    }
}

#[test]
fn wrong_options_of_fit_are_answered_with_the_text_that_caused_them() {
    let dir = folder();
    fs::write(dir.path().join("p.csv"), "phi,psi,w\n1,2,1\n2,3.5,1\n3,1,2\n").expect("a writable folder");
    let fit = |args: &[&str]| ircpm(dir.path(), &[&["fit", "p.csv"], args].concat());
    for (args, words) in [
        (&["--manifold", "T3", "--weights", "w"][..], "3 coordinates beside the columns named otherwise"),
        (&["--manifold", "T2", "--weights", "v"], "no column `v`"),
        (&["--manifold", "T2"], "--columns 2,3"),
        (&["--manifold", "T2", "--columns", "phi,chi"], "no column `chi`"),
    ] {
        let said = complaint(&fit(args));
        // A long line of an error is broken by a bar.
        assert!(said.contains(words), "{args:?}: {said}");
    }
    // Options that are wrong by themselves are named; no text that nobody has written is drawn.
    for (args, words) in [
        (&["--manifold", "Q7"][..], "'--manifold <MANIFOLD>'"),
        (
            &["--manifold", "T2", "--held-out", "1"],
            "'--held-out <HELD_OUT>': give a share, at least 0 and below 1",
        ),
        (&["--manifold", "T2", "--held-out", "nan"], "'--held-out <HELD_OUT>'"),
        (&["--manifold", "T2", "--unit", "grad"], "'--unit <UNIT>': `grad` is no unit"),
        (&["--manifold", "T2", "--lat-lon=maybe"], "'--lat-lon[=<yes|no>]': give yes or no"),
        (&["--manifold", "T2", "--seed", "9223372036854775808"], "'--seed <SEED>'"),
        (
            &["--manifold", "T2", "--set", "training.loss=reverse-kl"],
            "the arguments do not fit together: [data] needs",
        ),
        (&[], "--manifold <MANIFOLD>"),
    ] {
        let output = fit(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", printed(&output));
        let said = printed(&output);
        assert!(
            said.contains(words) && !said.contains("[data]\n") && !said.contains("ircpm fit:"),
            "{args:?}: {said}"
        );
    }
    // What `--set` has said is drawn with its text.
    let said = complaint(&fit(&["--manifold", "T2", "--set", "model.layers=0"]));
    assert!(said.contains("0 is not an integer from 1 to 64") && said.contains("model.layers=0"), "{said}");
    assert!(!dir.path().join("runs").exists());
}

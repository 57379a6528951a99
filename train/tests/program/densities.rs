//! Proven bounds of a run's density, and exact samples.

use std::f64::consts::TAU;
use std::fs;

use serde_json::Value;

use ircpm_train::points::Generator;

use crate::{complaint, folder, ircpm, json, printed, stdout, succeed};

/// The distribution function of the von Mises law with the given mode and concentration one, on a grid.
fn cumulative(mode: f64) -> Vec<f64> {
    const NODES: usize = 20_000;
    let mut sum = 0.0;
    let mut table = vec![0.0];
    for i in 0..NODES {
        let angle = TAU * (i as f64 + 0.5) / NODES as f64;
        sum += (angle - mode).cos().exp();
        table.push(sum);
    }
    table.iter().map(|x| x / sum).collect()
}

/// Kolmogorov's statistic of angles and the law of that table, times the root of their number.
fn kolmogorov(mut angles: Vec<f64>, table: &[f64]) -> f64 {
    angles.sort_by(f64::total_cmp);
    let n = angles.len() as f64;
    let mut largest = 0.0_f64;
    for (i, angle) in angles.iter().enumerate() {
        let exact = table[(angle / TAU * (table.len() - 1) as f64).round() as usize];
        largest = largest.max((exact - i as f64 / n).abs()).max((exact - (i + 1) as f64 / n).abs());
    }
    largest * n.sqrt()
}

/// The rows of a table of numbers.
fn rows(table: &str) -> Vec<Vec<f64>> {
    let row = |row: &str| row.split(',').map(|x| x.parse().expect("a number")).collect();
    table.lines().skip(1).map(row).collect()
}

#[test]
fn bounds_of_a_density_give_log_z_and_exact_samples() {
    let dir = folder();
    let small =
        ["--set", "model.hidden=[8]", "--set", "training.goal=1e-3", "--set", "evaluation.pictures=false"];
    succeed(&ircpm(dir.path(), &[&["train", "torus-unimodal", "--out", "run"][..], &small].concat()));
    let exact = |more: &[&str]| {
        ircpm(dir.path(), &[&["sample", "run", "--exact", "-n", "4000", "--seed", "3"][..], more].concat())
    };
    let early = exact(&[]);
    assert_eq!(early.status.code(), Some(1));
    assert!(complaint(&early).contains("`ircpm certify run --density` proves them"), "{}", complaint(&early));

    let certify = |more: &[&str]| {
        let given = ["certify", "run", "--tolerance", "1", "--density", "--density-tolerance", "0.02"];
        ircpm(dir.path(), &[&given[..], more].concat())
    };
    let output = certify(&["--json", "--threads", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    assert_eq!(stdout(&output), stdout(&certify(&["--json", "--threads", "2"])));
    let proof: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(proof["certified"], true);
    let number = |key: &str| proof["density"][key].as_f64().expect("a number");
    // 2 log(2π I₀(1))
    let log_z = 4.147_583;
    assert!(-number("highest") < log_z && log_z < -number("lowest"), "{proof}");
    let width = number("highest") - number("lowest");
    assert!(width > 1e-3 && width < 0.5, "{proof}");
    let text = stdout(&certify(&[]));
    assert!(text.contains("DENSITY BOUNDED") && text.contains("acceptance"), "{text}");
    assert_eq!(json(&dir.path().join("run/density.json"))["lowest"], proof["density"]["lowest"]);

    // Weights of the model's own samples keep the bounds.
    succeed(&ircpm(dir.path(), &["sample", "run", "-n", "20000", "-o", "model.csv"]));
    let table = fs::read_to_string(dir.path().join("model.csv")).expect("a table");
    for row in table.lines().skip(1) {
        let weight: f64 = row.rsplit(',').next().and_then(|text| text.parse().ok()).expect("a number");
        assert!(-weight >= number("lowest") - 1e-11 && -weight <= number("highest") + 1e-11, "{row}");
    }

    let output = exact(&["--threads", "2"]);
    succeed(&output);
    assert!(printed(&output).contains("of the model's samples were accepted"), "{}", printed(&output));
    let samples = stdout(&output);
    assert_eq!(samples, stdout(&exact(&["--threads", "1"])));
    let rows = rows(&samples);
    assert_eq!((rows.len(), samples.lines().next()), (4000, Some("theta1,theta2,energy")));
    for (k, mode) in [4.18, 5.96].into_iter().enumerate() {
        // Above 1.95 in one of a thousand.
        let statistic = kolmogorov(rows.iter().map(|row| row[k]).collect(), &cumulative(mode));
        assert!(statistic < 1.95, "{statistic}");
    }
    let fewer = ircpm(dir.path(), &["sample", "run", "--exact", "-n", "100", "--seed", "3"]);
    assert!(samples.starts_with(&stdout(&fewer)));

    // Bounds of another state are not taken.
    let path = dir.path().join("run/density.json");
    let stored = json(&path);
    let checksum = stored["checkpoint"].as_str().expect("a text");
    let other = fs::read_to_string(&path).expect("a file").replace(checksum, "00000000");
    fs::write(&path, other).expect("a writable folder");
    assert!(complaint(&exact(&[])).contains("as it is now"), "{}", complaint(&exact(&[])));

    // A budget that is too small proves less, and says so.
    let given = ["--tolerance", "1", "--density", "--density-tolerance", "1e-300", "--cells", "3000"];
    let output = ircpm(dir.path(), &[&["certify", "run"], &given[..]].concat());
    assert_eq!(output.status.code(), Some(4), "{}", printed(&output));
    assert!(stdout(&output).contains("but not within --density-tolerance"), "{}", printed(&output));
}

/// A sample of the mixture of three products of von Mises laws, drawn from its definition.
fn multi_modal(generator: &mut Generator) -> [f64; 2] {
    const MODES: [[f64; 2]; 3] = [[0.21, 2.85], [1.89, 6.18], [3.77, 1.56]];
    let mode = MODES[generator.below(3)];
    let mut uniform = || (generator.next_u64() >> 11) as f64 * 2_f64.powi(-53);
    mode.map(|mode| {
        loop {
            let angle = TAU * uniform();
            if uniform().ln() <= (angle - mode).cos() - 1.0 {
                return angle;
            }
        }
    })
}

/// Smirnov's statistic of two samples, in units of its scale.
fn smirnov(mut x: Vec<f64>, mut y: Vec<f64>) -> f64 {
    x.sort_by(f64::total_cmp);
    y.sort_by(f64::total_cmp);
    let (n, m) = (x.len() as f64, y.len() as f64);
    let below = |all: &[f64], x: f64| all.partition_point(|&y| y <= x) as f64;
    let gap = |&at: &f64| (below(&x, at) / n - below(&y, at) / m).abs();
    x.iter().chain(&y).map(gap).fold(0.0, f64::max) * (n * m / (n + m)).sqrt()
}

#[test]
fn ten_thousand_exact_samples_are_those_of_the_target() {
    let dir = folder();
    succeed(&ircpm(
        dir.path(),
        &["train", "torus-multi-modal", "--out", "run", "--set", "evaluation.pictures=false"],
    ));
    let output = ircpm(dir.path(), &["certify", "run", "--tolerance", "1", "--density", "--json"]);
    succeed(&output);
    let proof: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let end = |key: &str| proof["density"][key].as_f64().expect("a number");
    let (lowest, highest) = (end("lowest"), end("highest"));
    assert!(highest - lowest < 0.01 && -highest < 4.147_583 && 4.147_583 < -lowest, "{proof}");

    let output = ircpm(dir.path(), &["sample", "run", "--exact", "-n", "10000", "--seed", "11"]);
    succeed(&output);
    let samples = rows(&stdout(&output));
    let mut generator = Generator::from_seed(12);
    let reference: Vec<[f64; 2]> = (0..10_000).map(|_| multi_modal(&mut generator)).collect();
    let functions: [fn(f64, f64) -> f64; 5] =
        [|a, _| a, |_, b| b, |a, b| (a + b) % TAU, |a, b| (a - b).rem_euclid(TAU), |a, b| a.cos() * b.sin()];
    for (number, f) in functions.iter().enumerate() {
        let x = samples.iter().map(|row| f(row[0], row[1])).collect();
        let statistic = smirnov(x, reference.iter().map(|y| f(y[0], y[1])).collect());
        // Above 1.95 in one of a thousand.
        assert!(statistic < 1.95, "function {number}: {statistic}");
    }
}

#[test]
fn a_density_on_a_sphere_is_bounded_and_sampled_exactly() {
    let dir = folder();
    // A von Mises–Fisher law.
    let config = "\
        [target]\nmanifold = \"S2\"\nenergy = \"-1.5 * x3\"\n\
        [model]\nlayers = 1\nhidden = [8]\n[training]\ngoal = 1e-3\n[evaluation]\npictures = false\n";
    fs::write(dir.path().join("run.toml"), config).expect("a writable folder");
    succeed(&ircpm(dir.path(), &["train", "run.toml", "--out", "run"]));
    let given = ["certify", "run", "--tolerance", "1", "--density", "--density-tolerance", "0.02", "--json"];
    let output = ircpm(dir.path(), &given);
    succeed(&output);
    let proof: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let end = |key: &str| proof["density"][key].as_f64().expect("a number");
    // log(4π sinh(κ)/κ)
    let log_z = (2.0 * TAU * 1.5_f64.sinh() / 1.5).ln();
    assert!(-end("highest") < log_z && log_z < -end("lowest"), "{proof} {log_z}");
    assert!(end("highest") - end("lowest") < 0.5, "{proof}");

    let output = ircpm(dir.path(), &["sample", "run", "--exact", "-n", "4000", "--seed", "3"]);
    succeed(&output);
    let samples = rows(&stdout(&output));
    // The height is distributed as log(e⁻ᵏ + u (eᵏ − e⁻ᵏ))/κ with u uniform, and the longitude uniformly.
    let height = |row: &Vec<f64>| (1.5 * row[2]).exp();
    let (low, high) = ((-1.5_f64).exp(), 1.5_f64.exp());
    let uniform = [
        samples.iter().map(|row| TAU * (height(row) - low) / (high - low)).collect(),
        samples.iter().map(|row| row[1].atan2(row[0]).rem_euclid(TAU)).collect(),
    ];
    let table: Vec<f64> = (0..=20_000).map(|i| f64::from(i) / 20_000.0).collect();
    for of_turn in uniform {
        // Above 1.95 in one of a thousand.
        let statistic = kolmogorov(of_turn, &table);
        assert!(statistic < 1.95, "{statistic}");
    }
}

#[test]
fn a_density_of_points_has_no_target() {
    let dir = folder();
    let rows: String = (0..60).map(|i| format!("{}\n", 3.0 + (0.7 * f64::from(i)).sin())).collect();
    fs::write(dir.path().join("points.csv"), format!("a\n{rows}")).expect("a writable folder");
    let given = ["--manifold", "T1", "--unit", "rad", "--out", "run", "--set", "evaluation.pictures=false"];
    let fitted = ircpm(dir.path(), &[&["fit", "points.csv"][..], &given].concat());
    assert!(matches!(fitted.status.code(), Some(0 | 4)), "{}", printed(&fitted));
    for command in [&["certify", "run", "--density"][..], &["sample", "run", "--exact"]] {
        let refused = ircpm(dir.path(), command);
        assert_eq!(refused.status.code(), Some(1));
        assert!(complaint(&refused).contains("no energy"), "{}", complaint(&refused));
    }
}

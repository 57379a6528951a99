//! The stories of `docs/stories.md`: a shell runs the page's commands, and their results are compared with known ones.

use std::f64::consts::TAU;
use std::path::Path;
use std::process::Command;
use std::{env, fs, iter};

use tempfile::TempDir;

use crate::files::{npz, table};
use crate::{folder, json, succeed};

/// The commands under a heading of the page, in their order.
fn commands(heading: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/stories.md");
    let page = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).expect("the heading");
    let blocks = section.split("<!-- test -->\n```sh\n").skip(1);
    let blocks: Vec<&str> = blocks.map(|rest| rest.split("```").next().unwrap_or_default()).collect();
    assert_eq!(blocks.len(), 2, "{heading}: commands that train, and commands that use what was trained");
    blocks.concat()
}

/// The folder in which a shell has run the commands under a heading, beside the tables of the examples.
fn tell(heading: &str) -> TempDir {
    let dir = folder();
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data");
    for name in ["dihedrals.csv", "places.csv"] {
        fs::copy(tables.join(name), dir.path().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    let programs = Path::new(env!("CARGO_BIN_EXE_ircpm")).parent().expect("a folder").to_path_buf();
    let others = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(iter::once(programs).chain(env::split_paths(&others))).expect("a PATH");
    let shell = Command::new("sh")
        .args(["-ec", &commands(heading)])
        .current_dir(dir.path())
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .output();
    succeed(&shell.unwrap_or_else(|e| panic!("no shell: {e}")));
    dir
}

/// The report of a run whose model is a density, and whose pictures are there.
fn sound_report(run: &Path) -> serde_json::Value {
    let report = json(&run.join("report.json"));
    assert_eq!((&report["status"], &report["folded"]), (&"sound".into(), &false.into()), "{report}");
    assert!(report["mass"].as_f64().is_some_and(|mass| (mass - 1.0).abs() < 1e-6), "{report}");
    for picture in ["density.png", "samples.png"] {
        let bytes = fs::read(run.join(picture)).unwrap_or_else(|e| panic!("{picture}: {e}"));
        assert!(bytes.starts_with(b"\x89PNG"), "{picture}");
    }
    report
}

/// Names of the columns and rows of a file.
fn rows(dir: &TempDir, name: &str) -> (Vec<String>, Vec<Vec<f64>>) {
    table(&fs::read_to_string(dir.path().join(name)).unwrap_or_else(|e| panic!("{name}: {e}")))
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

#[test]
fn physicist_has_the_free_energy_and_averages_of_a_quadrature() {
    let dir = tell("A physicist");
    let energy = |a: f64, b: f64| -(a - b).cos() + 0.6 * ((2.0 * a).cos() + (2.0 * b).cos()) - 0.3 * a.cos();
    // Sums over a grid of a periodic analytic function converge geometrically.
    let grid: Vec<f64> = (0..64).map(|i| TAU * f64::from(i) / 64.0).collect();
    let (mut z, mut first) = (0.0, 0.0);
    for (a, b) in grid.iter().flat_map(|a| grid.iter().map(move |b| (*a, *b))) {
        let cell = (-energy(a, b)).exp() * (TAU / 64.0).powi(2);
        z += cell;
        first += cell * a.cos();
    }
    let (log_z, cosine) = (z.ln(), first / z);

    let report = sound_report(&dir.path().join("rotors"));
    let number = |key: &str| report[key].as_f64().unwrap_or_else(|| panic!("{key}: {report}"));
    assert!(report["end"] == "goal" && number("ess") > 0.999, "{report}");
    assert!((number("log_z") - log_z).abs() < 6.0 * number("log_z_se"), "{log_z}: {report}");

    let samples = npz(&dir.path().join("rotors.npz"));
    let (shape, points) = &samples["points.npy"];
    assert_eq!(shape, "(20000, 2)");
    let (_, log_q) = &samples["log_q.npy"];
    let (_, log_weights) = &samples["log_weight.npy"];
    let (mut weights, mut weighted) = (0.0, 0.0);
    for ((point, log_q), log_weight) in points.as_chunks::<2>().0.iter().zip(log_q).zip(log_weights) {
        let [a, b] = *point;
        assert!((log_weight + energy(a, b) + log_q).abs() < 1e-9, "{a}, {b}: {log_q}, {log_weight}");
        let weight = (log_weight - log_z).exp();
        weights += weight;
        weighted += weight * a.cos();
    }
    // The variance of the cosine is 0.34; its mean over n independent samples is within 5 standard errors.
    let within = |n: f64| 5.0 * (0.34 / n).sqrt();
    assert!((weighted / weights - cosine).abs() < within(2e4), "{} and {cosine}", weighted / weights);

    let (shape, points) = &npz(&dir.path().join("chain.npz"))["points.npy"];
    assert_eq!(shape, "(4, 10000, 2)");
    let of_chain = mean(points.as_chunks::<2>().0.iter().map(|point| point[0].cos()));
    assert!((of_chain - cosine).abs() < within(4e4), "{of_chain} and {cosine}");
}

#[test]
fn biologist_tells_usual_conformations_from_strange_ones() {
    let dir = tell("A biologist");
    let report = sound_report(&dir.path().join("dihedrals"));
    assert_eq!(report["held_out_points"], 40);
    let (names, log_q) = rows(&dir, "others-log-q.csv");
    assert_eq!((&names[..], log_q.len()), (&["log_q".to_owned()][..], 3));
    let (helix, sheet, strange) = (log_q[0][0], log_q[1][0], log_q[2][0]);
    assert!(helix > sheet && sheet > strange + 3.0, "{log_q:?}");

    let (names, samples) = rows(&dir, "dihedrals-samples.csv");
    assert_eq!((names.join(","), samples.len()), ("phi,psi,log_q".to_owned(), 5000));
    assert!(samples.iter().all(|row| row[..2].iter().all(|angle| (-180.0..180.0).contains(angle))));
    // The law of the page has a share of 0.445 within 30 degrees of the helix; its standard error in 400 rows is 0.025.
    let near = |angle: f64, centre: f64| (angle - centre).to_radians().cos() > f64::to_radians(30.0).cos();
    let helix = samples.iter().map(|row| f64::from(near(row[0], -63.0) && near(row[1], -43.0)));
    let share = mean(helix);
    assert!((share - 0.445).abs() < 0.075, "{share} of the samples");
}

#[test]
fn geologist_has_samples_about_the_same_centre_as_the_places() {
    let dir = tell("A geologist");
    let report = sound_report(&dir.path().join("places"));
    assert_eq!(report["held_out_points"], 30);
    let (names, log_q) = rows(&dir, "towns-log-q.csv");
    assert_eq!((&names[..], log_q.len()), (&["log_q".to_owned()][..], 3));
    assert!(log_q[0][0] > log_q[1][0] && log_q[1][0] > log_q[2][0] + 2.0, "{log_q:?}");

    let (names, samples) = rows(&dir, "places-samples.csv");
    assert_eq!((names.join(","), samples.len()), ("latitude,longitude,log_q".to_owned(), 5000));
    let within = |x: f64, limit: f64| x.abs() <= limit;
    assert!(samples.iter().all(|row| within(row[0], 90.0) && within(row[1], 180.0)));
    let (_, data) = rows(&dir, "places.csv");
    let unit = |degrees: &[f64]| {
        let (latitude, longitude) = (degrees[0].to_radians(), degrees[1].to_radians());
        [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
    };
    for i in 0..3 {
        let of_data = mean(data.iter().map(|row| unit(&row[1..])[i]));
        let of_samples = mean(samples.iter().map(|row| unit(row)[i]));
        // The standard error of 300 places is 0.04.
        assert!((of_samples - of_data).abs() < 0.08, "x{}: {of_samples} and {of_data}", i + 1);
    }
}

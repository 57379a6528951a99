//! Points come out in the units, and with the names, in which they went in.

use std::fs;
use std::path::Path;

use crate::files::{npz, table};
use crate::{complaint, folder, ircpm, printed, stdout, succeed};

const FEW: [&str; 6] =
    ["--set", "evaluation.samples=2048", "--set", "evaluation.uniform=2048", "--set", "model.layers=1"];

/// A run in the folder `run`, fitted to a file of this text.
fn fitted(dir: &Path, text: &str, options: &[&str]) {
    fs::write(dir.join("p.csv"), text).expect("a writable folder");
    let output = ircpm(dir, &[&["fit", "p.csv", "--out", "run"], options, &FEW].concat());
    assert!(matches!(output.status.code(), Some(0 | 4)), "{}", printed(&output));
}

/// What a command writes to standard output, and what it says.
fn of(dir: &Path, args: &[&str]) -> (Vec<String>, Vec<Vec<f64>>, String) {
    let output = ircpm(dir, args);
    succeed(&output);
    let (names, rows) = table(&stdout(&output));
    (names, rows, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn samples_of_degrees_are_degrees_and_go_on_to_every_command_without_options() {
    let dir = folder();
    let dir = dir.path();
    let angle = |i: i32, phase: f64| -60.0 + 50.0 * (f64::from(i) + phase).sin();
    let rows: String =
        (0..60).map(|i| format!("{i},{:.2},{:.2}\n", angle(i, 0.0), angle(2 * i, 1.0))).collect();
    let options = ["--manifold", "T2", "--unit", "deg", "--columns", "phi,psi"];
    fitted(dir, &format!("frame,phi,psi\n{rows}"), &options);
    let config = fs::read_to_string(dir.join("run/config.toml")).expect("a file");
    assert!(
        config.contains("[data.notation]") && config.contains("columns = [\"phi\", \"psi\"]"),
        "{config}"
    );

    let (names, samples, said) = of(dir, &["sample", "run", "-n", "50"]);
    assert_eq!(names, ["phi", "psi", "log_q"]);
    assert!(
        said.contains("phi, psi: angles in degrees from -180 to 180; densities are per radian"),
        "{said}"
    );
    assert!(samples.iter().all(|row| row[..2].iter().all(|x| (-180.0..180.0).contains(x))));
    assert!(samples.iter().any(|row| row[0] < -20.0));
    for ending in ["csv", "npz"] {
        let [s, b, y] = ["s", "b", "y"].map(|name| format!("{name}.{ending}"));
        succeed(&ircpm(dir, &["sample", "run", "-n", "50", "-o", &s]));
        let (_, densities, _) = of(dir, &["log-prob", "run", &s]);
        succeed(&ircpm(dir, &["inverse", "run", &s, "-o", &b]));
        succeed(&ircpm(dir, &["transform", "run", &b, "-o", &y]));
        let images = match ending {
            "csv" => table(&fs::read_to_string(dir.join(&y)).expect("a file")).1.concat(),
            _ => {
                let points = npz(&dir.join(&y));
                let rows = points["points.npy"].1.chunks(2).zip(&points["log_det.npy"].1);
                rows.flat_map(|(point, log_det)| [point[0], point[1], *log_det]).collect()
            }
        };
        for ((sample, density), image) in samples.iter().zip(&densities).zip(images.chunks(3)) {
            assert!((sample[2] - density[0]).abs() < 1e-6, "{ending}: {sample:?}, {density:?}");
            let turn = |i: usize| (sample[i] - image[i]).to_radians().cos();
            assert!(turn(0) > 1.0 - 1e-9 && turn(1) > 1.0 - 1e-9, "{ending}: {sample:?}, {image:?}");
        }
    }
    // The file of the fit is read again, and so is what was asked for in radians.
    let (_, densities, said) = of(dir, &["log-prob", "run", "p.csv"]);
    assert!(
        densities.len() == 60 && said.contains("angles are degrees: the points of the run are"),
        "{said}"
    );
    let (names, radians, _) = of(dir, &["sample", "run", "-n", "50", "--unit", "rad"]);
    assert_eq!(names, ["phi [rad]", "psi [rad]", "log_q"]);
    for (degrees, radians) in samples.iter().zip(&radians) {
        assert!((degrees[0].to_radians() - radians[0]).abs() < 1e-12 && degrees[2] == radians[2]);
    }
    succeed(&ircpm(dir, &["sample", "run", "-n", "50", "--unit", "rad", "-o", "r.csv"]));
    let (_, again, _) = of(dir, &["log-prob", "run", "r.csv"]);
    assert!(radians.iter().zip(&again).all(|(sample, density)| (sample[2] - density[0]).abs() < 1e-6));
    fs::copy(dir.join("run/points.npy"), dir.join("copy.npy")).expect("a file");
    let said = complaint(&ircpm(dir, &["log-prob", "run", "copy.npy"]));
    assert!(said.contains("angles of this run are in degrees, but all here are within ±2π"), "{said}");
    let (_, known, _) = of(dir, &["log-prob", "run", "copy.npy", "--unit", "rad"]);
    // The run knows how its own copy is written.
    assert_eq!(of(dir, &["log-prob", "run", "run/points.npy"]).1, known);
}

#[test]
fn samples_of_latitudes_are_latitudes_and_unit_vectors_where_they_are_asked_for() {
    let dir = folder();
    let dir = dir.path();
    let place = |i: i32| {
        format!("{:.2},{:.2}\n", 40.0 + 20.0 * f64::from(i).sin(), -70.0 + 30.0 * f64::from(2 * i).cos())
    };
    let rows: String = (0..60).map(place).collect();
    fitted(dir, &format!("lat,lon\n{rows}"), &["--manifold", "S2", "--lat-lon"]);
    let (names, samples, said) = of(dir, &["sample", "run", "-n", "50"]);
    assert_eq!(names, ["lat", "lon", "log_q"]);
    assert!(said.contains("latitudes and longitudes in degrees, these from -180 to 180"), "{said}");
    succeed(&ircpm(dir, &["sample", "run", "-n", "50", "-o", "s.csv"]));
    succeed(&ircpm(dir, &["sample", "run", "-n", "50", "--lat-lon=no", "-o", "v.csv"]));
    let (names, vectors) = table(&fs::read_to_string(dir.join("v.csv")).expect("a file"));
    assert_eq!(names, ["x1", "x2", "x3", "log_q"]);
    for file in ["s.csv", "v.csv"] {
        let (_, densities, _) = of(dir, &["log-prob", "run", file]);
        for ((sample, vector), density) in samples.iter().zip(&vectors).zip(&densities) {
            assert!((sample[2] - density[0]).abs() < 1e-6, "{file}: {sample:?}, {density:?}");
            assert!((sample[0].to_radians().sin() - vector[2]).abs() < 1e-12, "{sample:?}, {vector:?}");
        }
    }
    let (_, densities, _) = of(dir, &["log-prob", "run", "run/points.npy"]);
    assert_eq!(densities.len(), 60);
    let said = complaint(&ircpm(dir, &["sample", "run", "--unit", "deg"]));
    assert!(said.contains("`unit` is for angles, and S2 has none"), "{said}");
}

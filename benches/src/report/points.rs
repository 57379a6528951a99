//! Densities of points, beside a kernel density and a mixture on the same split.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use cpu_time::ProcessTime;
use ircpm_manifolds::AnyManifold;
use ircpm_train::baseline::{KernelDensity, Mixture, mean_log_density};
use ircpm_train::config::EvaluationConfig;
use ircpm_train::convex::{LinearDensity, LinearOptions};
use ircpm_train::evaluation::evaluate;
use ircpm_train::points::Generator;
use ircpm_train::training::Source;

use crate::samples::{caps, two_peaks, von_mises_points};
use crate::table::Table;

/// Data sets with splits in a folder beside the repository: name, variant of the split, manifold.
const SETS: [(&str, &str, &str); 6] = [
    ("top8000_cispro", "raw", "T2"),
    ("top8000_cys", "raw", "T2"),
    ("earth_quakes", "distinct", "S2"),
    ("earth_volcano", "distinct", "S2"),
    ("earth_quakes", "raw", "S2"),
    ("top8000_arg-1p", "raw", "T6"),
];
const SEEDS: u64 = 3;

/// Points to learn from, to validate with (if any) and to measure on.
struct Split {
    name: String,
    manifold: AnyManifold,
    train: Vec<f64>,
    validation: Vec<f64>,
    held_out: Vec<f64>,
    /// Mean log-density of the true law at the held-out points, where it is known.
    truth: Option<f64>,
}

/// Measures every case; data sets only where the folder is there.
pub(super) fn table() -> Table {
    let mut table = Table::new(
        "Densities of points: mean log-density of held-out points in nats",
        &[
            "case",
            "flow",
            "true law",
            "kernel",
            "mixture",
            "layers",
            "mass − 1",
            "smallest eigenvalue",
            "wall s",
            "CPU s",
        ],
    );
    for seed in 0..SEEDS {
        synthetic(seed).iter().for_each(|split| table.row(measure(split, seed)));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !folder.is_dir() {
        table.remark(
            "The real data sets are left out: there is no folder ../shared/data beside the repository.",
        );
        return table;
    }
    for (set, variant, manifold) in SETS {
        for seed in 0..SEEDS {
            match read(&folder, set, variant, manifold, seed) {
                Some(split) => table.row(measure(&split, seed)),
                None => {
                    table.remark(format!("{set} {variant} {seed} is left out: it has no file or no split."));
                }
            }
        }
    }
    table.remark(
        "Splits as in ../shared/data/splits; validation points choose, and are then learned from as well.",
    );
    table
}

fn synthetic(seed: u64) -> Vec<Split> {
    let mut out = Vec::new();
    let mut rng = Generator::from_seed(1000 + seed);
    for (count, kappa) in [(1000, 2.0), (1000, 4.0), (1000, 20.0), (1000, 100.0), (30, 2.0), (30, 4.0)] {
        let (train, _) = von_mises_points(count, kappa, &mut rng);
        let (held_out, truth) = von_mises_points(20_000, kappa, &mut rng);
        out.push(split(format!("von Mises κ = {kappa}, {count} points"), "T1", train, held_out, truth));
    }
    let ((train, _), (held_out, truth)) = (caps(3000, 8.0, &mut rng), caps(20_000, 8.0, &mut rng));
    out.push(split("two caps κ = 8, 3000 points".to_owned(), "S2", train, held_out, truth));
    let ((train, _), (held_out, truth)) = (two_peaks(1000, &mut rng), two_peaks(20_000, &mut rng));
    out.push(split("N(3, 0.3) and N(9, 0.3), 1000 points".to_owned(), "R1", train, held_out, truth));
    out
}

fn split(name: String, manifold: &str, train: Vec<f64>, held_out: Vec<f64>, truth: f64) -> Split {
    let manifold = manifold.parse().expect("a manifold");
    Split { name, manifold, train, validation: vec![], held_out, truth: Some(truth) }
}

/// Points of a file by the labels of its split: t training, v validation, h held out.
fn read(folder: &Path, set: &str, variant: &str, manifold: &str, seed: u64) -> Option<Split> {
    let rows = std::fs::read_to_string(folder.join(format!("{set}.csv"))).ok()?;
    let path: PathBuf = folder.join(format!("splits/{set}_{variant}_{seed}.txt"));
    let labels: Vec<char> =
        std::fs::read_to_string(path).ok()?.chars().filter(|label| !label.is_whitespace()).collect();
    let [mut train, mut validation, mut held_out] = [vec![], vec![], vec![]];
    for (row, label) in rows.lines().skip(1).zip(labels) {
        let degrees: Vec<f64> = row.split(',').map(|x| x.trim().parse().ok()).collect::<Option<_>>()?;
        let angles: Vec<f64> = degrees.iter().map(|x: &f64| x.to_radians()).collect();
        let point = match (manifold, &angles[..]) {
            ("S2", &[lat, lon]) => vec![lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()],
            _ => angles.iter().map(|x| x.rem_euclid(std::f64::consts::TAU)).collect(),
        };
        match label {
            't' => train.extend(point),
            'v' => validation.extend(point),
            'h' => held_out.extend(point),
            _ => {}
        }
    }
    let name = format!("{set} {variant}, split {seed}");
    Some(Split { name, manifold: manifold.parse().ok()?, train, validation, held_out, truth: None })
}

fn measure(split: &Split, seed: u64) -> Vec<String> {
    let Split { name, manifold, train, validation, held_out, truth } = split;
    let (wall, cpu, stop) = (Instant::now(), ProcessTime::now(), AtomicBool::new(false));
    let mut options = LinearOptions::default();
    options.seed = seed;
    let fit = LinearDensity::fit(manifold, train, validation, &options, &stop, &mut |_| ()).expect("kernels");
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
    let all = [&train[..], validation].concat();
    let source = Source::points(&all, held_out);
    let settings = EvaluationConfig::default();
    let e = evaluate(&fit.flow, &fit.theta, source, &settings, &stop).expect("an evaluation");
    let kernel = KernelDensity::fit(manifold, &all, seed).map(|k| k.log_density(held_out));
    let mixture = Mixture::fit(manifold, &all, seed).map(|m| m.log_density(held_out));
    let shown = |densities: Result<Vec<f64>, _>| {
        densities
            .ok()
            .and_then(|d: Vec<f64>| mean_log_density(&d))
            .map_or("–".to_owned(), |m| format!("{:.4}", m.value))
    };
    let flow = match e.held_out {
        Some(l) if e.is_density() => format!("{:.4} ± {:.4}", l.value, l.standard_error),
        _ => "not a density".to_owned(),
    };
    let error = e.mass.standard_error.map_or(String::new(), |se| format!(" ± {se:.0e}"));
    let row = vec![
        name.clone(),
        flow,
        truth.map_or("–".to_owned(), |truth| format!("{truth:.4}")),
        shown(kernel.map_err(drop)),
        shown(mixture.map_err(drop)),
        fit.flow.layers().to_string(),
        format!("{:.1e}{error}", e.mass.value - 1.0),
        format!("{:.1e}", e.fold.min_eigenvalue),
        format!("{wall:.1}"),
        format!("{cpu:.1}"),
    ];
    // A table of many minutes: each row is shown when it is known.
    eprintln!("{}", row.join(" | "));
    row
}

//! `ircpm bounds`.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use clap::Args;
use ircpm_flow::{Condition, Extreme, LayerBounds};
use serde::Serialize;

use super::CliError;
use super::model::open_model;
use super::sample::number;
use super::threads::Threads;
use crate::bounds::potential_bounds;
use crate::program::RunError;
use crate::program::output::show;
use crate::program::progress::count_bar;
use crate::report::Status;

pub(super) const EXAMPLES: &str = "\
Examples:
  ircpm bounds runs/sphere-four-mode-stack-1
  ircpm bounds runs/sphere-four-mode-stack-1 -n 1e7 --json

For every layer with parameters of its own, over points that are spread evenly over the manifold: K, the largest length
of the gradient of psi, on every factor of the manifold; the largest operator norm of its Hessian; the smallest
eigenvalue of H; and where they are. From these follow three conditions, each weaker than the one before, under which
the map is one-to-one:
  within 2K   |Hess psi| is below the cost's Hessian up to 2K from x (the paper's Lemmas 3 and 4), on spheres 2K cot 2K
  within K    the same up to K, the farthest that an image lies: descent from x finds the one minimum
  pointwise   H is positive definite and |grad psi| below the injectivity radius at every point
The first two are known for products of tori, spheres and R^n. A largest value over points is at most that over the
manifold: more points are better evidence, and none are proof. On R^n the points are normal. The same seed gives the
same bits on any number of threads, and fewer points are the beginning of more. The exit status is 3 if the map folds at
a point, else 0.";

/// Time after which progress is shown.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct Bounds {
    /// Folder of the run
    run: PathBuf,
    /// Number of points
    #[arg(long, short, value_name = "N", default_value = "1_000_000", value_parser = number)]
    number: usize,
    /// Seed of the points
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

/// What is said of a run.
#[derive(Serialize)]
struct Summary {
    manifold: String,
    points: usize,
    seed: u64,
    /// Whether all layers have the same parameters, so that one of them stands for all.
    shared: bool,
    layers: Vec<Layer>,
}

#[derive(Serialize)]
struct Layer {
    /// From 1.
    layer: usize,
    /// Points off the manifold, or where a derivative is not finite.
    undefined: usize,
    folds: usize,
    gradients: Vec<Gradient>,
    hessian: Value,
    eigenvalue: Value,
    /// None where the cost's Hessian is not known.
    within_2k: Option<Bound>,
    within_k: Option<Bound>,
    pointwise: bool,
}

#[derive(Serialize)]
struct Gradient {
    factor: String,
    /// Null where there is none.
    injectivity_radius: Option<f64>,
    #[serde(flatten)]
    value: Value,
}

#[derive(Serialize)]
struct Value {
    value: f64,
    point: Vec<f64>,
}

#[derive(Serialize)]
struct Bound {
    /// What the norm of the Hessian must stay below; null where no Hessian would do.
    allowed: f64,
    holds: bool,
}

/// Does what the arguments say; returns the exit status.
pub(super) fn bounds(args: &Bounds, stop: &AtomicBool) -> Result<u8, CliError> {
    args.threads.start()?;
    let (model, standing) = open_model(&args.run)?;
    if model.flow.manifold().contexts() > 0 {
        return Err(CliError::ConditionalBounds { run: args.run.clone() });
    }
    let (bar, start) = (count_bar("points", args.number), Instant::now());
    let found = potential_bounds(&model.flow, &model.theta, args.number, args.seed, stop, &mut |done| {
        if start.elapsed() > PATIENCE {
            bar.set_position(done as u64);
        }
    });
    bar.finish_and_clear();
    let found = found.ok_or(RunError::Stopped)?;
    let regular = found.iter().all(LayerBounds::is_regular);
    let summary = Summary {
        manifold: model.flow.manifold().to_string(),
        points: args.number,
        seed: args.seed,
        shared: model.flow.is_shared() && model.flow.layers() > 1,
        layers: found.iter().map(Layer::of).collect(),
    };
    if args.json {
        show(serde_json::to_string_pretty(&summary).expect("a summary has string keys only") + "\n")?;
    } else {
        show(&summary)?;
    }
    Ok(if regular { standing.code() } else { Status::NotADensity.code() })
}

impl Layer {
    fn of(bounds: &LayerBounds) -> Self {
        let value = |extreme: &Extreme| Value { value: extreme.value, point: extreme.point.clone() };
        let bound = |Condition { allowed, holds, .. }| Bound { allowed, holds };
        let gradients = bounds.gradients.iter().map(|found| Gradient {
            factor: found.factor.clone(),
            injectivity_radius: Some(found.radius).filter(|radius| radius.is_finite()),
            value: value(&found.gradient),
        });
        Self {
            layer: bounds.layer + 1,
            undefined: bounds.undefined,
            folds: bounds.folds,
            gradients: gradients.collect(),
            hessian: value(&bounds.hessian),
            eigenvalue: value(&bounds.eigenvalue),
            within_2k: bounds.coarse().map(bound),
            within_k: bounds.sharp().map(bound),
            pointwise: bounds.is_regular(),
        }
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let point: Vec<String> = self.point.iter().map(|x| format!("{x:.4}")).collect();
        write!(f, "{:<10.6} at ({})", self.value, point.join(", "))
    }
}

impl Display for Bound {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let verdict = if self.holds { "holds" } else { "fails" };
        match self.allowed {
            allowed if allowed > 0.0 => write!(f, "{verdict}: |Hess psi| must be below {allowed:.6}"),
            _ => write!(f, "{verdict}: |grad psi| is too large for any Hessian"),
        }
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "bounds over {} points of {}, seed {}", self.points, self.manifold, self.seed)?;
        for layer in &self.layers {
            if self.shared {
                writeln!(f, "every layer")?;
            } else {
                writeln!(f, "layer {}", layer.layer)?;
            }
            layer.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Layer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "  {name:<18} {value}");
        for Gradient { factor, injectivity_radius, value } in &self.gradients {
            let radius = injectivity_radius.map(|r| format!(", of {r:.4} rad")).unwrap_or_default();
            row("max |grad psi|", format!("{value} on {factor}{radius}"))?;
        }
        row("max |Hess psi|", self.hessian.to_string())?;
        row("min eigenvalue", format!("{} of H", self.eigenvalue))?;
        for (name, bound) in [("within 2K", &self.within_2k), ("within K", &self.within_k)] {
            row(name, bound.as_ref().map_or("not known for this manifold".to_owned(), Bound::to_string))?;
        }
        row(
            "pointwise",
            match (self.pointwise, self.undefined) {
                (true, _) => "holds".to_owned(),
                (false, 0) => format!("fails: the map folds at {} points", self.folds),
                (false, undefined) => {
                    format!("fails: it folds at {} points and is not finite at {undefined}", self.folds)
                }
            },
        )
    }
}

//! The results as a table for people.

use std::fmt::{self, Display, Formatter, Write};

use ircpm_manifolds::AnyManifold;

use super::json::Report;
use super::machine;
use super::status::Status;
use crate::evaluation::Likeness;
use crate::positivity::Positivity;
use crate::training::End;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title())?;
        self.warnings(f)?;
        self.findings.iter().try_for_each(|finding| writeln!(f, "  POINTS: {finding}"))?;
        let mut row = |name: &str, value: String| writeln!(f, "  {name:<18} {value}");
        if let (Some(ess), Some(se)) = (self.ess, self.ess_se) {
            let base =
                self.uniform_ess.map(|ess| format!("   (base {:.2} %)", 100.0 * ess)).unwrap_or_default();
            row("ESS", format!("{:.4} ± {:.4} %{base}", 100.0 * ess, 100.0 * se))?;
        }
        if let (Some(kl), Some(se)) = (self.kl, self.kl_se) {
            row("KL", format!("{kl:.3e} ± {se:.1e} nats"))?;
        }
        if let (Some(log_z), Some(se)) = (self.log_z, self.log_z_se) {
            let exact = self.log_z_exact.map(|z| format!("   (exact {z:.6})")).unwrap_or_default();
            row("log Z", format!("{log_z:.6} ± {se:.6}{exact}"))?;
        }
        if let Some(held_out) = self.held_out() {
            row("held-out log q", held_out)?;
        }
        if let Some(baselines) = self.baselines() {
            row("beside the flow", baselines)?;
        }
        if let (Some(model), Some(halves)) = (self.energy_statistic, self.energy_statistic_of_halves) {
            let distance = if model.is_nan() || halves.is_nan() {
                "none: it is not finite, because the numbers are too far apart".to_owned()
            } else {
                format!("{model:.2} of samples and data (two halves of the data: at most {halves:.2})")
            };
            row("energy distance", distance)?;
        }
        if let Some(share) = self.max_weight_share {
            let tail = self.pareto_k.map(|k| format!(", Pareto k̂ {k:.2}")).unwrap_or_default();
            row("weights", format!("largest share {share:.1e}{tail}"))?;
        }
        row("mass", self.mass())?;
        row("min eigenvalue", format!("{:.3e} of H over all points of the evaluation", self.min_eigenvalue))?;
        if let Some(positivity) = &self.positivity {
            row("on the whole torus", positivity.to_string())?;
        }
        let solves = format!(
            "{:.2} steps on average, worst residual {:.1e}",
            self.solve_steps_mean, self.solve_residual_max
        );
        row("inner solves", solves)?;
        row(
            "parameters",
            format!("{} in {} layer{}", self.params, self.layers, if self.layers == 1 { "" } else { "s" }),
        )?;
        if let Some(end) = self.ended() {
            row("ended", end)?;
        }
        let time = format!("{:.1} s, {:.1} CPU s", self.wall_seconds, self.cpu_seconds);
        row("training", format!("{} steps in {time} ({} threads, {})", self.steps, self.threads, self.isa))
    }
}

impl Report {
    /// Whether the manifold has real coordinates, and so no uniform density.
    fn infinite_volume(&self) -> bool {
        self.manifold.parse::<AnyManifold>().is_ok_and(|manifold| manifold.log_volume().is_none())
    }

    /// The held-out likelihood, with the mass without which it says nothing.
    fn held_out(&self) -> Option<String> {
        let points = self.held_out_points?;
        Some(match (self.held_out_log_likelihood, self.held_out_log_likelihood_se) {
            (Some(l), Some(se)) => format!("{l:.4} ± {se:.4} nats, of a density of mass {}", self.mass()),
            _ if points < 2 => format!(
                "none: {points} point{} held out, at least 2 are needed; give more points, or raise data.held_out",
                if points == 1 { " is" } else { "s are" }
            ),
            _ => format!("none: q is not a density, its mass is {}", self.mass()),
        })
    }

    /// Likelihoods of other estimators on the same points.
    fn baselines(&self) -> Option<String> {
        let kernel = (self.baseline_kernel_log_likelihood, self.baseline_kernel_log_likelihood_se);
        let mixture = (self.baseline_mixture_log_likelihood, self.baseline_mixture_log_likelihood_se);
        let named = [("adaptive kernel density", kernel), ("mixture", mixture)];
        let texts: Vec<String> = named
            .into_iter()
            .filter_map(|(name, (value, se))| Some(format!("{name} {:.4} ± {:.4}", value?, se?)))
            .collect();
        (!texts.is_empty()).then(|| texts.join(", ") + " nats")
    }

    /// The mass with its error.
    fn mass(&self) -> String {
        let error = match (self.mass_se, self.mass_resolution) {
            (Some(se), _) => format!(" ± {se:.1e}"),
            (None, Some(change)) => format!(" (quadrature, to {change:.0e})"),
            (None, None) => String::new(),
        };
        format!("{:.8}{error}", self.mass)
    }

    /// Why least squares ended, and what would take them further.
    fn ended(&self) -> Option<String> {
        let goal = self.goal?;
        Some(match self.end? {
            End::Goal => format!("at the goal, a KL of {goal:.1e}"),
            End::Stalled => format!(
                "above the goal, a KL of {goal:.1e}: neither KL nor the residual fell any more. {}",
                self.advice
            ),
            End::Steps => {
                format!("at the limit of steps, before the goal, a KL of {goal:.1e}; raise training.steps")
            }
        })
    }

    /// What a reader must know before any number.
    fn warnings(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.folded {
            let unreached = match self.unreached {
                0 => String::new(),
                n => format!(", and T(S(y)) is not y at {n}"),
            };
            writeln!(
                f,
                "  FOLDED: H is not positive definite at {:.3} % of the points (smallest eigenvalue {:.3}){unreached}. The \
                 map is not one-to-one,\n  its q is not a density, and the numbers below do not measure one. {}",
                100.0 * self.indefinite_share,
                self.min_eigenvalue,
                self.advice
            )?;
        } else if !self.density {
            writeln!(
                f,
                "  MASS: the integral of q is {}, where a density has one. No fold was seen, so q is sharper than the \
                 points at which it\n  was integrated. Raise evaluation.uniform.",
                self.mass()
            )?;
        }
        if self.density && self.has_heavy_weights() {
            let end = if self.infinite_volume() {
                ", or its integral is infinite:\n  an energy on a manifold of infinite volume has to grow in every direction"
            } else {
                ""
            };
            writeln!(
                f,
                "  WEIGHTS: the Pareto k̂ of the importance weights is {:.2}, above 0.7, so that ESS, KL and log Z and their \
                 errors cannot be trusted.\n  The model misses a part of the density exp(−βu){end}.",
                self.pareto_k.unwrap_or(f64::NAN)
            )?;
        }
        if let (Some(model), Some(halves)) = (self.energy_statistic, self.energy_statistic_of_halves)
            && model > Likeness::FACTOR * halves
        {
            writeln!(
                f,
                "  UNLIKE: the model's samples differ from the data by an energy statistic of {model:.1}, halves of the \
                 data by at most {halves:.1}."
            )?;
        }
        let end = self.end == Some(End::Steps);
        if let Some(reached) = self.beta_reached.filter(|&reached| reached < self.beta && !self.interrupted) {
            writeln!(
                f,
                "  UNFINISHED: training has come to beta {reached:.3} of {:.3}, with a residual of {:.1e} nats for the flatter \
                 density there.\n  {}",
                self.beta,
                self.residual.unwrap_or(f64::NAN),
                if end { "Raise training.steps." } else { &self.advice }
            )?;
        }
        if self.interrupted {
            let beta = self.beta_reached.map(|beta| format!(", at beta {beta:.3} of {:.3}", self.beta));
            let beta = beta.unwrap_or_default();
            writeln!(
                f,
                "  INTERRUPTED after {} steps: training was stopped before its end{beta}. `ircpm resume` goes on.",
                self.steps
            )?;
        }
        if let Some(floor) =
            self.min_eigenvalue_asked.filter(|&floor| self.min_eigenvalue < floor && !self.folded)
        {
            writeln!(
                f,
                "  FLOOR: the smallest eigenvalue of H, {:.4}, is below training.min_eigenvalue = {floor}: to raise it costs \
                 more KL than training gives up.\n  Set model.layers to a larger number, or lower the floor.",
                self.min_eigenvalue
            )?;
        }
        if self.target_raised {
            writeln!(
                f,
                "  RAISED: where the target is nearly empty, the model was asked for a thousandth of the uniform \
                 density, because the map folded there.\n  That bounds the KL that can be reached."
            )?;
        }
        if self.unconverged > 0 {
            let (failed, samples) = (self.unconverged, self.samples);
            writeln!(f, "  UNSOLVED: {failed} of {samples} samples are left out; their inner solve failed.")?;
        }
        Ok(())
    }
}

impl Display for Positivity {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            // Rounded down, so that what is printed is proven too.
            Self::Certified { bound } => {
                write!(f, "certified: no eigenvalue of H is below {:.4}", (bound * 1e4).floor() / 1e4)
            }
            Self::Searched { lowest } => {
                write!(f, "searched, none found: the smallest eigenvalue of H found is {lowest:.4}; no proof")
            }
            Self::Folded { layer, eigenvalue, point } => {
                let shown: Vec<String> = point.iter().take(SHOWN).map(|y| format!("{y:.3}")).collect();
                let rest = if point.len() > SHOWN { ", …" } else { "" };
                write!(
                    f,
                    "folded at ({}{rest}): layer {layer} has the eigenvalue {eigenvalue:.4}",
                    shown.join(", ")
                )
            }
        }
    }
}

/// Angles of a point that are shown.
const SHOWN: usize = 8;

/// Results of several seeds of each preset, as a Markdown table under a line with date and processor.
pub fn markdown(rows: &[(String, Vec<Report>)]) -> String {
    let mut out = format!("{}, {}\n\n", machine::date(), machine::processor());
    out += "| preset | manifold | parameters | seeds | ESS % | KL (nats) | Pareto k̂ | smallest eigenvalue | log Z (exact) | base ESS % | CPU s |\n";
    out += "|---|---|---|---|---|---|---|---|---|---|---|\n";
    for (name, reports) in rows {
        let Some(first) = reports.first() else { continue };
        let column = |f: fn(&Report) -> Option<f64>| reports.iter().filter_map(f).collect::<Vec<f64>>();
        let exact = first.log_z_exact.map(|z| format!(" ({z:.6})")).unwrap_or_default();
        let count = |status: Status| reports.iter().filter(|report| report.status == status).count();
        let flags = [(Status::NotADensity, "not a density"), (Status::Unfinished, "unfinished")];
        let flag = |(status, name)| {
            let runs = count(status);
            if runs > 0 { format!(" **{runs} {name}**") } else { String::new() }
        };
        let flag: String = flags.into_iter().map(flag).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| {name}{flag} | {} | {} | {} | {} | {} | {} | {} | {}{exact} | {} | {} |",
            first.manifold,
            first.params,
            reports.len(),
            spread(&column(|r| r.ess.map(|ess| 100.0 * ess)), |x| format!("{x:.3}")),
            spread(&column(|r| r.kl), |x| format!("{x:.2e}")),
            spread(&column(|r| r.pareto_k), |x| format!("{x:.2}")),
            spread(&column(|r| Some(r.min_eigenvalue)), |x| format!("{x:.4}")),
            spread(&column(|r| r.log_z), |x| format!("{x:.6}")),
            spread(&column(|r| r.uniform_ess.map(|ess| 100.0 * ess)), |x| format!("{x:.1}")),
            spread(&column(|r| Some(r.cpu_seconds)), |x| format!("{x:.1}")),
        );
    }
    out
}

/// Median, with the smallest and the largest if they differ.
fn spread(values: &[f64], show: impl Fn(f64) -> String) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else { return "–".to_owned() };
    let middle = sorted.len() / 2;
    let median =
        if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
    let (low, high, median) = (show(low), show(high), show(median));
    if low == high { median } else { format!("{median} [{low}, {high}]") }
}

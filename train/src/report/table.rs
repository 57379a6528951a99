//! The results as a table for people.

use std::fmt::{self, Display, Formatter, Write};

use super::json::Report;
use super::machine;
use crate::training::End;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title())?;
        self.warnings(f)?;
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
        if let (Some(l), Some(se)) = (self.held_out_log_likelihood, self.held_out_log_likelihood_se) {
            row("held-out log q", format!("{l:.4} ± {se:.4} nats"))?;
        }
        if let Some(share) = self.max_weight_share {
            let tail = self.pareto_k.map(|k| format!(", Pareto k̂ {k:.2}")).unwrap_or_default();
            row("weights", format!("largest share {share:.1e}{tail}"))?;
        }
        let se = self.mass_se.map_or_else(|| " (quadrature)".to_owned(), |se| format!(" ± {se:.1e}"));
        row("mass", format!("{:.8}{se}", self.mass))?;
        row("min eigenvalue", format!("{:.3e} of H over fresh points", self.min_eigenvalue))?;
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
    /// Why least squares ended, and what would take them further.
    fn ended(&self) -> Option<String> {
        let goal = self.goal?;
        Some(match self.end? {
            End::Goal => format!("at the goal, a KL of {goal:.1e}"),
            End::Stalled => format!(
                "above the goal, a KL of {goal:.1e}: neither KL nor the residual fell any more; widen model.hidden, or add to model.layers"
            ),
            End::Steps => {
                format!("at the limit of steps, before the goal, a KL of {goal:.1e}; raise training.steps")
            }
        })
    }

    /// What a reader must know before any number.
    fn warnings(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.folded {
            writeln!(
                f,
                "  FOLDED: H is not positive definite at {:.3} % of fresh points (smallest eigenvalue {:.3}). The map is not \
                 one-to-one,\n  its q is not a density, and the numbers below do not measure one. {}",
                100.0 * self.indefinite_share,
                self.min_eigenvalue,
                match self.beta_reached {
                    Some(_) => "Widen model.hidden, or add to model.layers.",
                    None => "Train with a smaller learning rate or a larger model.output_scale.",
                }
            )?;
        }
        if let Some(reached) = self.beta_reached.filter(|&reached| reached < self.beta && !self.interrupted) {
            writeln!(
                f,
                "  UNFINISHED: training has come to beta {reached:.3} of {:.3}, with a residual of {:.1e} nats for the flatter \
                 density there.\n  Raise training.steps, widen model.hidden, or add to model.layers.",
                self.beta,
                self.residual.unwrap_or(f64::NAN)
            )?;
        }
        if self.interrupted {
            let beta = self.beta_reached.map(|beta| format!(", at beta {beta:.3} of {:.3}", self.beta));
            let beta = beta.unwrap_or_default();
            writeln!(
                f,
                "  INTERRUPTED after {} steps: training was stopped before its end{beta}.",
                self.steps
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

/// Results of several seeds of each preset, as a Markdown table under a line with date and processor.
pub fn markdown(rows: &[(String, Vec<Report>)]) -> String {
    let mut out = format!("{}, {}\n\n", machine::date(), machine::processor());
    out += "| preset | manifold | parameters | seeds | ESS % | KL (nats) | Pareto k̂ | smallest eigenvalue | log Z (exact) | base ESS % | CPU s |\n";
    out += "|---|---|---|---|---|---|---|---|---|---|---|\n";
    for (name, reports) in rows {
        let Some(first) = reports.first() else { continue };
        let column = |f: fn(&Report) -> Option<f64>| reports.iter().filter_map(f).collect::<Vec<f64>>();
        let exact = first.log_z_exact.map(|z| format!(" ({z:.6})")).unwrap_or_default();
        let folded = reports.iter().filter(|report| report.folded).count();
        let flag = if folded > 0 { format!(" **{folded} folded**") } else { String::new() };
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

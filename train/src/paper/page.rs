//! The results page: Markdown.

use std::fmt::Write;

use super::{Outcome, Results, Section, Table};
use crate::estimate::Estimate;

/// The page of all that is there.
pub fn markdown(results: &Results) -> String {
    let mut out = String::from("# The paper's programme\n\n");
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}\n", head(results));
    for section in Section::ALL {
        let of = |outcome: &&Outcome| outcome.row.section == section;
        let outcomes: Vec<&Outcome> = results.outcomes.iter().filter(of).collect();
        if !outcomes.is_empty() {
            rows(&mut out, section, &outcomes, results.quick);
        }
    }
    results.tables.iter().for_each(|found| table(&mut out, found));
    if !results.pictures.is_empty() {
        out += "## Figures\n\n";
    }
    for (file, caption) in &results.pictures {
        let _ = writeln!(out, "![{caption}]({file})\n\n{caption}\n");
    }
    out
}

/// What a reader must know of all tables.
fn head(results: &Results) -> String {
    let mode = if results.quick { "The quick programme: fewer steps, points and seeds." } else { "" };
    let missed = match (results.complete, results.missed()) {
        (false, _) => "**Stopped before the end: what was done by then.**".to_owned(),
        (true, _) if results.outcomes.is_empty() => {
            "No row was trained, so nothing is held against a figure.".to_owned()
        }
        (true, 0) => "Everything that is held against a figure reached it.".to_owned(),
        (true, 1) => "**One missed what it is held against.**".to_owned(),
        (true, n) => format!("**{n} missed what they are held against.**"),
    };
    format!(
        "{}\n\n{mode}{}{missed}\n\nESS and KL(q ‖ p) of random samples of the model, KL by mean(w − 1 − log w) with the exact \
         log Z where it is known; mean ± standard error over the seeds, or of the samples where there is one seed. CPU \
         seconds of training per seed, all threads together. *ESS lost*: the figure is not in the text of the paper that was \
         at hand. *reached*: ESS of at least 99 % (RCPM: the 98.75 % of its authors' log), or for potentials that are a \
         function of the energy alone the least KL that quadrature finds, without a fold at any evaluated point; a dash \
         where a row only shows what happens. The command below a table trains its row again with seed 0, without keys \
         that --set has replaced; --seed gives another.",
        results.machine,
        if mode.is_empty() { "" } else { " " },
    )
}

/// The rows of one section, and their commands.
fn rows(out: &mut String, section: Section, outcomes: &[&Outcome], quick: bool) {
    let _ = writeln!(out, "## {}\n", section.title());
    *out += "| row | target | potential | parameters | seeds | ESS % | KL (nats) | smallest eigenvalue | CPU s | published | reached |\n";
    *out += "|---|---|---|---|---|---|---|---|---|---|---|\n";
    for outcome in outcomes {
        let row = &outcome.row;
        let parameters = outcome.measured().next().map_or("–".to_owned(), |m| m.parameters.to_string());
        // A discrete map has no H.
        let lowest = outcome.measured().map(|m| m.min_eigenvalue).reduce(f64::min);
        let lowest = lowest.filter(|lowest| lowest.is_finite());
        let _ = writeln!(
            out,
            "| {} | {} | {} | {parameters} | {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            row.target,
            row.model,
            outcome.runs.len(),
            outcome.ess().map_or("–".to_owned(), percent),
            outcome.kl().map_or("–".to_owned(), nats),
            lowest.map_or("–".to_owned(), |lowest| format!("{lowest:.4}")),
            outcome.cpu_seconds().map_or("–".to_owned(), |seconds| format!("{seconds:.1}")),
            row.published,
            verdict(outcome),
        );
    }
    *out += "\n```sh\n";
    for outcome in outcomes {
        let name = outcome.row.name;
        let _ = match outcome.row.command(quick) {
            Some(command) => writeln!(out, "{command}  # {name}"),
            None => writeln!(out, "ircpm reproduce --only {name}  # no configuration names its layers"),
        };
    }
    *out += "```\n\n";
    for outcome in outcomes {
        for run in &outcome.runs {
            if let Some(failure) = &run.failure {
                let _ = writeln!(out, "{}, seed {}: {failure}\n", outcome.row.name, run.seed);
            }
        }
    }
}

/// Whether a row has reached its figure, with the seeds that have no density.
fn verdict(outcome: &Outcome) -> String {
    let verdict = match outcome.reached() {
        None => "–",
        Some(true) => "yes",
        Some(false) => "**no**",
    };
    let flag = |count: usize, name: &str| match count {
        0 => String::new(),
        n => format!(", {n} {name}"),
    };
    format!("{verdict}{}{}", flag(outcome.folded(), "not a density"), flag(outcome.failed(), "failed"))
}

fn percent(Estimate { value, standard_error }: Estimate) -> String {
    format!("{:.3} ± {:.3}", 100.0 * value, 100.0 * standard_error)
}

fn nats(Estimate { value, standard_error }: Estimate) -> String {
    format!("{value:.2e} ± {standard_error:.0e}")
}

/// A study.
fn table(out: &mut String, table: &Table) {
    let _ = writeln!(out, "## {}\n\n{}\n", table.title, table.lead);
    let _ = writeln!(out, "| {} |\n|{}", table.header.join(" | "), "---|".repeat(table.header.len()));
    for row in &table.rows {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    *out += match table.missed {
        0 => "\n",
        _ => "\n**Missed.**\n\n",
    };
}

#[cfg(test)]
mod tests {
    use super::super::{Goal, Measured, Row, Run, programme};
    use super::*;

    fn row(name: &str) -> Row {
        programme().into_iter().find(|row| row.name == name).expect("a row of the programme")
    }

    fn run(seed: u64, ess: f64, kl: f64, density: bool) -> Run {
        let measured = Measured {
            parameters: 1249,
            steps: 20,
            ess,
            ess_se: 1e-4,
            kl,
            kl_se: 1e-5,
            density,
            min_eigenvalue: 0.25,
            cpu_seconds: 0.4,
        };
        Run { seed, measured: Some(measured), failure: None }
    }

    fn results(outcomes: Vec<Outcome>) -> Results {
        Results {
            quick: false,
            machine: "a machine".to_owned(),
            outcomes,
            tables: vec![],
            pictures: vec![],
            complete: true,
        }
    }

    #[test]
    fn rows_have_means_and_errors_over_the_seeds_and_say_whether_they_are_reached() {
        let good = vec![run(0, 0.999, 1e-3, true), run(1, 0.997, 3e-3, true)];
        let low = vec![run(0, 0.95, 2e-2, true)];
        let folded = vec![run(0, 0.999, 1e-3, true), run(1, 0.997, 3e-3, false)];
        let failed = vec![Run { seed: 0, measured: None, failure: Some("it broke".to_owned()) }];
        let outcomes = [
            ("torus-multi-modal-mlp", good),
            ("torus-unimodal-mlp", low),
            ("torus-correlated-mlp", folded.clone()),
            ("torus-correlated-symmetric", failed),
            ("sphere-stack-1", folded),
        ];
        let found = results(outcomes.map(|(name, runs)| Outcome { row: row(name), runs }).to_vec());
        assert_eq!(found.missed(), 3);
        let page = markdown(&found);
        for text in [
            "| torus-multi-modal-mlp | three modes | MLP | 1249 | 2 | 99.800 ± 0.100 | 2.00e-3 ± 1e-3 | 0.2500 | 0.4 | ESS lost | yes |",
            "| 1249 | 1 | 95.000 ± 0.010 | 2.00e-2 ± 1e-5 | 0.2500 | 0.4 | ESS lost | **no** |",
            "| ESS lost | **no**, 1 not a density |",
            "| – | 1 | – | – | – | – | ESS lost | **no**, 1 failed |",
            "torus-correlated-symmetric, seed 0: it broke",
            "| unstable: only some seeds | –, 1 not a density |",
            "ircpm train torus-correlated --set 'model.features={harmonics={order=1}}'  # torus-correlated-mlp",
            "**3 missed what they are held against.**",
        ] {
            assert!(page.contains(text), "no `{text}` in\n{page}");
        }
    }

    #[test]
    fn an_optimum_is_reached_from_both_sides_within_its_digits() {
        let goal = Goal::Optimum { kl: (0.0255, 5e-5), ess: (0.951, 5e-4) };
        let reached = |ess, kl| {
            let row = Row { goal, ..row("torus-unimodal-mlp") };
            Outcome { row, runs: vec![run(0, ess, kl, true)] }.reached()
        };
        assert_eq!(reached(0.9512, 0.025_52), Some(true));
        assert_eq!(reached(0.9512, 0.0254), Some(false));
        assert_eq!(reached(0.96, 0.0255), Some(false));
    }

    #[test]
    fn a_page_of_a_stopped_programme_says_so_and_has_its_studies() {
        let study = Table {
            title: "A study".to_owned(),
            lead: "What it is.".to_owned(),
            header: vec!["a".to_owned(), "b".to_owned()],
            rows: vec![vec!["1".to_owned(), "2".to_owned()]],
            missed: 1,
        };
        let mut found = results(vec![]);
        (found.tables, found.complete, found.quick) = (vec![study], false, true);
        found.pictures.push(("figure-1.png".to_owned(), "Figure 1.".to_owned()));
        assert_eq!(found.missed(), 1);
        let page = markdown(&found);
        let table = "## A study\n\nWhat it is.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n**Missed.**";
        for text in [table, "Stopped before the end", "The quick programme", "![Figure 1.](figure-1.png)"] {
            assert!(page.contains(text), "no `{text}` in\n{page}");
        }
    }
}

//! `ircpm certify --density`: how far a run's density is from its target at most.

use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use ircpm_ad::interval::Interval;
use ircpm_certify::DensityOptions;

use super::CliError;
use super::proven::ProvenBar;
use crate::density_proof::{DensityProof, prove_density};
use crate::program::folder::Folder;
use crate::program::output::warn;
use crate::program::{Saved, read_density, write_density};

/// Proves the bounds, and writes them into the folder of the run if there are some and no tighter ones of the same state.
pub(super) fn bound(
    run: &Path,
    folder: &Folder,
    Saved { checkpoint, checksum }: &Saved,
    options: &DensityOptions,
    stop: &AtomicBool,
) -> Result<DensityProof, CliError> {
    let bar = ProvenBar::new("density, in thousandths", stop);
    let found = prove_density(checkpoint, options, &|state| bar.tell(state.proven));
    bar.finish()?;
    let proof = found.map_err(|source| CliError::Proof { run: run.to_owned(), source })?;
    if !proof.agrees() {
        warn(format_args!(
            "the log Z that the configuration or the table of targets gives, {}, is not in the proven interval: it is wrong",
            proof.log_z.unwrap_or(f64::NAN)
        ));
    }
    let stored =
        if proof.is_proven() { read_density(checksum, proof.beta, folder).ok().flatten() } else { None };
    if proof.is_proven() && stored.is_none_or(|stored| proof.width() <= stored.width()) {
        write_density(&proof, checksum, folder)?;
    }
    Ok(proof)
}

/// To which side of a number it is rounded.
const UP: f64 = 1.0;
const DOWN: f64 = -1.0;

/// `x` as text, with a unit of the last place more on one side if the text would lie on the other one, so that what is
/// printed is proven too.
fn directed(x: f64, side: f64, unit: f64, show: impl Fn(f64) -> String) -> String {
    let shown = show(x);
    let holds = shown.parse().is_ok_and(|shown: f64| side * shown >= side * x);
    if holds || !x.is_finite() { shown } else { show(x + side * unit) }
}

/// With four significant digits.
fn scientific(x: f64, side: f64) -> String {
    directed(x, side, 10_f64.powf(x.abs().log10().floor() - 3.0), |x| format!("{x:.3e}"))
}

/// With so many decimals.
fn fixed(x: f64, decimals: usize, side: f64) -> String {
    directed(x, side, 10_f64.powi(-(decimals as i32)), |x| format!("{x:.decimals$}"))
}

impl Display for DensityProof {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { met, log_z, is_sharp, cells, .. } = self;
        if !self.is_proven() {
            return writeln!(
                f,
                "NO BOUNDS of the density are proven with {cells} cells; try more --cells or a larger --density-tolerance"
            );
        }
        let state = if *is_sharp { "" } else { ", but not within --density-tolerance; try more --cells" };
        writeln!(f, "DENSITY BOUNDED: q is a density, and rho = log q - log p is bounded everywhere{state}")?;
        let met = (Interval::point(met[1]) - Interval::point(met[0])).lo().max(0.0);
        writeln!(
            f,
            "  {:<18} at most {} and at least {} ({cells} cells)",
            "width of rho",
            scientific(self.width(), UP),
            scientific(met, DOWN)
        )?;
        match (self.deviation(), self.agrees()) {
            (Some(deviation), true) => {
                let known = scientific(deviation, UP);
                writeln!(
                    f,
                    "  {:<18} at most {known} if log Z is that of the closed form, else the width",
                    "sup |rho|"
                )?;
            }
            _ => writeln!(f, "  {:<18} at most the width", "sup |rho|")?,
        }
        let [low, high] = self.log_z_interval();
        let exact = log_z.map(|log_z| format!(" (closed form {log_z:.7})")).unwrap_or_default();
        writeln!(f, "  {:<18} from {} to {}{exact}", "log Z", fixed(low, 7, DOWN), fixed(high, 7, UP))?;
        writeln!(
            f,
            "  {:<18} at most {} nats, from q to p and from p to q",
            "KL",
            scientific(self.kl(), UP)
        )?;
        let per_cent = |share: f64| (Interval::point(share) * 100.0).lo().max(0.0);
        writeln!(f, "  {:<18} at least {} % of the samples", "ESS", fixed(per_cent(self.ess()), 6, DOWN))?;
        writeln!(
            f,
            "  {:<18} at least {} %, of rejection (`ircpm sample --exact`) and of the independence chain at every step",
            "acceptance",
            fixed(per_cent(self.acceptance()), 4, DOWN)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_on_the_proven_side() {
        for x in [4.3556e-3, 0.385_901, -2.5, 1.0, 10.921_586_349_999_9, 3e8 + 1e-7, 99.999_999_96, 1e-300] {
            for (side, other) in [(UP, DOWN), (DOWN, UP)] {
                for text in [scientific(x, side), fixed(x, 7, side), fixed(x, 4, side)] {
                    let shown: f64 = text.parse().expect("a number");
                    assert!(side * shown >= side * x, "{text} for {x}");
                }
                let gap = scientific(x, side).parse::<f64>().unwrap()
                    - scientific(x, other).parse::<f64>().unwrap();
                assert!(gap.abs() <= 1.01e-3 * x.abs(), "{gap} at {x}");
            }
        }
        assert_eq!((fixed(0.0, 4, DOWN), scientific(0.0, DOWN)), ("0.0000".to_owned(), "0.000e0".to_owned()));
    }
}

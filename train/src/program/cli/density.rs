//! `ircpm certify --density`: how far a run's density is from its target at most.

use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use ircpm_certify::DensityOptions;

use super::CliError;
use super::proven::ProvenBar;
use crate::density_proof::{DensityProof, prove_density};
use crate::program::folder::Folder;
use crate::program::output::warn;
use crate::program::{Saved, write_density};

/// Proves the bounds, and writes them into the folder of the run if there are some.
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
    if proof.is_proven() {
        write_density(&proof, checksum, folder)?;
    }
    Ok(proof)
}

/// The number with so many significant digits that is not below `x`.
fn at_least(x: f64, digits: usize) -> String {
    let shown = format!("{x:.*e}", digits - 1);
    if shown.parse().is_ok_and(|shown: f64| shown >= x) || !x.is_finite() {
        return shown;
    }
    // One unit of the last digit more.
    let more = x + 10_f64.powf(x.abs().log10().floor() + 1.0 - digits as f64);
    format!("{more:.*e}", digits - 1)
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
        let met = (met[1] - met[0]).max(0.0);
        writeln!(
            f,
            "  {:<18} at most {} and at least {met:.3e} ({cells} cells)",
            "width of rho",
            at_least(self.width(), 4)
        )?;
        match (self.deviation(), self.agrees()) {
            (Some(deviation), true) => {
                let known = at_least(deviation, 4);
                writeln!(
                    f,
                    "  {:<18} at most {known} with log Z in closed form, else the width",
                    "sup |rho|"
                )?;
            }
            _ => writeln!(f, "  {:<18} at most the width", "sup |rho|")?,
        }
        let [low, high] = self.log_z_interval();
        let exact = log_z.map(|log_z| format!(" (closed form {log_z:.7})")).unwrap_or_default();
        writeln!(f, "  {:<18} from {:.7} to {:.7}{exact}", "log Z", low - 5e-8, high + 5e-8)?;
        writeln!(f, "  {:<18} at most {} nats, from q to p and from p to q", "KL", at_least(self.kl(), 4))?;
        writeln!(f, "  {:<18} at least {:.6} % of the samples", "ESS", 100.0 * self.ess() - 5e-7)?;
        writeln!(
            f,
            "  {:<18} at least {:.4} %, of rejection (`ircpm sample --exact`) and of the independence chain at every step",
            "acceptance",
            100.0 * self.acceptance() - 5e-5
        )
    }
}

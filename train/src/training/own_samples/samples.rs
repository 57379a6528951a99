//! Samples of the model with what residuals need of them.

/// Residuals beyond so many median deviations are weighted down to that, as by Huber.
const OUTLIER: f64 = 5.0;

/// Samples of the model at the parameters of the last [refresh](crate::optimiser::Objective::refresh).
#[derive(Default)]
pub(super) struct Samples {
    /// The samples, `[sample][coordinate]`.
    pub y: Vec<f64>,
    /// `βu` there.
    pub energies: Vec<f64>,
    /// `log q` there.
    pub log_q: Vec<f64>,
    /// Roots of the weights of the residuals.
    pub factors: Vec<f64>,
}

impl Samples {
    /// Logarithms of the weights of the target against the model, but for `log Z`.
    pub(super) fn log_weights(&self) -> Vec<f64> {
        self.log_q.iter().zip(&self.energies).map(|(log_q, u)| -u - log_q).collect()
    }

    /// Weighs the residuals `log q + βu` down where they are far from their median.
    pub(super) fn weigh(&mut self) {
        let residuals: Vec<f64> = self.log_q.iter().zip(&self.energies).map(|(q, u)| q + u).collect();
        self.factors = huber(&residuals);
    }
}

/// Roots of weights that turn squares of residuals into Huber's loss about their median.
fn huber(residuals: &[f64]) -> Vec<f64> {
    let median = |mut x: Vec<f64>| {
        let middle = x.len() / 2;
        if x.is_empty() { 0.0 } else { *x.select_nth_unstable_by(middle, f64::total_cmp).1 }
    };
    let centre = median(residuals.to_vec());
    let far: Vec<f64> = residuals.iter().map(|r| (r - centre).abs()).collect();
    let limit = OUTLIER * median(far.clone());
    far.iter().map(|&far| if far > limit { (limit / far).sqrt() } else { 1.0 }).collect()
}

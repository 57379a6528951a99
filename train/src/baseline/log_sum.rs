//! Logarithms of sums of exponentials over many terms.

/// Terms that are smaller than the largest by this many nats are left out: `10⁶` of them change the sum by `10⁻¹²`.
const NEGLIGIBLE: f64 = 42.0;

/// `log Σⱼ exp(aⱼ)`, summed in order; negative infinity for no terms.
///
/// Most terms of a narrow kernel are negligible, so that few exponentials are taken.
pub(super) fn log_sum_exp(exponents: &[f64]) -> f64 {
    let largest = maximum(exponents);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    let mut sum = 0.0;
    for &exponent in exponents {
        let below = exponent - largest;
        if below > -NEGLIGIBLE {
            sum += below.exp();
        }
    }
    largest + sum.ln()
}

/// The largest of some numbers, four at a time; negative infinity for none.
fn maximum(values: &[f64]) -> f64 {
    let larger = |a: f64, b: f64| if b > a { b } else { a };
    let mut lanes = [f64::NEG_INFINITY; 4];
    let mut quads = values.chunks_exact(4);
    for quad in &mut quads {
        for (lane, &value) in lanes.iter_mut().zip(quad) {
            *lane = larger(*lane, value);
        }
    }
    lanes.iter().chain(quads.remainder()).fold(f64::NEG_INFINITY, |a, &b| larger(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_sum_exp_is_right_where_exponentials_overflow_or_vanish() {
        for shift in [-1e5, 0.0, 1e5] {
            let exponents: Vec<f64> = (1..=9).map(|i| shift + f64::from(i).ln()).collect();
            let value = log_sum_exp(&exponents);
            assert!((value - shift - 45f64.ln()).abs() < 1e-10, "shift {shift}: {value}");
        }
        assert_eq!(log_sum_exp(&[-1e6, 3.0, -500.0]), 3.0);
        assert_eq!(log_sum_exp(&[f64::NEG_INFINITY; 5]), f64::NEG_INFINITY);
        assert_eq!(log_sum_exp(&[]), f64::NEG_INFINITY);
    }
}

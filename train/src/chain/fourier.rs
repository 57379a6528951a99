//! Autocovariances by the fast Fourier transform.

use std::f64::consts::TAU;

/// Autocovariances of a sequence at all lags, each the sum of products over the number of *all* terms.
pub(super) fn autocovariances(x: &[f64]) -> Vec<f64> {
    let n = x.len();
    let mean = x.iter().sum::<f64>() / n as f64;
    // Zeros behind the sequence keep its end from meeting its beginning.
    let size = (2 * n).next_power_of_two();
    let mut re: Vec<f64> = x.iter().map(|x| x - mean).collect();
    re.resize(size, 0.0);
    let mut im = vec![0.0; size];
    transform(&mut re, &mut im);
    for (re, im) in re.iter_mut().zip(&mut im) {
        (*re, *im) = (*re * *re + *im * *im, 0.0);
    }
    // A spectrum of squares is even, so the transform is its own inverse up to the factor.
    transform(&mut re, &mut im);
    re.truncate(n);
    re.iter_mut().for_each(|c| *c /= size as f64 * n as f64);
    re
}

/// The discrete Fourier transform in place, of a power of two of numbers (Cooley & Tukey 1965).
fn transform(re: &mut [f64], im: &mut [f64]) {
    let n = re.len();
    let bits = n.trailing_zeros();
    for i in 1..n {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            re.swap(i, j);
            im.swap(i, j);
        }
    }
    let mut half = 1;
    while half < n {
        for k in 0..half {
            let (sine, cosine) = (-TAU * k as f64 / (2 * half) as f64).sin_cos();
            for i in (k..n).step_by(2 * half) {
                let j = i + half;
                let (a, b) = (re[j] * cosine - im[j] * sine, re[j] * sine + im[j] * cosine);
                (re[j], im[j]) = (re[i] - a, im[i] - b);
                (re[i], im[i]) = (re[i] + a, im[i] + b);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::autocovariances;

    #[test]
    fn autocovariances_are_the_sums_of_products() {
        for n in [2_usize, 3, 8, 37, 100] {
            let x: Vec<f64> = (0..n).map(|i| 3.0 + (1.7 * i as f64).sin() * (i % 5) as f64).collect();
            let mean = x.iter().sum::<f64>() / n as f64;
            for (lag, found) in autocovariances(&x).into_iter().enumerate() {
                let products = x.iter().zip(&x[lag..]).map(|(a, b)| (a - mean) * (b - mean));
                let direct = products.sum::<f64>() / n as f64;
                assert!((found - direct).abs() < 1e-13 * n as f64, "{n}, lag {lag}: {found}, {direct}");
            }
        }
    }
}

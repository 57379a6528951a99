//! Search for the generating vector of a rank-1 lattice (Nuyens 2014, *The construction of good lattice rules*).

/// Components tried per dimension of a lattice.
const CANDIDATES: usize = 128;

/// Generating vector of a rank-1 lattice of `n` points: `z₁ = 1`, then each next component the candidate with the
/// smallest worst-case error over periodic functions whose Fourier coefficients at `h` are at most `Πⱼ γ/hⱼ²`, with one
/// in place of the factors of `hⱼ = 0`.
///
/// That error, which is also the square of the one over functions with square-integrable mixed first derivatives, is
/// `mean_i Πⱼ (1 + 2π² γ B₂(zⱼ i/n)) − 1`, `B₂(x) = x² − x + 1/6`, with the same weight `γ` for every
/// coordinate: with `γ = 1` the products of eight coordinates outweigh the pairs that matter, and the lattices found
/// for `n` of some thousands are worse than random points. Candidates are spread over `1..n` by the golden ratio,
/// beginning with the nearest integer to `n/φ`, which gives the Fibonacci lattices.
pub(super) fn lattice(n: usize, dim: usize) -> Vec<usize> {
    let mut vector = Vec::with_capacity(dim);
    let mut product = vec![1.0; n];
    for j in 0..dim {
        let best = if j == 0 { 1 } else { best_component(n, &product) };
        vector.push(best);
        for (i, p) in product.iter_mut().enumerate() {
            *p *= kernel(modular_product(i, best, n), n);
        }
    }
    vector
}

/// The candidate that makes `Σᵢ productᵢ · kernel(z i/n)` smallest, the first of equals.
fn best_component(n: usize, product: &[f64]) -> usize {
    let table: Vec<f64> = (0..n).map(|k| kernel(k, n)).collect();
    let error = |z: usize| -> f64 {
        let mut k = 0;
        let mut sum = 0.0;
        for p in product {
            sum += p * table[k];
            k += z;
            k -= if k >= n { n } else { 0 };
        }
        sum
    };
    let mut best = (f64::INFINITY, 1);
    for z in candidates(n) {
        let error = error(z);
        if error < best.0 {
            best = (error, z);
        }
    }
    best.1
}

/// Up to [`CANDIDATES`] numbers below `n` without a common divisor.
fn candidates(n: usize) -> impl Iterator<Item = usize> {
    let golden = golden(1)[0];
    (1..=n as u64)
        .map(move |i| ((u128::from(golden.wrapping_mul(i)) * n as u128 + (1 << 63)) >> 64) as usize)
        .filter(move |&z| z < n && coprime(z, n))
        .take(CANDIDATES)
}

/// Weight of a coordinate, `γ`.
const WEIGHT: f64 = 0.3;

/// `1 + 2π² γ B₂(k/n)`.
fn kernel(k: usize, n: usize) -> f64 {
    let x = k as f64 / n as f64;
    1.0 + 2.0 * WEIGHT * std::f64::consts::PI.powi(2) * (x * x - x + 1.0 / 6.0)
}

/// Whether `a` and `b` have no common divisor.
fn coprime(mut a: usize, mut b: usize) -> bool {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

/// `a b mod n`.
pub(super) fn modular_product(a: usize, b: usize, n: usize) -> usize {
    ((a as u128 * b as u128) % n as u128) as usize
}

/// The generalised golden ratio's inverse powers `φ⁻¹, …, φ⁻ᵈ`, in units of 2⁻⁶⁴.
pub(super) fn golden(dim: usize) -> Vec<u64> {
    let root = 1.0 / (dim as f64 + 1.0);
    let mut phi = 2.0_f64;
    // φ ← (1 + φ)^{1/(d+1)} contracts by more than 2.
    for _ in 0..60 {
        phi = (1.0 + phi).powf(root);
    }
    (1..=dim as i32).map(|j| (phi.powi(-j) * 2f64.powi(64)) as u64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lattice_of_a_fibonacci_number_is_no_worse_than_the_fibonacci_lattice() {
        let error = |z: usize| -> f64 { (0..610).map(|i| kernel(i, 610) * kernel(i * z % 610, 610)).sum() };
        let found = lattice(610, 2);
        assert!(error(found[1]) <= error(377) * (1.0 + 1e-12), "{found:?}");
    }
}

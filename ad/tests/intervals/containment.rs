//! Each function at random numbers and over random intervals: its enclosure contains the reference, and is narrow.

use std::sync::atomic::{AtomicUsize, Ordering};

use astro_float_num::Consts;
use ircpm_ad::Scalar;
use ircpm_ad::interval::Interval;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::references::{HALF_LINES, ROWS, Row, assert_contains, assert_operations, big, contains};

/// A number of the range: uniform, or uniform in its logarithm, or with few bits.
fn number(rng: &mut Pcg64, [low, high]: [f64; 2]) -> f64 {
    loop {
        let size = 2_f64.powf(rng.random_range(-60.0..high.abs().max(low.abs()).log2() + 1e-9));
        let sign = if rng.random_range(0.0..1.0) < 0.5 { 1.0 } else { -1.0 };
        let x = match rng.random_range(0..4) {
            0 | 1 => rng.random_range(low..=high),
            2 => sign * size,
            _ => (rng.random_range(low.max(-1e6)..=high.min(1e6)) * 8.0).round() / 8.0,
        };
        if (low..=high).contains(&x) {
            return x;
        }
    }
}

fn ulp(x: f64) -> f64 {
    x.abs().next_up() - x.abs()
}

/// Tries a function at `n` numbers, and over as many intervals around others. Returns the largest width in ulps.
fn try_row(row: &Row, n: usize, seed: u64) -> f64 {
    let Row(name, enclose, reference, range, ulps) = row;
    let (mut rng, mut constants, mut widest) = (Pcg64::seed_from_u64(seed), Consts::new().unwrap(), 0.0_f64);
    for i in 0..n {
        let x = number(&mut rng, *range);
        let exact = reference(&big(x), &mut constants);
        let y = enclose(Interval::point(x));
        assert_contains(name, x, y, &exact);
        let width = (y.hi() - y.lo()) / ulp(y.magnitude());
        assert!(width <= *ulps, "{name} at {x:e} is {width} ulps wide");
        widest = widest.max(width);
        // An interval that contains x, wide or narrow: the enclosure of the value at x must stay within its image.
        let other = if i % 2 == 0 { number(&mut rng, *range) } else { x * (1.0 + 1e-10) };
        if other >= range[0] && other <= range[1] {
            let wide = enclose(Interval::new(x.min(other), x.max(other)));
            assert!(wide.is_undefined() || contains(wide, &exact), "{name} over {x:e} … {other:e}: {wide:?}");
            assert!(*name == "tan" || !wide.is_undefined(), "{name} over {x:e} … {other:e} is undefined");
            let inner = x + rng.random_range(0.0..1.0) * (other - x);
            let inner = inner.clamp(x.min(other), x.max(other));
            let exact = reference(&big(inner), &mut constants);
            assert!(
                wide.is_undefined() || contains(wide, &exact),
                "{name} at {inner:e} in {x:e} … {other:e}"
            );
        }
    }
    widest
}

/// Tries the four operations at `n` pairs of numbers, each between points and between intervals that contain them.
fn try_operations(n: usize, seed: u64) {
    let mut rng = Pcg64::seed_from_u64(seed);
    for _ in 0..n {
        let [a, b] = [0; 2].map(|_| number(&mut rng, [-1e150, 1e150]));
        let [da, db] = [a, b].map(|x| x.abs() * 2_f64.powf(rng.random_range(-50.0..1.0)));
        let wide = [Interval::new(a - da, a), Interval::new(b, b + db)];
        for [x, y] in [[Interval::point(a), Interval::point(b)], wide] {
            assert_operations([a, b], [x, y]);
            if !(x.contains(0.0) && y.contains(0.0)) {
                let exact = a.atan2(b);
                let angle = x.atan2(y);
                // The library's arc tangent errs by less than an ulp.
                assert!(
                    angle.lo() <= exact.next_up() && angle.hi() >= exact.next_down(),
                    "atan2 {a:e} {b:e}: {angle:?}"
                );
            }
        }
    }
}

/// All functions at `3 n` inputs each: a number, an interval around one, and a number within that.
fn try_all(n: usize) {
    let rows: Vec<&Row> = ROWS.iter().chain(&HALF_LINES).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(&row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
            println!("{:10} {:5.1} ulps wide at most", row.0, try_row(row, n, n as u64));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| try_operations(n, 77));
        (0..std::thread::available_parallelism().map_or(1, usize::from))
            .for_each(|_| drop(scope.spawn(work)));
    });
}

#[test]
fn enclosures_contain_references_at_a_million_inputs() {
    try_all(12_000);
}

#[test]
#[ignore = "an hour: the same at 10⁸ inputs"]
fn enclosures_contain_references_at_a_hundred_million_inputs() {
    try_all(1_200_000);
}

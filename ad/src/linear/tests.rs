use super::*;
use crate::scalar::Scalar;
use crate::simd::{Isa, Kernel};

/// Both kernels against the naive loops, for sizes around every block's edge.
struct Naive {
    rows: usize,
    columns: usize,
    width: usize,
    packs: usize,
    transposed: bool,
}

impl Kernel for Naive {
    type Output = f64;

    #[inline(always)]
    fn run<R: Real>(self) -> f64 {
        let Naive { rows, columns, width, packs, transposed } = self;
        let number = |i: usize| ((i * 7919 + 13) % 101) as f64 / 50.0 - 1.0;
        let weights: Vec<f64> = (0..rows * columns).map(number).collect();
        let x: Vec<R> =
            (0..packs * columns * width).map(|i| R::from_fn(|l| number(i * R::LANES + l))).collect();
        let mut y = vec![R::zero(); packs * rows * width];
        let matrix = if transposed {
            Matrix::new(&weights, columns, rows).transposed()
        } else {
            Matrix::new(&weights, rows, columns)
        };
        // In two parts, the later one first, because each must leave the other's coefficients alone.
        for part in [width / 3..width, 0..width / 3] {
            apply_to(matrix, &x, &mut y, width, part);
        }
        let entry = |i: usize, j: usize| {
            if transposed { weights[j * rows + i] } else { weights[i * columns + j] }
        };
        let x_at = |p: usize, j: usize, c: usize| x[(p * columns + j) * width + c];
        let y_at = |p: usize, i: usize, c: usize| y[(p * rows + i) * width + c];
        let mut worst = 0.0_f64;
        let mut gradient = vec![1.0; rows * columns];
        accumulate(&y, &x, &mut gradient, columns, width);
        // With a number before and after the part, which must stay.
        let (stride, len) = (rows * columns + 2, rows * columns);
        let mut each = vec![R::one(); packs * stride];
        accumulate_each(&y, &x, GradientRows { w: &mut each, stride, start: 1, len }, columns, width);
        for pack in each.chunks_exact(stride) {
            worst = worst.max((pack[0] - 1.0 + (pack[stride - 1] - 1.0)).abs().sum());
        }
        for i in 0..rows {
            for p in 0..packs {
                for c in 0..width {
                    let sum = (0..columns).fold(R::zero(), |s, j| s + x_at(p, j, c) * entry(i, j));
                    worst = worst.max((y_at(p, i, c) - sum).abs().lane(R::LANES - 1));
                }
            }
            for j in 0..columns {
                let terms = (0..packs).flat_map(|p| (0..width).map(move |c| (p, c)));
                let sum = terms.fold(R::zero(), |s, (p, c)| s + y_at(p, i, c) * x_at(p, j, c));
                worst = worst.max((gradient[i * columns + j] - 1.0 - sum.sum()).abs());
                let apart =
                    each.chunks_exact(stride).fold(0.0, |s, w| s + (w[1 + i * columns + j] - 1.0).sum());
                worst = worst.max((apart - sum.sum()).abs());
            }
        }
        worst
    }
}

#[test]
#[should_panic(expected = "no slice holds so many numbers")]
fn matrix_is_refused_when_its_size_wraps_to_that_of_the_slice() {
    Matrix::new(&[1.0, 2.0], (1 << (usize::BITS - 1)) + 1, 2);
}

#[test]
#[should_panic(expected = "no slice holds so many numbers")]
fn linear_map_is_refused_when_its_width_wraps() {
    let width = (1 << (usize::BITS - 1)) + 1;
    apply(Matrix::new(&[1.0; 4], 2, 2), &[1.0; 2], &mut [0.0; 2], width);
}

#[test]
fn kernels_match_naive_loops_on_every_instruction_set() {
    for isa in Isa::available() {
        for (rows, columns) in [(1, 1), (3, 2), (4, 4), (5, 7), (9, 8), (33, 5), (5, 131)] {
            for width in 1..=13 {
                for (packs, transposed) in [(1, false), (3, true)] {
                    let worst = isa.dispatch(Naive { rows, columns, width, packs, transposed });
                    assert!(worst < 1e-11, "{}: {rows} × {columns}, width {width}: {worst}", isa.name());
                }
            }
        }
    }
}

/// A product in single precision against the same in double.
struct Halves;

impl Kernel for Halves {
    type Output = f64;

    #[inline(always)]
    fn run<R: Real>(self) -> f64 {
        let (rows, columns, width) = (7, 5, 3);
        let number = |i: usize| ((i * 7919 + 13) % 101) as f32 / 64.0 - 0.75;
        let singles: Vec<f32> = (0..rows * columns).map(number).collect();
        let doubles: Vec<f64> = singles.iter().map(|&w| w.into()).collect();
        let mut y = vec![R::Single::zero(); rows * width];
        let x: Vec<R::Single> = (0..columns * width).map(|i| R::Single::constant(number(i).into())).collect();
        apply(Matrix::new(&singles, rows, columns), &x, &mut y, width);
        let mut exact = vec![0.0; rows * width];
        let x: Vec<f64> = x.iter().map(|x| x.lane(0)).collect();
        apply(Matrix::new(&doubles, rows, columns), &x, &mut exact, width);
        y.iter()
            .zip(&exact)
            .map(|(y, exact)| (y.lane(R::Single::LANES - 1) - exact).abs())
            .fold(0.0, f64::max)
    }
}

#[test]
fn matrices_of_singles_multiply_packs_of_singles() {
    for isa in Isa::available() {
        let error = isa.dispatch(Halves);
        assert!(error < 1e-6, "{}: {error}", isa.name());
    }
}

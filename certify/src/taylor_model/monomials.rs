//! The monomials of a polynomial in several variables, in a fixed order.

/// Highest degree of the polynomials.
pub(crate) const DEGREE: usize = 4;

/// The monomials of `D` variables up to degree [`DEGREE`], `M` of them, those of lower degree first.
#[derive(Debug)]
pub(super) struct Monomials<const D: usize, const M: usize> {
    /// Exponents of the variables.
    pub(super) exponents: [[u8; D]; M],
    /// Their sum.
    pub(super) degree: [usize; M],
    /// Number of monomials up to each degree.
    pub(super) count: [usize; DEGREE + 1],
    /// Number of the product of two monomials, where its degree is not above [`DEGREE`].
    pub(super) product: [[u8; M]; M],
}

impl<const D: usize, const M: usize> Monomials<D, M> {
    /// The table.
    ///
    /// # Panics
    /// While it is compiled, if `M` is not the number of monomials of `D` variables.
    pub(super) const fn new() -> Self {
        let mut all = Self {
            exponents: [[0; D]; M],
            degree: [0; M],
            count: [0; DEGREE + 1],
            product: [[u8::MAX; M]; M],
        };
        let (mut degree, mut next) = (0, 0);
        while degree <= DEGREE {
            let mut code = 0;
            while code < (DEGREE + 1).pow(D as u32) {
                let exponents = digits::<D>(code);
                if sum(&exponents) == degree {
                    all.exponents[next] = exponents;
                    all.degree[next] = degree;
                    next += 1;
                }
                code += 1;
            }
            all.count[degree] = next;
            degree += 1;
        }
        assert!(next == M, "the number of monomials");
        all.products()
    }

    const fn products(mut self) -> Self {
        let mut i = 0;
        while i < M {
            let mut j = 0;
            while j < M {
                let mut k = 0;
                while k < M {
                    if is_product(&self.exponents[i], &self.exponents[j], &self.exponents[k]) {
                        self.product[i][j] = k as u8;
                    }
                    k += 1;
                }
                j += 1;
            }
            i += 1;
        }
        self
    }
}

/// The digits of a number to the base `DEGREE + 1`, the last first.
const fn digits<const D: usize>(mut code: usize) -> [u8; D] {
    let mut digits = [0; D];
    let mut k = 0;
    while k < D {
        digits[k] = (code % (DEGREE + 1)) as u8;
        code /= DEGREE + 1;
        k += 1;
    }
    digits
}

const fn sum<const D: usize>(exponents: &[u8; D]) -> usize {
    let (mut sum, mut k) = (0, 0);
    while k < D {
        sum += exponents[k] as usize;
        k += 1;
    }
    sum
}

const fn is_product<const D: usize>(a: &[u8; D], b: &[u8; D], c: &[u8; D]) -> bool {
    let mut k = 0;
    while k < D {
        if a[k] + b[k] != c[k] {
            return false;
        }
        k += 1;
    }
    true
}

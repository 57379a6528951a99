//! What a linear potential sees of conditioning variables.

use ircpm_ad::Scalar;

/// What `s` tends to for far values.
const REACH: f64 = 3.0;

/// How functions see a conditioning variable `c`: as `s = w/√(1 + w²/9)`, where `w = (c − shift)/scale`, or the nearer end
/// of `range` where that lies beyond it.
///
/// The range is that of the values a layer was fitted to, so that beyond them the density is that at the end, where folds
/// were looked for. `s` is nearly `w` for most values, and never beyond ±3: single far ones do not govern psi.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditioning {
    /// What is subtracted.
    pub shift: f64,
    /// Unit of the rest, positive.
    pub scale: f64,
    /// Least and largest `w`.
    pub range: [f64; 2],
}

impl Conditioning {
    /// No shift, no scale and no range.
    pub const STANDARD: Self = Self { shift: 0.0, scale: 1.0, range: [f64::NEG_INFINITY, f64::INFINITY] };

    /// Whether the scale is positive, the shift finite and the range in order.
    pub fn is_valid(&self) -> bool {
        let Self { shift, scale, range: [low, high] } = *self;
        shift.is_finite() && scale.is_normal() && scale > 0.0 && low <= high
    }

    /// `s`. Its derivative beyond the range is zero.
    #[inline(always)]
    fn apply<S: Scalar>(&self, c: S) -> S {
        let w = (c - self.shift) * self.scale.recip();
        let [low, high] = self.range.map(S::Base::constant);
        let w = S::select_gt(w.value(), high, S::from_base(high), w);
        let w = S::select_gt(low, w.value(), S::from_base(low), w);
        w / (w * w * (REACH * REACH).recip() + 1.0).sqrt()
    }
}

/// All conditioning variables of a potential, and the factors by which they multiply other functions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Factors {
    /// Index of the first variable among the coordinates.
    first: usize,
    variables: Vec<Conditioning>,
    /// Highest degree of the factors.
    degree: usize,
}

impl Factors {
    /// Variables at coordinates from `first` on.
    pub(super) fn new(first: usize, variables: &[Conditioning], degree: usize) -> Self {
        assert!(degree <= 2, "factors of degree {degree}, at most 2");
        Self { first, variables: variables.to_vec(), degree }
    }

    /// Number of variables.
    pub(super) fn variables(&self) -> usize {
        self.variables.len()
    }

    /// Number of factors: the variables, and products of two of them.
    pub(super) fn len(&self) -> usize {
        let k = self.variables.len();
        match self.degree {
            0 => 0,
            1 => k,
            _ => k + k * (k + 1) / 2,
        }
    }

    /// What functions see of the variable at coordinate `c`, whose value is `x`.
    #[inline(always)]
    pub(super) fn at<S: Scalar>(&self, c: usize, x: S) -> S {
        self.variables[c - self.first].apply(x)
    }

    /// Writes the factors at a point: `sᵢ`, and `sᵢ sⱼ` for `i ≤ j`.
    #[inline(always)]
    pub(super) fn write<S: Scalar>(&self, z: &[S], out: &mut [S]) {
        let k = self.variables.len();
        for v in 0..k {
            out[v] = self.at(self.first + v, z[self.first + v]);
        }
        let mut next = k;
        if self.degree > 1 {
            for i in 0..k {
                for j in i..k {
                    out[next] = out[i] * out[j];
                    next += 1;
                }
            }
        }
    }
}

//! Entries of `H⁻¹` in the pattern of its factor.

use ircpm_ad::Real;

use super::ldl::Ldl;
use super::symbolic::Symbolic;
use crate::lanes::resize;

impl<R: Real> Ldl<R> {
    /// Writes the entries of `H⁻¹` in the pattern of `L + Lᵀ` over `into`, in the places of [`Symbolic`] (Takahashi,
    /// Fagan & Chen 1973).
    ///
    /// From the last column to the first `Z = D⁻¹L⁻¹ + (I − Lᵀ) Z` gives, with `l` the entries of column `j` of `L` and
    /// `Z_SS` the entries of `Z` at their rows, `Z_Sj = −Z_SS l` and `Z_jj = 1/d_j − lᵀ Z_Sj`. All of `Z_SS` lies in the
    /// pattern.
    #[inline(always)]
    pub(crate) fn selected_inverse(&self, s: &Symbolic, into: &mut Ldl<R>) {
        resize(&mut into.diagonal, self.diagonal.len());
        resize(&mut into.lower, s.len());
        for j in (0..s.size()).rev() {
            let (start, end) = (s.columns[j], s.columns[j + 1]);
            for e in start..end {
                into.lower[e] = -(into.diagonal[s.rows[e] as usize] * self.lower[e]);
            }
            for e in start..end {
                let factor = -self.lower[e];
                let mut sum = into.lower[e];
                for run in &s.runs[s.starts[e] as usize..s.starts[e + 1] as usize] {
                    let (columns, later) = into.lower.split_at_mut(run.target as usize);
                    let range = run.source as usize..(run.source + run.len) as usize;
                    let (l, target) = (&self.lower[range.clone()], &mut columns[range]);
                    let z = &later[..l.len()];
                    for t in 0..l.len() {
                        target[t] = z[t].mul_add(factor, target[t]);
                        sum -= z[t] * l[t];
                    }
                }
                into.lower[e] = sum;
            }
            let mut diagonal = self.reciprocal[j];
            for e in start..end {
                diagonal -= self.lower[e] * into.lower[e];
            }
            into.diagonal[j] = diagonal;
        }
    }
}

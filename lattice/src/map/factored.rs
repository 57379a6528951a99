//! A factor of `H` with corrections of rank one: `H = S + Σ w u uᵀ`.

use ircpm_ad::Real;

use crate::factor::Ldl;
use crate::lanes::resize;
use crate::program::Program;

/// The factor of `S`, and what each combination `u` with its weight `w` adds to it.
///
/// With `H₀ = S` and `H_k = H_{k−1} + w_k u_k u_kᵀ`: `t_k = H_{k−1}⁻¹ u_k` and `γ_k = 1 + w_k u_kᵀ t_k` give
/// `det H_k = γ_k det H_{k−1}` and `H_k⁻¹ = H_{k−1}⁻¹ − (w_k/γ_k) t_k t_kᵀ` (Sherman & Morrison). A negative `γ` says that
/// one eigenvalue has crossed zero: downwards if `w` is negative, upwards if it is positive. So `S` itself need not be
/// positive definite.
#[derive(Clone, Debug)]
pub(crate) struct Factored<R> {
    /// The factor of `S`; before [`Factored::eliminate`] the matrix itself. Behind its diagonal are the weights.
    pub ldl: Ldl<R>,
    /// `t_k`, `[combination][site]`.
    solutions: Vec<R>,
    /// `w_k/γ_k`.
    ratios: Vec<R>,
    /// One number per combination.
    sums: Vec<R>,
    /// One number per site, in the order of elimination.
    scratch: Vec<R>,
    /// One number per site.
    combination: Vec<R>,
    /// `log|det H|`.
    pub log_det: R,
    /// Number of negative eigenvalues.
    pub negative: R,
    /// 1 where no pivot was zero or NaN.
    pub regular: R,
}

impl<R: Real> Default for Factored<R> {
    fn default() -> Self {
        Self {
            ldl: Ldl::default(),
            solutions: vec![],
            ratios: vec![],
            sums: vec![],
            scratch: vec![],
            combination: vec![],
            log_det: R::zero(),
            negative: R::zero(),
            regular: R::one(),
        }
    }
}

impl<R: Real> Factored<R> {
    /// Number of packs that are allocated.
    pub(super) fn packs(&self) -> usize {
        let beside = [&self.solutions, &self.ratios, &self.sums, &self.scratch, &self.combination];
        self.ldl.packs() + beside.map(Vec::len).iter().sum::<usize>()
    }

    /// Factors `h` less `shift` times the metric.
    #[inline(always)]
    pub(crate) fn eliminate(&mut self, program: &Program, h: &Ldl<R>, shift: R) {
        let (zero, one) = (R::zero(), R::one());
        let (n, ranks) = (program.sites, program.ranks());
        match &program.metric {
            None => self.ldl.copy_shifted(&program.symbolic, h, shift),
            Some(metric) => {
                self.ldl.copy_shifted(&program.symbolic, h, R::zero());
                for i in 0..n {
                    self.ldl.diagonal[i] -= shift * metric.entries.diagonal[i];
                }
                for e in 0..program.symbolic.len() {
                    self.ldl.lower[e] -= shift * metric.entries.lower[e];
                }
            }
        }
        self.ldl.eliminate(&program.symbolic);
        (self.negative, self.regular) = (self.ldl.negative, self.ldl.regular);
        resize(&mut self.scratch, n);
        resize(&mut self.solutions, ranks * n);
        resize(&mut self.ratios, ranks);
        resize(&mut self.sums, ranks);
        self.log_det = self.ldl.log_det(&program.symbolic);
        for k in 0..ranks {
            let gamma = self.add_rank(program, k);
            let usable = R::select_gt(gamma.abs(), R::constant(f64::MIN_POSITIVE), one, zero);
            self.regular = self.regular.min(usable);
            let gamma = R::select_gt(usable, zero, gamma, one);
            let weight = self.ldl.diagonal[n + k];
            let crossing = R::select_gt(weight, zero, -one, one);
            self.negative += R::select_gt(zero, gamma, crossing, zero);
            self.ratios[k] = weight / gamma;
            self.log_det += gamma.abs().ln();
        }
    }

    /// Finds `t_k`, and returns `γ_k`.
    #[inline(always)]
    fn add_rank(&mut self, program: &Program, k: usize) -> R {
        let n = program.sites;
        let (before, rest) = self.solutions.split_at_mut(k * n);
        let t = &mut rest[..n];
        write_combination(program, k, t);
        self.ldl.solve(&program.symbolic, t, &mut self.scratch);
        for j in 0..k {
            let other = &before[j * n..(j + 1) * n];
            let factor = along(program, k, other) * self.ratios[j];
            for i in 0..n {
                t[i] -= other[i] * factor;
            }
        }
        along(program, k, t).mul_add(self.ldl.diagonal[n + k], R::one())
    }

    /// 1 where `H` is positive definite.
    #[inline(always)]
    pub(crate) fn definite(&self) -> R {
        R::select_gt(R::constant(0.5), self.negative, self.regular, R::zero())
    }

    /// Replaces `b` by `H⁻¹ b`.
    #[inline(always)]
    pub(crate) fn solve(&mut self, program: &Program, b: &mut [R]) {
        let (n, ranks) = (program.sites, program.ranks());
        for k in 0..ranks {
            let mut sum = R::zero();
            for i in 0..n {
                sum = self.solutions[k * n + i].mul_add(b[i], sum);
            }
            self.sums[k] = sum * self.ratios[k];
        }
        self.ldl.solve(&program.symbolic, b, &mut self.scratch);
        for k in 0..ranks {
            for i in 0..n {
                b[i] -= self.solutions[k * n + i] * self.sums[k];
            }
        }
    }

    /// Replaces `b` by `H b`.
    #[inline(always)]
    pub(crate) fn multiply(&mut self, program: &Program, b: &mut [R]) {
        let (n, ranks) = (program.sites, program.ranks());
        for k in 0..ranks {
            self.sums[k] = along(program, k, b) * self.ldl.diagonal[n + k];
        }
        self.ldl.multiply(&program.symbolic, b, &mut self.scratch);
        for k in 0..ranks {
            for &(site, q) in &program.combinations[k].entries {
                b[site] = self.sums[k].mul_add(R::constant(q), b[site]);
            }
        }
    }

    /// Writes the entries of `H⁻¹` in the pattern over `into`; behind the diagonal `uᵀ H⁻¹ u` of every combination `u`.
    #[inline(always)]
    pub(crate) fn selected_inverse(&mut self, program: &Program, into: &mut Ldl<R>) {
        let (n, s) = (program.sites, &program.symbolic);
        self.ldl.selected_inverse(s, into);
        for k in 0..program.ranks() {
            let (t, ratio) = (&self.solutions[k * n..(k + 1) * n], self.ratios[k]);
            for i in 0..n {
                self.scratch[s.place[i] as usize] = t[i];
            }
            for j in 0..n {
                let factor = self.scratch[j] * ratio;
                into.diagonal[j] -= self.scratch[j] * factor;
                for e in s.columns[j]..s.columns[j + 1] {
                    into.lower[e] -= self.scratch[s.rows[e] as usize] * factor;
                }
            }
        }
        for k in 0..program.combinations.len() {
            let mut u = std::mem::take(&mut self.combination);
            resize(&mut u, n);
            write_combination(program, k, &mut u);
            self.solve(program, &mut u);
            into.diagonal[n + k] = along(program, k, &u);
            self.combination = u;
        }
    }
}

/// Writes combination `k` out in full.
#[inline(always)]
fn write_combination<R: Real>(program: &Program, k: usize, u: &mut [R]) {
    for i in 0..program.sites {
        u[i] = R::zero();
    }
    for &(site, q) in &program.combinations[k].entries {
        u[site] = R::constant(q);
    }
}

/// `u · v` with combination `k`.
#[inline(always)]
pub(crate) fn along<R: Real>(program: &Program, k: usize, v: &[R]) -> R {
    let mut sum = R::zero();
    for &(site, q) in &program.combinations[k].entries {
        sum = v[site].mul_add(R::constant(q), sum);
    }
    sum
}

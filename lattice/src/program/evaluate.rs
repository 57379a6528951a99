//! `psi`, its gradient and `H`, of one pack of points.

use ircpm_ad::Real;

use super::windows::KindMemory;
use super::{BLOCK, Group, Harmonics, Program, WIDEST};
use crate::factor::Ldl;
use crate::lanes::resize;

/// `psi`, its derivatives `∂psi` and `H = G + ∂∂psi` at one pack of points, where `G` is the metric, `I` unless another is given.
///
/// With `c_m = cos(q_m·y)` and `s_m = sin(q_m·y)`: `psi = Σ a c`, `∂psi = −Σ a s q`, `∂∂psi = −Σ a c q qᵀ`.
#[derive(Debug)]
pub(crate) struct Local<R: Real> {
    pub psi: R,
    /// One number per angle; that of a combination has been added to its sites.
    pub gradient: Vec<R>,
    /// `H`, or what of it is not of low rank; behind the diagonal the weights of the combinations.
    pub h: Ldl<R>,
    /// Memory of the windows' networks.
    pub(super) memory: Vec<KindMemory<R>>,
}

impl<R: Real> Default for Local<R> {
    fn default() -> Self {
        Self { psi: R::zero(), gradient: vec![], h: Ldl::default(), memory: vec![] }
    }
}

impl<R: Real> Local<R> {
    /// Evaluates the terms with the coefficients `a`, one per term, from the points and their harmonics.
    #[inline(always)]
    pub(crate) fn evaluate(&mut self, program: &Program, a: &[f64], harmonics: &Harmonics<R>, y: &[R]) {
        resize(&mut self.gradient, program.angles());
        self.psi = R::zero();
        for angle in 0..program.angles() {
            self.gradient[angle] = R::zero();
        }
        self.h.set_identity(&program.symbolic, program.combinations.len());
        if let Some(metric) = &program.metric {
            for i in 0..program.sites {
                self.h.diagonal[i] = R::constant(metric.entries.diagonal[i]);
            }
        }
        if program.differences.is_empty() {
            self.add_terms::<false>(program, a, harmonics);
        } else {
            self.add_terms::<true>(program, a, harmonics);
        }
        self.distribute(program);
        self.complete_diagonal(program);
        self.add_windows(program, a, y);
        if let Some(metric) = &program.metric {
            for e in 0..program.symbolic.len() {
                self.h.lower[e] += metric.entries.lower[e];
            }
        }
    }

    #[inline(always)]
    fn add_terms<const DIFFERENCES: bool>(&mut self, program: &Program, a: &[f64], harmonics: &Harmonics<R>) {
        for group in &program.groups {
            match group.width {
                1 => self.add::<1, DIFFERENCES>(program, group, a, harmonics),
                2 => self.add::<2, DIFFERENCES>(program, group, a, harmonics),
                3 => self.add::<3, DIFFERENCES>(program, group, a, harmonics),
                _ => self.add::<WIDEST, DIFFERENCES>(program, group, a, harmonics),
            }
        }
    }

    /// The terms of one group. Where they depend on differences, the first angle's slope follows from the others, and the
    /// diagonal of `H` is left to [`Local::complete_diagonal`].
    #[inline(always)]
    fn add<const K: usize, const DIFFERENCES: bool>(
        &mut self,
        program: &Program,
        group: &Group,
        a: &[f64],
        harmonics: &Harmonics<R>,
    ) {
        let shapes = &program.shapes[group.shapes];
        let terms = group.first..group.first + shapes.len();
        let (a, places) = (&a[terms.clone()], &program.places[terms]);
        let (mut psi, mut gradient, mut block) = (self.psi, [R::zero(); K], [R::zero(); BLOCK]);
        let first = usize::from(DIFFERENCES);
        for t in 0..shapes.len() {
            let shape = &shapes[t];
            let (c, s) = harmonics.term::<K>(&places[t], shape);
            let (c, s) = (c * a[t], s * a[t]);
            psi += c;
            for i in first..K {
                gradient[i] = s.mul_add(R::constant(shape.charges[i]), gradient[i]);
                for j in 0..=i - first {
                    let e = i * (i + 1) / 2 + j;
                    block[e] = c.mul_add(R::constant(shape.products[e]), block[e]);
                }
            }
        }
        self.psi = psi;
        let mut others = R::zero();
        for i in first..K {
            others += gradient[i];
            self.gradient[group.angles[i]] -= gradient[i];
            let e = i * (i + 1) / 2;
            for j in 0..i {
                self.h.lower[group.slots[e + j]] -= block[e + j];
            }
            if !DIFFERENCES {
                self.h.diagonal[group.slots[e + i]] -= block[e + i];
            }
        }
        if DIFFERENCES {
            self.gradient[group.angles[0]] += others;
        }
    }

    /// Hands what was found for combinations to their sites.
    #[inline(always)]
    fn distribute(&mut self, program: &Program) {
        for (number, combination) in program.combinations.iter().enumerate() {
            let angle = program.sites + number;
            let (slope, weight) = (self.gradient[angle], self.h.diagonal[angle]);
            for &(site, q) in &combination.entries {
                self.gradient[site] = slope.mul_add(R::constant(q), self.gradient[site]);
                if !program.low_rank {
                    let place = program.symbolic.place[site] as usize;
                    self.h.diagonal[place] = weight.mul_add(R::constant(q * q), self.h.diagonal[place]);
                }
            }
            for &(slot, product) in &combination.pairs {
                self.h.lower[slot] = weight.mul_add(R::constant(product), self.h.lower[slot]);
            }
        }
    }
}

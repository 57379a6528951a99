//! The terms of a potential by the sites that they act on, and `H` at one point as a sum of small blocks.

use std::collections::BTreeMap;

use ircpm_ad::elementary::transcendental::sin_cos;
use ircpm_ad::{Isa, Kernel, Real};
use ircpm_flow::Expression;

use crate::charges::Charges;
use crate::error::MatrixFreeError;

/// Largest number of sites of terms whose products `q qᵀ` are added up in a block.
pub(super) const WIDEST: usize = 4;

/// Terms on the same sites.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    /// Number of sites.
    pub width: usize,
    /// Where its sites begin.
    pub sites: usize,
    /// Its first term, and the one behind its last.
    pub terms: (usize, usize),
    /// Where the charges of its first term begin; each term has `width` of them.
    pub charges: usize,
    /// Where its block begins.
    pub block: usize,
}

impl Cluster {
    /// Number of entries of its block: the lower triangle row by row, or one number per term where it has none.
    fn entries(&self) -> usize {
        let terms = self.terms.1 - self.terms.0;
        if self.width <= WIDEST { self.width * (self.width + 1) / 2 } else { terms }
    }
}

/// The terms of a potential of charges, arranged for products of `H` with vectors.
///
/// Nothing of the pattern of `H` or of its factor is computed.
#[derive(Clone, Debug)]
pub struct Clusters {
    pub(super) sites: usize,
    pub(super) parameters: usize,
    pub(super) clusters: Vec<Cluster>,
    /// Sites of all clusters.
    pub(super) sites_of: Vec<u32>,
    /// Charges of all terms.
    pub(super) charges: Vec<f64>,
    /// Class of every term.
    pub(super) class_of: Vec<u32>,
    /// `1/|q|²` of every term.
    pub(super) weights: Vec<f64>,
    /// Number of entries of all blocks.
    entries: usize,
    pub(super) isa: Isa,
}

impl Clusters {
    /// The terms of a potential, on the fastest instruction set of this processor.
    pub fn new(charges: &Charges) -> Self {
        Self::on(charges, Isa::best())
    }

    /// As [`Clusters::new`], on a given instruction set.
    pub fn on(charges: &Charges, isa: Isa) -> Self {
        let mut terms_of: BTreeMap<Vec<u32>, Vec<usize>> = BTreeMap::new();
        for m in 0..charges.terms() {
            terms_of.entry(charges.charge(m).iter().map(|&(site, _)| site).collect()).or_default().push(m);
        }
        let mut out = Self {
            sites: charges.sites(),
            parameters: charges.parameters(),
            clusters: vec![],
            sites_of: vec![],
            charges: vec![],
            class_of: vec![],
            weights: vec![],
            entries: 0,
            isa,
        };
        for (sites, terms) in terms_of {
            let first = out.weights.len();
            let cluster = Cluster {
                width: sites.len(),
                sites: out.sites_of.len(),
                terms: (first, first + terms.len()),
                charges: out.charges.len(),
                block: out.entries,
            };
            out.entries += cluster.entries();
            out.clusters.push(cluster);
            out.sites_of.extend(sites);
            for m in terms {
                out.charges.extend(charges.charge(m).iter().map(|&(_, q)| f64::from(q)));
                out.class_of.push(charges.class(m) as u32);
                out.weights.push(charges.weight(m));
            }
        }
        out
    }

    /// Number `D` of angles.
    pub fn sites(&self) -> usize {
        self.sites
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Number of multiplications of one product of `H` with a vector.
    pub fn operations(&self) -> usize {
        let of = |cluster: &Cluster| match cluster.width {
            width @ ..=WIDEST => width * width,
            width => 2 * width * (cluster.terms.1 - cluster.terms.0),
        };
        self.clusters.iter().map(of).sum()
    }

    /// `H` at the point `y`, one number per site, in radians.
    ///
    /// # Errors
    /// [`MatrixFreeError::NotFinite`] if a parameter or an angle is not finite.
    ///
    /// # Panics
    /// If `theta` or `y` has the wrong length.
    pub fn at(&self, theta: &[f64], y: &[f64]) -> Result<Hessian<'_>, MatrixFreeError> {
        assert_eq!(theta.len(), self.parameters, "parameters of a potential");
        assert_eq!(y.len(), self.sites, "one angle per site");
        for (what, numbers) in [("parameter", theta), ("angle", y)] {
            if let Some(number) = numbers.iter().position(|x| !x.is_finite()) {
                return Err(MatrixFreeError::NotFinite { what, number });
            }
        }
        let mut hessian = Hessian {
            clusters: self,
            cosines: vec![0.0; self.weights.len()],
            slopes: vec![0.0; self.weights.len()],
            blocks: vec![0.0; self.entries],
        };
        self.isa.dispatch(Evaluation { theta, y, hessian: &mut hessian });
        Ok(hessian)
    }
}

/// `H = I + Hess psi` at one point, by its products with vectors alone.
///
/// It holds one block per cluster of sites, which are never assembled to a matrix, and two numbers per term.
#[derive(Clone, Debug)]
pub struct Hessian<'a> {
    pub(super) clusters: &'a Clusters,
    /// `cos(q·y)` of every term.
    pub(super) cosines: Vec<f64>,
    /// `a sin(q·y)` of every term, `a = θ/|q|²`.
    pub(super) slopes: Vec<f64>,
    /// `Σ a cos(q·y) q qᵀ` of every cluster.
    blocks: Vec<f64>,
}

/// Evaluates all terms, one per lane.
struct Evaluation<'a, 'b, 'c> {
    theta: &'a [f64],
    y: &'a [f64],
    hessian: &'b mut Hessian<'c>,
}

impl Kernel for Evaluation<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let Evaluation { theta, y, hessian } = self;
        let of = hessian.clusters;
        for cluster in &of.clusters {
            let (sites, width) = (&of.sites_of[cluster.sites..], cluster.width);
            for t in cluster.terms.0..cluster.terms.1 {
                let mut phase = 0.0;
                for i in 0..width {
                    phase += of.charges[cluster.charges + (t - cluster.terms.0) * width + i]
                        * y[sites[i] as usize];
                }
                hessian.cosines[t] = phase;
            }
        }
        let mut first = 0;
        while first < hessian.cosines.len() {
            let lanes = R::LANES.min(hessian.cosines.len() - first);
            let phase = R::from_fn(|lane| hessian.cosines[first + lane.min(lanes - 1)]);
            let (sin, cos) = sin_cos(phase);
            for lane in 0..lanes {
                let term = first + lane;
                let a = theta[of.class_of[term] as usize] * of.weights[term];
                hessian.cosines[term] = cos.lane(lane);
                hessian.slopes[term] = a * sin.lane(lane);
            }
            first += lanes;
        }
        for cluster in &of.clusters {
            hessian.add_blocks(theta, cluster);
        }
    }
}

impl Hessian<'_> {
    /// Fills the block of one cluster.
    #[inline(always)]
    fn add_blocks(&mut self, theta: &[f64], cluster: &Cluster) {
        let of = self.clusters;
        for t in cluster.terms.0..cluster.terms.1 {
            let number = t - cluster.terms.0;
            let weight = theta[of.class_of[t] as usize] * of.weights[t] * self.cosines[t];
            if cluster.width > WIDEST {
                self.blocks[cluster.block + number] = weight;
                continue;
            }
            let first = cluster.charges + number * cluster.width;
            let q = &of.charges[first..first + cluster.width];
            for i in 0..cluster.width {
                for j in 0..=i {
                    self.blocks[cluster.block + i * (i + 1) / 2 + j] += weight * q[i] * q[j];
                }
            }
        }
    }

    /// Writes `H v` over `out`, one vector per lane, `[site]`.
    #[inline(always)]
    pub(super) fn product<R: Real>(&self, v: &[R], out: &mut [R]) {
        let n = self.clusters.sites;
        for i in 0..n {
            out[i] = v[i];
        }
        for cluster in &self.clusters.clusters {
            match cluster.width {
                1 => self.subtract::<R, 1>(cluster, v, out),
                2 => self.subtract::<R, 2>(cluster, v, out),
                3 => self.subtract::<R, 3>(cluster, v, out),
                WIDEST => self.subtract::<R, WIDEST>(cluster, v, out),
                _ => self.subtract_wide(cluster, v, out),
            }
        }
    }

    /// Subtracts the product with the block of one cluster.
    #[inline(always)]
    fn subtract<R: Real, const K: usize>(&self, cluster: &Cluster, v: &[R], out: &mut [R]) {
        let sites = &self.clusters.sites_of[cluster.sites..cluster.sites + K];
        let block = &self.blocks[cluster.block..cluster.block + K * (K + 1) / 2];
        let (mut of, mut sum) = ([R::zero(); K], [R::zero(); K]);
        for i in 0..K {
            of[i] = v[sites[i] as usize];
        }
        for i in 0..K {
            for j in 0..=i {
                let entry = R::constant(block[i * (i + 1) / 2 + j]);
                sum[i] = of[j].mul_add(entry, sum[i]);
                if j < i {
                    sum[j] = of[i].mul_add(entry, sum[j]);
                }
            }
        }
        for i in 0..K {
            out[sites[i] as usize] -= sum[i];
        }
    }

    /// Subtracts the products with the terms of one cluster, one by one.
    #[inline(always)]
    fn subtract_wide<R: Real>(&self, cluster: &Cluster, v: &[R], out: &mut [R]) {
        let (width, of) = (cluster.width, self.clusters);
        let sites = &of.sites_of[cluster.sites..cluster.sites + width];
        for t in 0..cluster.terms.1 - cluster.terms.0 {
            let q = &of.charges[cluster.charges + t * width..cluster.charges + (t + 1) * width];
            let mut along = R::zero();
            for i in 0..width {
                along = v[sites[i] as usize].mul_add(R::constant(q[i]), along);
            }
            let along = along * self.blocks[cluster.block + t];
            for i in 0..width {
                out[sites[i] as usize] -= along * q[i];
            }
        }
    }
}

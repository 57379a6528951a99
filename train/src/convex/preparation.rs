//! Points in the units in which layers are fitted, and the way back.

use ircpm_flow::{Flow, FlowError};
use ircpm_manifolds::AnyManifold;

use super::specification::{ContextTerm, LayerTerms};
use super::stack::{LinearDensity, identity_terms};
use super::standard::{context_units, standard_layer, standardised, with_contexts_of};
use crate::weights::{Sample, WeightedPoints};

/// Points in the units of their own spread.
pub(super) struct Preparation<'a> {
    given: &'a AnyManifold,
    /// The manifold with conditioning variables in their units.
    pub manifold: AnyManifold,
    /// Units of the conditioning variables.
    units: Vec<ContextTerm>,
    /// The layer next to the data that standardises real columns.
    standard: Option<(LayerTerms, Vec<f64>)>,
    /// Points to fit.
    pub points: Sample,
    /// Points that judge.
    pub validation: Sample,
    /// Both of them.
    pub all: Sample,
}

impl<'a> Preparation<'a> {
    /// Standardises the points.
    ///
    /// # Errors
    /// [`FlowError`] if there are no kernels for the manifold.
    ///
    /// # Panics
    /// If there are fewer than two points to fit of positive weight, or a slice does not hold whole points.
    pub(super) fn new(
        given: &'a AnyManifold,
        points: WeightedPoints<'_>,
        validation: WeightedPoints<'_>,
    ) -> Result<Self, FlowError> {
        let n = given.ambient();
        let all = Sample::joined(&[points, validation], n);
        let [points, validation] = [points, validation].map(|part| Sample::new(part, n));
        assert!(points.points.len() >= 2 * n, "at least two points");
        let units = context_units(given, &all);
        let [points, validation, all] = [points, validation, all]
            .map(|sample| Sample { points: standardised(&sample.points, n, &units), ..sample });
        let manifold = with_contexts_of(given, &all.points);
        let standard = standard_layer(&manifold, &all);
        let base = match &standard {
            Some((terms, a)) => {
                LinearDensity::flow_of(&manifold, std::slice::from_ref(terms))?.map(|flow| (flow, a))
            }
            None => None,
        };
        let [points, validation, all] = [points, validation, all].map(|sample| match &base {
            Some((flow, a)) => Sample { points: flow.inverse(a, &sample.points).x, ..sample },
            None => sample,
        });
        Ok(Self { given, manifold, units, standard, points, validation, all })
    }

    /// The flow of fitted layers, the first applied first, in the units of the given points: with its parameters and
    /// functions.
    ///
    /// # Errors
    /// [`FlowError`] if there are no kernels for the manifold.
    pub(super) fn flow(
        &self,
        mut layers: Vec<(LayerTerms, Vec<f64>)>,
    ) -> Result<(Flow, Vec<f64>, Vec<LayerTerms>), FlowError> {
        layers.extend(self.standard.clone());
        if layers.is_empty() {
            layers.push((identity_terms(&self.manifold), vec![0.0]));
        }
        let layers = layers.into_iter().map(|(terms, a)| (terms.in_units(&self.units), a));
        let (terms, parameters): (Vec<_>, Vec<_>) = layers.unzip();
        let flow = LinearDensity::flow_of(self.given, &terms)?.expect("functions of this manifold");
        Ok((flow, parameters.concat(), terms))
    }
}

//! One table of manifolds times the laws of [`ircpm_manifolds::check`].

use crate::common::{MANIFOLDS, manifold};
use ircpm_manifolds::check;

#[test]
fn every_manifold_obeys_every_law() {
    let mut broken = Vec::new();
    for name in MANIFOLDS {
        for seed in [1, 2, 3] {
            let violations = check::violations(&manifold(name), seed);
            broken.extend(violations.iter().map(|violation| format!("{name}: {violation}")));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn same_seed_finds_the_same_error() {
    let m = manifold("S2xT1");
    for law in check::laws::<ircpm_manifolds::Product>() {
        assert_eq!(law.error(&m, 5), law.error(&m, 5), "{}", law.name);
    }
}

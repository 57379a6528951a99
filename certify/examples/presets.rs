//! Certifies the trained networks of the three presets on T², and says how long it takes.
//!
//! `cargo run --release -p ircpm-certify --example presets`

use std::ops::ControlFlow;
use std::time::Instant;

use ircpm_certify::{Layer, Options};
use ircpm_flow::{FeatureMap, Features, Network};

fn main() {
    let harmonics = Features::Harmonics { order: 1 };
    let sum = Features::Combinations { directions: vec![vec![1, 1]], order: 2 };
    let models: [(&str, &[u8], Features); 3] = [
        ("torus-multi-modal", include_bytes!("../tests/data/torus-multi-modal.theta"), harmonics.clone()),
        ("torus-unimodal", include_bytes!("../tests/data/torus-unimodal.theta"), harmonics),
        ("torus-correlated", include_bytes!("../tests/data/torus-correlated.theta"), sum),
    ];
    for (name, bytes, features) in models {
        let theta: Vec<f64> =
            bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().expect("eight bytes"))).collect();
        let features = FeatureMap::new(&features, &"T2".parse().expect("a manifold")).expect("they fit");
        let network = Network::new(features, &[32, 32], 1.0);
        let layer = Layer::<_, 2>::new(&network, &theta).expect("a layer");
        for tolerance in [1.0, 0.05] {
            let start = Instant::now();
            let outcome =
                layer.certify(&Options { tolerance, ..Options::default() }, &|_| ControlFlow::Continue(()));
            println!("{name}, tolerance {tolerance}: {outcome:?}, {:.1?}", start.elapsed());
        }
    }
}

//! Charges with sum zero, and windows of differences, commute with rotations; a closed chain with shifts.

use ircpm_lattice::{Chain, ChainWindows, LatticePotential, Square, SquareWindows};

use super::setup::{flow, parameters, points, random};

#[test]
fn differences_commute_with_rotations_and_shifts() {
    let ring = Chain { closed: true, differences: true, ..Chain::default() }.charges(16).unwrap();
    let square = Square::default().charges(4).unwrap();
    let windows_of_ring = ChainWindows { closed: true, differences: true, ..ChainWindows::default() };
    let all: [(LatticePotential, usize); 4] = [
        (ring.into(), 1),
        (square.into(), 4),
        (windows_of_ring.windows(16).unwrap().into(), 1),
        (SquareWindows::default().windows(4).unwrap().into(), 4),
    ];
    for (charges, by) in all {
        assert!(charges.is_neutral());
        let (flow, mut rng) = (flow(&charges, 2), random(10));
        let theta = [parameters(&charges, 0.9, &mut rng), parameters(&charges, 0.9, &mut rng)].concat();
        let x = points(16, 20, &mut rng);
        let image = flow.try_forward(&theta, &x).unwrap();
        let alpha = 0.7;
        let turned: Vec<f64> = x.iter().map(|x| (x + alpha).rem_euclid(std::f64::consts::TAU)).collect();
        let image_of_turned = flow.try_forward(&theta, &turned).unwrap();
        for (a, b) in image.y.iter().zip(&image_of_turned.y) {
            let turns = (b - a - alpha) / std::f64::consts::TAU;
            assert!((turns - turns.round()).abs() < 1e-13, "{a} {b}");
        }
        // A shift by one site on the ring, and by one row in the square.
        let shifted: Vec<f64> = x.chunks(16).flat_map(|x| (0..16).map(|i| x[(i + by) % 16])).collect();
        let image_of_shifted = flow.try_forward(&theta, &shifted).unwrap();
        for (s, y) in image.y.chunks(16).enumerate() {
            for i in 0..16 {
                let turns = (image_of_shifted.y[s * 16 + i] - y[(i + by) % 16]) / std::f64::consts::TAU;
                assert!((turns - turns.round()).abs() < 1e-13);
            }
        }
        for (a, b) in image.log_q.iter().zip(image_of_turned.log_q.iter().zip(&image_of_shifted.log_q)) {
            assert!((a - b.0).abs() < 1e-12 && (a - b.1).abs() < 1e-12, "{a} {b:?}");
        }
    }
}

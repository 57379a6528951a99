//! The forms of `H` against each other.

use ircpm_ad::Isa;
use ircpm_flow::Expression;
use ircpm_flow::{Cotangents, Direction, Gradients, Map, Record, Solver, ThetaGradient, Workspace};
use ircpm_lattice::factor::MOST_MULTIPLICATIONS;
use ircpm_lattice::{
    Chain, Charges, ChargesError, Form, LatticeMap, LatticePotential, Square, SquareWindows, Structure, Term,
};
use rand::RngExt;

use super::setup::{parameters, points, potentials, random};

#[test]
fn forms_are_chosen_by_the_pattern() {
    let of_potential = |potential: LatticePotential| {
        let map = LatticeMap::new(potential, Solver::default()).unwrap();
        (map.form(), map.ranks())
    };
    let of = |charges: Charges| of_potential(charges.into());
    assert_eq!(of(Charges::single_sites(63, 4).unwrap()), (Form::Diagonal, 0));
    assert_eq!(of(Charges::total(63, 3).unwrap()), (Form::Diagonal, 1));
    assert_eq!(of(Chain::default().charges(64).unwrap()), (Form::Banded { width: 2 }, 0));
    assert!(matches!(
        of(Chain { closed: true, ..Chain::default() }.charges(64).unwrap()).0,
        Form::Bordered { rows: 2 } | Form::Sparse
    ));
    assert_eq!(of(Square::default().charges(8).unwrap()).0, Form::Sparse);
    assert_eq!(of(Square::default().charges(3).unwrap()).0, Form::Dense);
    assert_eq!(of_potential(SquareWindows::default().windows(8).unwrap().into()).0, Form::Sparse);
}

#[test]
fn elimination_that_takes_too_long_is_refused() {
    // A random graph, whose elimination fills.
    let mut rng = random(5);
    let mut bonds = std::collections::BTreeSet::new();
    while bonds.len() < 40_000 {
        let (i, j) = (rng.random_range(0..2400), rng.random_range(0..2400));
        if i < j {
            bonds.insert((i, j));
        }
    }
    let terms: Vec<Term> =
        bonds.into_iter().map(|(i, j)| Term { charge: vec![(i, 1), (j, -1)], class: 0 }).collect();
    let charges = Charges::new(2400, &terms).unwrap();
    for structure in [Structure::Automatic, Structure::Sparse, Structure::Natural, Structure::Dense] {
        match LatticeMap::on(charges.clone(), Solver::default(), structure, Isa::best()) {
            Err(ChargesError::Fill { most: MOST_MULTIPLICATIONS }) => {}
            other => panic!("{structure:?}: {:?}", other.map(|map| map.elimination_cost())),
        }
    }
    // A combination of all sites beside them is no reason to fill.
    let total = Charges::sum(&[Charges::single_sites(2400, 2).unwrap(), Charges::total(2400, 2).unwrap()]);
    let map = LatticeMap::new(total.unwrap(), Solver::default()).unwrap();
    assert_eq!((map.form(), map.ranks(), map.entries()), (Form::Diagonal, 1, 0));
}

/// Everything that a map computes of some points, in both directions.
fn everything(charges: &LatticePotential, structure: Structure, isa: Isa) -> Vec<f64> {
    let map = LatticeMap::on(charges.clone(), Solver::default(), structure, isa).unwrap();
    let (n, samples, parameters_len) = (charges.sites(), 10, charges.parameters());
    let mut rng = random(4);
    let theta = parameters(charges, 0.9, &mut rng);
    let x = points(n, samples, &mut rng);
    let bar: Vec<f64> = (0..n * samples).map(|_| rng.random_range(-1.0..1.0)).collect();
    let omega: Vec<f64> = (0..samples).map(|_| rng.random_range(-1.0..1.0)).collect();
    let mut out = vec![];
    for direction in [Direction::Forward, Direction::Inverse] {
        let mut record = Record::for_gradients();
        let (mut sum, mut start) = (vec![0.0; parameters_len], vec![0.0; n * samples]);
        Workspace::with(|work| {
            map.run(direction, &theta, &x, &mut record, work);
            map.pull_back(
                direction,
                &theta,
                &record,
                Cotangents { points: &bar, log_det: &omega },
                Gradients { theta: ThetaGradient::Sum(&mut sum), points: &mut start },
                work,
            );
        });
        assert!(record.ok.iter().all(|&ok| ok));
        let ends = if direction == Direction::Forward { &record.y } else { &record.x };
        for numbers in [ends, &record.log_det, &sum, &start] {
            out.extend(numbers);
        }
    }
    out
}

#[test]
fn forms_agree_to_rounding() {
    for (name, charges) in potentials() {
        let dense = everything(&charges, Structure::Dense, Isa::Portable);
        for structure in [Structure::Natural, Structure::Sparse, Structure::Automatic] {
            for isa in Isa::available() {
                let other = everything(&charges, structure, isa);
                for (a, b) in dense.iter().zip(&other) {
                    assert!((a - b).abs() < 1e-11 * (1.0 + a.abs()), "{name}, {structure:?}: {a} {b}");
                }
            }
        }
    }
}

#[test]
fn results_do_not_depend_on_neighbours_in_a_pack() {
    let charges = Chain::default().charges(12).unwrap().into();
    let map = LatticeMap::new(Clone::clone(&charges), Solver::default()).unwrap();
    let mut rng = random(5);
    let theta = parameters(&charges, 3.0, &mut rng);
    let x = points(12, 13, &mut rng);
    let mut all = Record::default();
    Workspace::with(|work| map.run(Direction::Forward, &theta, &x, &mut all, work));
    for s in 0..13 {
        let mut one = Record::default();
        Workspace::with(|work| map.run(Direction::Forward, &theta, &x[s * 12..(s + 1) * 12], &mut one, work));
        assert_eq!(one.y, all.y[s * 12..(s + 1) * 12]);
        assert_eq!((one.log_det[0].to_bits(), one.ok[0]), (all.log_det[s].to_bits(), all.ok[s]));
    }
}

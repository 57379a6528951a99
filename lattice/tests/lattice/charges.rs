//! What constructors make, and what they refuse.

use ircpm_flow::{Expression, Solver};
use ircpm_lattice::{Chain, Charges, ChargesError, LatticeMap, Square, Term, TransferError};

#[test]
fn counts_are_those_of_the_prototype() {
    // Classes and terms as the Python prototype counts them.
    let open = |sites| Chain::default().charges(sites).unwrap();
    assert_eq!((open(8).parameters(), open(16).parameters(), open(64).parameters()), (144, 220, 220));
    let closed = Chain { range: 3, closed: true, differences: true, ..Chain::default() }.charges(64).unwrap();
    assert_eq!(closed.parameters(), 14);
    let square = Square::default().charges(8).unwrap();
    assert_eq!((square.parameters(), square.terms()), (18, 3840));
    let block = Square { block: true, ..Square::default() }.charges(8).unwrap();
    assert_eq!((block.parameters(), block.terms()), (38, 11648));
    // Distances (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), each of degree 2 and 4: 2, 2, 2, 4 and 2 pairs per site on a large
    // lattice. On 4 × 4 two sites at (2, 0) meet both ways round, and those at (2, 2) all four.
    let pairs = Square { plaquette: false, plus: false, pairs: 2, ..Square::default() };
    let of = |side: usize| pairs.charges(side).unwrap();
    assert_eq!((of(8).parameters(), of(8).terms()), (10, 2 * 64 * (2 + 2 + 2 + 4 + 2)));
    assert_eq!((of(4).parameters(), of(4).terms()), (10, 2 * (16 * 15) / 2));
    let far = Square { pairs: 9, ..pairs };
    assert_eq!(far.charges(4).unwrap().labels(), of(4).labels());
}

#[test]
fn errors_name_the_term() {
    let term = |charge: &[(usize, i32)], class| Term { charge: charge.to_vec(), class };
    let of = |terms: &[Term]| Charges::new(3, terms).unwrap_err();
    let good = term(&[(0, 1)], 0);
    assert_eq!(of(&[]), ChargesError::Empty { what: "a term" });
    assert_eq!(Charges::new(0, &[]).unwrap_err(), ChargesError::Empty { what: "a site" });
    assert_eq!(of(&[good.clone(), term(&[(3, 1)], 0)]), ChargesError::Site { term: 1, site: 3, last: 2 });
    assert_eq!(of(&[term(&[(1, 0)], 0)]), ChargesError::Constant { term: 0 });
    assert_eq!(of(&[term(&[(1, 1), (1, 2)], 0)]), ChargesError::SiteTwice { term: 0, site: 1 });
    assert_eq!(of(&[term(&[(1, 65)], 0)]), ChargesError::Charge { term: 0, charge: 65, largest: 64 });
    let repeated = [term(&[(0, 1), (1, -2)], 0), term(&[(1, 2), (0, -1)], 0)];
    assert_eq!(of(&repeated), ChargesError::Repeated { term: 1, class: 0 });
    assert_eq!(of(&[good.clone(), term(&[(1, 1)], 2)]), ChargesError::NoTerm { class: 1, classes: 3 });
    let short = Chain { closed: true, ..Chain::default() }.charges(4);
    assert_eq!(short.unwrap_err(), ChargesError::TooSmall { lattice: "a closed chain", found: 4, needed: 5 });
    assert!(matches!(Square::default().charges(2), Err(ChargesError::TooSmall { needed: 3, .. })));
    assert!(matches!(Square { degree: 1, ..Square::default() }.charges(4), Err(ChargesError::Empty { .. })));
    let solver = Solver { max_steps: 0, ..Solver::default() };
    assert!(matches!(LatticeMap::new(Charges::total(4, 1).unwrap(), solver), Err(ChargesError::Solver(_))));
}

#[test]
fn parameters_move_to_larger_lattices_by_label() {
    let (small, large) = (Chain::default().charges(16).unwrap(), Chain::default().charges(64).unwrap());
    let theta: Vec<f64> = (0..small.parameters()).map(|k| k as f64).collect();
    let moved = large.parameters_from(&small, &theta).unwrap();
    for (label, value) in large.labels().iter().zip(&moved) {
        assert_eq!(&small.labels()[*value as usize], label);
    }
    let tiny = Chain::default().charges(8).unwrap();
    assert!(matches!(
        large.parameters_from(&tiny, &vec![0.0; tiny.parameters()]),
        Err(TransferError::Missing { .. })
    ));
    let error = large.parameters_from(&small, &[0.0]).unwrap_err();
    assert_eq!(error, TransferError::Parameters { expected: 220, found: 1 });
}

#[test]
fn differences_are_neutral() {
    assert!(Square::default().charges(4).unwrap().is_neutral());
    assert!(!Chain::default().charges(8).unwrap().is_neutral());
}

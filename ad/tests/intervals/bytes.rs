//! What must hold of any numbers and intervals.
//!
//! Replayed from `tests/regressions/interval`; the fuzz target `interval` includes this file.

use std::cell::RefCell;

use astro_float_num::Consts;
use ircpm_ad::interval::Interval;

use crate::references::{HALF_LINES, ROWS, Row, assert_contains, assert_operations, big};

thread_local! {
    /// Digits of π and others, which are computed once.
    static CONSTANTS: RefCell<Consts> = RefCell::new(Consts::new().expect("memory"));
}

/// Reads a function or the operations, and four numbers `a`, `b`, `c` and `d`, from `bytes`, missing ones being zero. The
/// function over the interval between `a` and `b` contains its value at both; the operations of that interval with the
/// one between `c` and `d` contain those of `a` and `c`.
pub(crate) fn encloses(bytes: &[u8]) {
    let Some((&choice, rest)) = bytes.split_first() else { return };
    let mut numbers = rest.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().expect("eight bytes")));
    let mut number = || numbers.next().filter(|x| x.is_finite()).unwrap_or(0.0);
    let [a, b, c, d] = [0; 4].map(|_| number());
    let [x, y] = [(a, b), (c, d)].map(|(low, high)| Interval::new(low.min(high), low.max(high)));
    match ROWS.iter().chain(&HALF_LINES).nth(usize::from(choice) % (ROWS.len() + HALF_LINES.len() + 4)) {
        Some(row) => {
            function(row, a, Interval::point(a));
            function(row, a, x);
            function(row, b, x);
        }
        // Beyond these the references overflow or underflow.
        None if [a, b, c, d].iter().all(|x| *x == 0.0 || (1e-140..1e140).contains(&x.abs())) => {
            assert_operations([a, c], [Interval::point(a), Interval::point(c)]);
            assert_operations([a, c], [x, y]);
        }
        None => {}
    }
}

/// The reference at a number lies in the function over an interval, where that lies in the function's range.
fn function(Row(name, enclose, reference, [low, high], _): &Row, at: f64, over: Interval) {
    // References near zero lose their digits where the function subtracts.
    let is_tiny = at != 0.0 && at.abs() < 1e-60;
    if over.lo() < *low || over.hi() > *high || is_tiny {
        return;
    }
    let y = enclose(over);
    if y.is_undefined() {
        let may_be = *name == "tan" || *name == "recip" || over.contains(0.0);
        assert!(may_be || over.magnitude() == 1.0, "{name} over {over:?} is undefined");
        return;
    }
    let exact = CONSTANTS.with_borrow_mut(|constants| reference(&big(at), constants));
    assert_contains(name, at, y, &exact);
}

//! Random changes of inputs, for a fuzzer that needs nothing but stable Rust: it does not see what code an input reaches,
//! so it finds less than libFuzzer does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What parsers of numbers and brackets stumble over.
const PIECES: [&[u8]; 20] = [
    b"0",
    b"-1",
    b"1e308",
    b"-1e-320",
    b"nan",
    b"inf",
    b"9223372036854775808",
    b"18446744073709551615",
    b"\"",
    b"'",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"\n",
    b"\r",
    b"\0",
    b"\xff\xfe",
    b"\xe2\x88\x92",
];

/// Runs a check on changed inputs until the time is over; their number is returned. The same seed gives the same inputs.
///
/// # Panics
/// If the check panics; the message has the input.
pub(crate) fn check_mutated(corpus: &[Vec<u8>], seed: u64, time: Duration, check: fn(&[u8])) -> usize {
    let (start, mut random, mut count) = (Instant::now(), Random(seed), 0);
    while start.elapsed() < time {
        let input = mutated(corpus, &mut random);
        if catch_unwind(AssertUnwindSafe(|| check(&input))).is_err() {
            panic!("input {count} of seed {seed}: b\"{}\"", input.escape_ascii());
        }
        count += 1;
    }
    count
}

/// An input of the corpus with a few changes.
fn mutated(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(input.len() + 1);
        let end = at + random.below(input.len() - at + 1).min(random.below(40));
        match random.below(6) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 => drop(input.drain(at..end)),
            2 => {
                let copy = input[at..end].to_vec();
                let place = random.below(input.len() + 1);
                input.splice(place..place, copy);
            }
            3 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                let part = &other[from..other.len().min(from + random.below(60))];
                input.splice(at..end, part.iter().copied());
            }
            4 => drop(input.splice(at..at, PIECES[random.below(PIECES.len())].iter().copied())),
            // A number in place of another.
            _ => {
                let is_digit = |byte: &u8| byte.is_ascii_digit();
                let Some(start) = input[at..].iter().position(is_digit).map(|first| at + first) else {
                    continue;
                };
                let length = input[start..].iter().take_while(|byte| is_digit(byte)).count();
                input.splice(start..start + length, PIECES[random.below(8)].iter().copied());
            }
        }
    }
    input
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    /// A number below `bound`, which is not zero.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

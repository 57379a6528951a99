//! Contenders measured in turn, so that what else the machine does hits all of them alike.

use std::hint::black_box;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

/// A turn repeats its work for at least this long.
const TURN: Duration = Duration::from_millis(40);

/// Something to be measured.
pub struct Contender<'a> {
    /// For tables.
    pub name: String,
    /// Samples that one call works on.
    pub samples: usize,
    work: Box<dyn FnMut() + 'a>,
}

/// CPU time of one call, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Of the fastest turn.
    pub least: f64,
    /// Of the turn in the middle.
    pub median: f64,
}

impl<'a> Contender<'a> {
    /// `work`, on `samples` samples a call.
    pub fn new<T>(name: impl Into<String>, samples: usize, mut work: impl FnMut() -> T + 'a) -> Self {
        Self { name: name.into(), samples, work: Box::new(move || drop(black_box(work()))) }
    }
}

/// What a turn's clock shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// CPU time of the process: what others do on the machine counts little.
    Cpu,
    /// Time that passes: for work on several threads.
    Wall,
}

impl Clock {
    /// Rounds in which every contender has one turn; the wall clock needs luck to see both threads undisturbed.
    pub const fn rounds(self) -> usize {
        match self {
            Clock::Cpu => 9,
            Clock::Wall => 25,
        }
    }
}

/// Times of all contenders, in their order.
pub fn race(contenders: &mut [Contender<'_>], clock: Clock) -> Vec<Timing> {
    let turns: Vec<usize> = contenders.iter_mut().map(|c| calls_per_turn(c)).collect();
    let mut times = vec![Vec::with_capacity(clock.rounds()); contenders.len()];
    for _ in 0..clock.rounds() {
        for ((contender, &calls), times) in contenders.iter_mut().zip(&turns).zip(&mut times) {
            times.push(timed(contender, calls, clock) / calls as f64);
        }
    }
    times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            Timing { least: times[0], median: times[clock.rounds() / 2] }
        })
        .collect()
}

/// Calls that fill a turn, found by doubling; warms the caches up as well.
fn calls_per_turn(contender: &mut Contender<'_>) -> usize {
    let mut calls = 1;
    while timed(contender, calls, Clock::Cpu) < TURN.as_secs_f64() {
        calls *= 2;
    }
    calls
}

fn timed(contender: &mut Contender<'_>, calls: usize, clock: Clock) -> f64 {
    let (cpu, wall) = (ProcessTime::now(), Instant::now());
    for _ in 0..calls {
        (contender.work)();
    }
    match clock {
        Clock::Cpu => cpu.elapsed().as_secs_f64(),
        Clock::Wall => wall.elapsed().as_secs_f64(),
    }
}

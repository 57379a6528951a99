//! Timings of several contenders, which take turns because other work on the machine then slows all of them.

use std::hint::black_box;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

/// Shortest CPU time of one turn, in which a contender repeats its work.
const TURN: Duration = Duration::from_millis(40);

/// A function whose time is measured.
pub struct Contender<'a> {
    /// Name, for messages.
    pub name: String,
    /// Number of samples that one call works on.
    pub samples: usize,
    work: Box<dyn FnMut() + 'a>,
}

/// Times of one call in seconds, over several turns.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Time of the fastest turn.
    pub least: f64,
    /// Median over the turns.
    pub median: f64,
}

impl<'a> Contender<'a> {
    /// A contender that calls `work`, on `samples` samples per call.
    pub fn new<T>(name: impl Into<String>, samples: usize, mut work: impl FnMut() -> T + 'a) -> Self {
        Self { name: name.into(), samples, work: Box::new(move || drop(black_box(work()))) }
    }
}

/// The clock that times a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// CPU time of the process, to which other processes add little.
    Cpu,
    /// Wall-clock time, for work on several threads.
    Wall,
}

impl Clock {
    /// Number of turns per contender. The wall clock needs more, because both threads are seldom undisturbed at once.
    pub const fn rounds(self) -> usize {
        match self {
            Clock::Cpu => 9,
            Clock::Wall => 25,
        }
    }
}

/// Runs the contenders in turn and returns their times, in their order.
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

/// Number of calls that fill a turn, found by doubling; these calls also warm up the caches.
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

//! A clock that does what clocks of devices do: it jumps ahead when the time is set or after a
//! sleep, stands still while its timer is off, and starts anywhere from zero on. One that goes back
//! breaks its promise (`Clock`); that costs time, and nothing else.

use sockstate::{Duration, Instant};

use super::pair::{HEAP, Pair, Wrong, micros};
use super::sweep::{Outcome, case, play};

const DAY: u64 = 24 * 3_600;

/// Runs the scenario with a clock that is wrong at each reading in turn, and once more.
fn at_each_reading(outcome: Outcome, wrong: impl Fn(usize) -> Wrong) {
    let pair = Pair::new();
    play(&pair, Outcome::Complete);
    let readings = pair.time.reads.get();
    assert!(readings > 300, "{readings} readings");
    for reading in 1..=readings {
        let wrong = wrong(reading);
        case(format!("{wrong:?}"), || {
            let pair = Pair::new();
            pair.time.wrong.set(Some(wrong));
            play(&pair, outcome);
            pair.time.wrong.set(None);
            // What had a time before the clock went back has it still.
            let goes_back = matches!(wrong, Wrong::Jumps(_, by) if by < 0);
            play(&pair, if goes_back { Outcome::Ended } else { Outcome::Complete });
        });
    }
}

#[test]
fn it_jumps_a_second_ahead() {
    at_each_reading(Outcome::Complete, |at| Wrong::Jumps(at, micros(1)));
}

/// A look-up is over, a connection request is not.
#[test]
fn it_jumps_further_ahead() {
    for seconds in [20, 45, 100] {
        at_each_reading(Outcome::Ended, |at| Wrong::Jumps(at, micros(seconds)));
    }
}

#[test]
fn it_jumps_days_and_years_ahead() {
    for days in [1, 50, 400 * 365] {
        at_each_reading(Outcome::Ended, |at| Wrong::Jumps(at, micros(days * DAY)));
    }
}

#[test]
fn it_stands_still_for_a_while() {
    for readings in [1, 10, 100] {
        at_each_reading(Outcome::Complete, |at| Wrong::Stands(at, readings));
    }
}

#[test]
fn it_goes_back() {
    for seconds in [1, 100] {
        at_each_reading(Outcome::Ended, |at| Wrong::Jumps(at, -micros(seconds)));
    }
}

/// Whoever waits for the time is told so, and is not kept busy.
#[test]
fn it_stands_still_for_ever() {
    let pair = Pair::new();
    pair.time.wrong.set(Some(Wrong::Stands(0, usize::MAX)));
    let net = pair.near.stack.net();
    let dead = "192.168.69.77:80".parse().unwrap();
    let _connecting = net.tcp().unwrap().connect(dead).unwrap();
    let mut datagrams = net.udp().unwrap().connect(dead).unwrap();
    datagrams.send(b"to nobody").unwrap();
    let (mut polls, start) = (0, pair.now());
    while pair.poll() {
        polls += 1;
    }
    assert!(polls < 10, "{polls} polls");
    for _ in 0..100 {
        assert!(!pair.poll());
        let delay = pair.near.stack.poll_delay().expect("it asks again");
        assert!(delay > Duration::ZERO);
    }
    assert_eq!(pair.now(), start);
}

/// A time limit beyond the end of time is none.
#[test]
fn it_starts_anywhere_from_zero_on() {
    let day = micros(DAY);
    for start in [0, 1, i64::MAX / 2, i64::MAX - day] {
        for limit in [30, 48 * DAY].map(|seconds| Some(Duration::from_secs(seconds))) {
            case(format!("starts at {start}, limit {limit:?}"), || {
                let pair = Pair::with(HEAP, Instant::from_micros(start), |config| {
                    config.deadlines.connect = limit;
                    config.deadlines.handshake = limit;
                    config.deadlines.unreachable = limit;
                    config.deadlines.closing = limit;
                    config.deadlines.lookup = limit;
                });
                play(&pair, Outcome::Complete);
                play(&pair, Outcome::Complete);
            });
        }
    }
}

/// Before zero, smoltcp looks for no neighbour (`neighbor.rs`, `silent_until`): everything ends,
/// and goes well from zero on.
#[test]
fn it_starts_before_zero() {
    for start in [-1, -micros(5), -micros(DAY), i64::MIN] {
        case(format!("starts at {start}"), || {
            let pair = Pair::with(HEAP, Instant::from_micros(start), |_| {});
            play(&pair, Outcome::Ended);
            let zero = start.saturating_neg() - 1;
            pair.time.wrong.set(Some(Wrong::Jumps(pair.time.reads.get() + 1, zero)));
            play(&pair, Outcome::Complete);
        });
    }
}

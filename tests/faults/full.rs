//! A device without room.

use super::device::Kind;
use super::sweep::{self, Outcome, at_each_call, at_every};

#[test]
fn for_one_frame() {
    at_each_call(Kind::Full, 1);
}

#[test]
fn for_a_while() {
    at_each_call(Kind::Full, 7);
}

#[test]
fn time_and_again() {
    at_every(Kind::Full, 2..=24, Outcome::Complete);
}

#[test]
fn for_ever() {
    sweep::for_ever(Kind::Full);
}

//! A device that has frames, and does not give them out.

use super::device::Kind;
use super::sweep::{self, Outcome, at_each_call, at_every};

#[test]
fn for_one_call() {
    at_each_call(Kind::Deaf, 1);
}

#[test]
fn for_a_while() {
    at_each_call(Kind::Deaf, 9);
}

#[test]
fn time_and_again() {
    at_every(Kind::Deaf, 2..=24, Outcome::Complete);
}

#[test]
fn for_ever() {
    sweep::for_ever(Kind::Deaf);
}

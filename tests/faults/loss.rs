//! A device that loses frames, or sends them late, and does not say so.

use super::device::Kind;
use super::sweep::{self, Outcome, at_each_call, at_every};

#[test]
fn each_frame_is_lost_once() {
    at_each_call(Kind::Lossy, 1);
}

/// A look-up asks no more than three times.
#[test]
fn two_frames_in_a_row_are_lost() {
    at_each_call(Kind::Lossy, 2);
}

#[test]
fn time_and_again() {
    at_every(Kind::Lossy, 4..=40, Outcome::Complete);
}

/// Each segment may be lost when it is sent first, so that TCP never learns how long an answer
/// takes, and doubles its patience each time (RFC 6298 section 5.5), until the peer is given up.
#[test]
fn too_often() {
    at_every(Kind::Lossy, 2..=3, Outcome::Ended);
}

#[test]
fn each_frame_is_late_once() {
    at_each_call(Kind::Late, 1);
}

#[test]
fn frames_are_late_time_and_again() {
    at_every(Kind::Late, 1..=24, Outcome::Complete);
}

#[test]
fn for_ever() {
    sweep::for_ever(Kind::Lossy);
}

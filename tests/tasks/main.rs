//! Sockets in tasks, in virtual time: futures that are dropped at every point, peers that reset, slots
//! that run out, wakers that go.

#[path = "../common/mod.rs"]
mod common;
mod connecting;
mod datagrams;
mod devices;
mod edge;
mod names;
mod resets;
mod runner;
mod slots;
mod streams;
mod together;
mod traits;
mod wakers;

use sockstate::testing::Lab;
use sockstate::{Duration, Net, Protocol};

use common::slots;

/// A lab with a few slots and small buffers, and frames that take a while.
fn lab() -> Lab {
    Lab::builder(5).near(slots(4, 4)).far(slots(4, 4)).cable(common::slow_cable()).build()
}

/// The free slots of each protocol.
fn free(net: &Net) -> [usize; 2] {
    [Protocol::Tcp, Protocol::Udp].map(|protocol| net.free_slots(protocol).unwrap())
}

/// Everything was given back, once what was closed has been delivered.
#[track_caller]
fn assert_nothing_leaked(lab: &Lab) {
    lab.run_for(Duration::from_secs(600));
    assert_eq!((free(&lab.near), free(&lab.far)), ([4, 4], [4, 4]));
}

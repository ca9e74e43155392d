//! Waiting for many sockets: which are ready, who is woken, and what is told of sockets that are
//! gone.

#[path = "../common/mod.rs"]
mod common;

mod events;
mod listeners;
mod packets;
mod random;
mod server;
mod steps;
mod wakers;

use std::collections::BTreeMap;

use sockstate::testing::Lab;
use sockstate::{Ready, Watch, nb};

/// All that is ready now, each with its key, in the order of the keys.
fn round(watch: &mut Watch<'_>) -> Vec<(u16, Ready)> {
    // What is ready comes up again and again: so often that all have had their turn.
    let events = std::iter::from_fn(|| watch.event().ok()).take(64);
    let ready: BTreeMap<_, _> = events.map(|event| (event.key, event.ready)).collect();
    ready.into_iter().collect()
}

/// What is ready of one socket that is watched alone.
fn ready(watch: &mut Watch<'_>) -> Ready {
    match watch.event() {
        Ok(event) => event.ready,
        Err(error) => {
            assert_eq!(error, nb::Error::WouldBlock);
            Ready::NONE
        }
    }
}

/// Lets what is on its way arrive.
fn settle(lab: &Lab) {
    lab.run_for(sockstate::Duration::from_millis(200));
}

//! What a run has seen.

use std::fmt;

use crate::checks::{Checks, Invariant};

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident: $text:literal,)*) => {
        /// What a run has seen.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
            pub checks: Checks,
        }

        impl Stats {
            pub fn add(&mut self, other: &Stats) {
                $(self.$name += other.$name;)*
                self.checks.add(&other.checks);
            }

            fn rows(&self) -> Vec<(&'static str, u64)> {
                vec![$(($text, self.$name),)*]
            }
        }
    };
}

stats! {
    seconds: "virtual seconds",
    frames: "frames sent",
    frames_lost: "frames lost",
    frames_cut: "frames into a partition or a link that is down",
    frames_refused: "frames too large, or into a full queue",
    frames_duplicated: "frames duplicated",
    frames_reordered: "frames delayed to be overtaken",
    frames_corrupted: "frames with a flipped bit",
    frames_withheld: "frames withheld for a fault of smoltcp: a FIN behind the window",
    probes_withheld: "frames withheld for a fault of smoltcp: a probe within the stream",
    faults: "partitions, flaps, clock jumps and stops, new addresses",
    dials: "connections asked for",
    connected: "connections opened",
    refused: "connections refused",
    connect_timed_out: "connection requests that timed out",
    connect_failed: "connections that failed otherwise",
    given_up: "connection requests and look-ups dropped",
    accepted: "connections accepted",
    completed: "streams received to their end",
    reset: "connections reset",
    timed_out: "connections that timed out",
    cut: "connections that lost address or link",
    ended: "connections that the application ended before the peer did",
    halves: "connections split into halves",
    bytes_sent: "bytes sent over TCP",
    bytes_received: "bytes received over TCP",
    datagrams_sent: "datagrams sent",
    datagrams_received: "datagrams received",
    icmp_errors: "ICMP errors told to UDP sockets",
    lookups: "look-ups",
    lookups_answered: "look-ups answered",
    lookups_failed: "look-ups without an answer",
    without_room: "calls for which there was no slot, port or address",
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (text, value) in self.rows() {
            writeln!(f, "{value:>14}  {text}")?;
        }
        writeln!(f, "checks:")?;
        for invariant in Invariant::ALL {
            writeln!(f, "{:>14}  {}", self.checks.of(*invariant), invariant.text())?;
        }
        Ok(())
    }
}

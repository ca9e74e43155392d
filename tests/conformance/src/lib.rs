//! A scripted peer for the TCP of sockstate, in the manner of packetdrill.
//!
//! A script says, segment by segment and in virtual time, what the peer sends, what the program
//! calls, and what the stack must send. Whatever else the stack sends fails the script.
//!
//! # The head
//!
//! ```text
//! # RFC 9293 3.5: The behaviour, in one sentence.
//! config ipv6
//! ```
//!
//! The first line names the RFC and its section. Then come the lines of `config`, if any:
//!
//! | `config ..` | |
//! |---|---|
//! | `ipv6` | over IPv6; otherwise IPv4 |
//! | `slots 4` | TCP slots of the stack; otherwise 8 |
//! | `rx 64`, `tx 64` | bytes of the buffers of each socket; otherwise 4096 |
//! | `mtu 576` | of the link, as IP counts it; otherwise 1500 |
//! | `overflow refuse` | what a full backlog does; otherwise it ignores |
//! | `connect 5s`, `handshake ..`, `unreachable ..`, `closing ..` | the deadlines, or `off` |
//! | `neighbour silent` | the peer does not answer ARP and NDP by itself |
//!
//! # The lines
//!
//! ```text
//! +0     connect 80
//! +0     > S 0:0(0) win 4096 mss 1460 wscale 0 sackOK
//! +10ms  < S. 0:0(0) ack 1 win 4096 mss 1460
//! +0     > . 1:1(0) ack 1 win 4096
//! +0     connected
//! ```
//!
//! Each begins with the time since the one before: `+0`, `+250us`, `+10ms`, `+1.5s`. Until that
//! moment, the stack must be silent. `>` is what it must send at that moment, before anything else
//! happens; `<` is what the peer sends. `+1s silent` is for a silence that nothing ends. `@b` in
//! front of the rest means another connection than the usual one, `@a`: another peer's port,
//! another socket.
//!
//! A segment has its flags (`S`, `F`, `R`, `P`, `U`, and `.` for ACK), its first sequence number,
//! the one behind its payload, and the payload's length. Sequence numbers are relative to the
//! initial one of whoever sends, acknowledged ones to that of whoever receives: 0 is the SYN, 1
//! the first byte. As long as the stack has not sent its SYN, its initial number is 0; `anew` goes
//! back to that, for a new connection between the same two ends. Then come `ack`, `win` (as on the
//! wire; only a RST may go without), the options `mss`, `wscale`, `sackOK` and `sack 5-8`, and the
//! payload, if it is not [`pattern`], in quotes with the escapes `\0`, `\n`, `\"` and `\\`. A
//! segment that the stack sends must have just the options that are written.
//!
//! What the peer sends may be odd: `urg 3`, `checksum bad`, `src 10.0.0.1`, `dst 10.0.0.1`,
//! `frame broadcast`. `< icmp port` and `< icmp host` say of the last SYN of the stack that it
//! could not be delivered. Where the peer does not answer by itself, `> neighbour` is the question
//! for its hardware address, and `< neighbour` the answer.
//!
//! # The calls
//!
//! | call | |
//! |---|---|
//! | `listen 80 backlog 2`, `unlisten` | a listener, and its end |
//! | `accept` | the next connection, which must be the one with that peer |
//! | `connect 80`, `connect 80 from 6000` | begins a connection to a port of the peer |
//! | `connected`, `closed` | waiting for that is over |
//! | `send "text"`, `send 100` | takes all of the text, or of so many bytes of the pattern |
//! | `receive "text"`, `receive 100`, `.. at most 10` | just this is there to be received |
//! | `flush`, `shutdown`, `close`, `abort`, `drop` | |
//! | `keep-alive 10s`, `timeout 5s`, `ack-delay 10ms`, `nagle off` | options, or `off` |
//! | `state FIN-WAIT-1` | the state of the connection |
//! | `free 7` | so many TCP slots are free |
//!
//! A call must succeed, unless `-> WouldBlock`, `-> Error::Refused` or, after `send`, `-> 64`
//! says otherwise.
//!
//! # What is known to differ
//!
//! In a script of `known`, the second line says where and what the fault is, and one line ends with
//! `!!` and the segment (or `nothing`, or the outcome of the call) that there is in place of what
//! the RFC wants: [`run_known`] checks that this is still so.

mod call;
mod line;
mod parse;
mod peer;
mod runner;
mod script;
mod segment;
mod sockets;
mod wire;

use std::path::{Path, PathBuf};

pub use runner::{Failure, run, run_known};
pub use script::{ParseError, Script};

/// The byte of the pattern at a place of a stream: what is sent if nothing else is written.
pub fn pattern(at: usize) -> u8 {
    b'a' + (at % 26) as u8
}

/// The scripts below a folder of this package, in the order of their names.
///
/// # Panics
///
/// If the folder cannot be read.
pub fn scripts_in(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of scripts") {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|end| end == "tcp") {
            found.push(path);
        }
    }
}

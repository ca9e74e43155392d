//! What the integration tests share: addresses, assertions, and peers that are played by hand.

// Every test target compiles this file for itself, and none needs all of it.
#![allow(dead_code)]

pub mod drive;
pub mod name_server;
pub mod packets;
pub mod script;

use std::fmt::Debug;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use sockstate::device::{Cable, Faults};
use sockstate::state::tcp::CanReceive;
use sockstate::testing::Lab;
use sockstate::{Duration, Error, Failed, Heap, TcpSocket, nb};

pub const NEAR: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 1);
pub const FAR: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 2);
/// An address on the network of both stacks that nobody has.
pub const DEAD: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 77);
pub const FAR_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);

/// A port of the near stack.
pub fn near(port: u16) -> SocketAddr {
    (NEAR, port).into()
}

/// A port of the far stack.
pub fn far(port: u16) -> SocketAddr {
    (FAR, port).into()
}

/// Memory for so many sockets, with small buffers.
pub fn slots(tcp: usize, udp: usize) -> Heap {
    Heap { tcp, udp, tcp_rx: 4096, tcp_tx: 4096, udp_buf: 4096, udp_packets: 8, ..Heap::default() }
}

/// A cable on which every frame is on its way for a while, and nothing else goes wrong.
pub fn slow_cable() -> Cable {
    let faults = Faults { delay: Duration::from_millis(20), ..Faults::default() };
    Cable::ethernet().with_faults(faults, 0)
}

#[track_caller]
pub fn assert_blocks<R, E: Debug + PartialEq>(result: nb::Result<R, E>) {
    assert_eq!(result.err(), Some(nb::Error::WouldBlock));
}

#[track_caller]
pub fn assert_error<R>(result: nb::Result<R, Error>, expected: Error) {
    assert_eq!(result.err(), Some(nb::Error::Other(expected)));
}

/// Takes a failed transition apart.
#[track_caller]
pub fn failed<T, U>(transition: Result<T, Failed<U>>) -> (U, Error) {
    match transition {
        Ok(_) => panic!("the transition succeeded"),
        Err(failed) => failed.into_parts(),
    }
}

/// Receives until the stream ends, and says how it ended.
pub fn read_to_end<St: CanReceive>(lab: &Lab, socket: &mut TcpSocket<'_, St>) -> (Vec<u8>, Error) {
    let mut data = Vec::new();
    let mut buffer = [0; 512];
    loop {
        match lab.block(|| socket.receive(&mut buffer)) {
            Ok(received) => data.extend_from_slice(&buffer[..received]),
            Err(end) => return (data, end),
        }
    }
}

/// Bytes that differ from place to place.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at ^ at >> 8) as u8).collect()
}

/// Random numbers of a seed (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

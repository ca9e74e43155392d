//! Traffic inside the machine, and how many instructions it takes at one of its two ends.
//!
//! The near end is the stack under test. At the other end of a cable in memory is [`Remote`], bare
//! smoltcp, which runs whenever the near end waits. The clock stands still but when both wait; so
//! all near ends have the same to do.

mod cable;
mod meter;
mod remote;

use crate::say;

pub use cable::Plug;
pub use remote::{HOST as REMOTE_HOST, Remote, now};

/// The near end's address.
pub const HOST: [u8; 4] = [192, 168, 69, 1];

/// Bytes of each of the near end's TCP buffers.
pub const TCP_BUFFER: usize = 4_096;
/// Bytes of each of its UDP buffers, and how many datagrams those hold.
pub const UDP_BUFFER: usize = 512;
pub const DATAGRAMS: usize = 4;

/// Bytes that go in one direction.
const BULK: usize = 64 * 1_024;
/// Bytes of a request, and of its answer.
const REQUEST: usize = 64;

/// The stack under test. It panics where it fails: nothing here may.
pub trait Near {
    type Tcp;
    type Udp;

    /// The other end, which this one runs whenever it waits.
    fn remote(&mut self) -> &mut Remote;

    /// Waits for a connection.
    fn connect(&mut self, port: u16) -> Self::Tcp;

    /// Waits until some of the data is queued, and says how much.
    fn send(&mut self, tcp: &mut Self::Tcp, data: &[u8]) -> usize;

    /// Waits for data, and says how much came: none if the stream has ended.
    fn receive(&mut self, tcp: &mut Self::Tcp, buffer: &mut [u8]) -> usize;

    /// Closes a connection, and waits until both directions are closed.
    fn close(&mut self, tcp: Self::Tcp);

    /// A UDP socket that talks to this port.
    fn udp(&mut self, port: u16) -> Self::Udp;

    /// Sends a datagram, and waits for the answer.
    fn ask(&mut self, udp: &mut Self::Udp, request: &[u8], answer: &mut [u8]) -> usize;
}

/// Does all work, and prints what it has cost.
pub fn run<N: Near>(mut near: N) {
    let near = &mut near;
    let mut tcp = near.connect(remote::ECHO);
    measure(near, "TCP round trip of 64 bytes", 1_000, |near| tcp_round_trip(near, &mut tcp));
    near.close(tcp);
    let mut udp = near.udp(remote::ECHO);
    measure(near, "UDP round trip of 64 bytes", 1_000, |near| udp_round_trip(near, &mut udp));
    measure(near, "TCP connection, 64 KiB sent", 10, send_bulk);
    measure(near, "TCP connection, 64 KiB received", 10, receive_bulk);
    measure(near, "TCP connection, opened and closed", 200, |near| {
        let tcp = near.connect(remote::DISCARD);
        near.close(tcp);
    });
}

fn measure<N: Near>(near: &mut N, what: &str, times: u32, mut work: impl FnMut(&mut N)) {
    // Not counted: the first time, which asks for hardware addresses.
    work(near);
    near.remote().begin();
    (0..times).for_each(|_| work(near));
    let cost = near.remote().end();
    say!(
        "bench: {}: {} times, {} instructions, {} frames, {} turns",
        what,
        times,
        cost.instructions,
        cost.frames,
        cost.turns
    );
}

fn tcp_round_trip<N: Near>(near: &mut N, tcp: &mut N::Tcp) {
    assert_eq!(near.send(tcp, &[1; REQUEST]), REQUEST);
    assert_eq!(near.receive(tcp, &mut [0; REQUEST]), REQUEST);
}

fn udp_round_trip<N: Near>(near: &mut N, udp: &mut N::Udp) {
    assert_eq!(near.ask(udp, &[1; REQUEST], &mut [0; REQUEST]), REQUEST);
}

fn send_bulk<N: Near>(near: &mut N) {
    let mut tcp = near.connect(remote::DISCARD);
    let mut left = BULK;
    while left > 0 {
        left -= near.send(&mut tcp, &[1; 1_024][..left.min(1_024)]);
    }
    near.close(tcp);
}

fn receive_bulk<N: Near>(near: &mut N) {
    let mut tcp = near.connect(remote::SOURCE);
    let mut received = 0;
    loop {
        match near.receive(&mut tcp, &mut [0; 1_024]) {
            0 => break,
            size => received += size,
        }
    }
    assert_eq!(received, BULK);
    near.close(tcp);
}

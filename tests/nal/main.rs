//! The embedded-nal traits over the typed sockets, as clients use them: with no call on the stack
//! but those of the traits.

mod blocking;
#[path = "../common/mod.rs"]
mod common;
mod dns;
mod lab;
mod tcp;
mod udp;

use core::net::SocketAddr;

use sockstate::testing::Lab;
use sockstate::{Duration, nb};

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Repeats a call of the near stack, and lets only the far stack and the time go on by themselves.
fn block<R, E>(lab: &Lab, mut call: impl FnMut() -> nb::Result<R, E>) -> Result<R, E> {
    for _ in 0..1_000_000 {
        match call() {
            Ok(result) => return Ok(result),
            Err(nb::Error::Other(error)) => return Err(error),
            Err(nb::Error::WouldBlock) => {
                lab.far.poll().unwrap();
                lab.clock.advance(Duration::from_millis(1));
            }
        }
    }
    panic!("a call never ends");
}

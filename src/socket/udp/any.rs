//! A UDP socket whose state is known at run time only.

use super::UdpSocket;
use crate::socket::any::any_socket;
use crate::stack::{Local, Sharing};
#[cfg(feature = "dns")]
use crate::state::Resolving;
use crate::state::{Bound, Closed, Connected};

any_socket! {
    /// A UDP socket in any state: for fields of structs, and for traits that know one socket
    /// type only. As [`AnyTcpSocket`](crate::AnyTcpSocket).
    AnyUdpSocket over UdpSocket {
        /// Open, and no more.
        Closed,
        /// Bound to a port.
        Bound,
        /// Waiting for the addresses of a host, whose name has to live as long as the stack is
        /// borrowed here.
        Resolving<'net> with "dns",
        /// Tied to one peer.
        Connected,
    }
}

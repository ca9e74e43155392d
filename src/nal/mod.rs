//! The embedded-nal traits, over the typed sockets.
//!
//! They are implemented for `&Net`, so that several clients use one stack at the same time. Every
//! call that would block polls the stack first, and every call that has something for the network
//! polls it afterwards: a client that knows nothing but these traits gets on.

#[cfg(feature = "tcp")]
mod tcp;
#[cfg(feature = "udp")]
mod udp;

use embedded_nal::{TcpError, TcpErrorKind};

use crate::Error;

impl TcpError for Error {
    /// `PipeClosed` for whatever ends a connection, so that clients connect anew.
    fn kind(&self) -> TcpErrorKind {
        if self.ends_connection() { TcpErrorKind::PipeClosed } else { TcpErrorKind::Other }
    }
}

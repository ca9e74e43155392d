//! The embedded-nal traits, over the typed sockets.
//!
//! They are implemented for `&Net`, so that several clients use one stack at the same time. Every
//! call that would block polls the stack first, and every call that has something for the network
//! polls it afterwards: a client that knows nothing but these traits gets on.

#[cfg(feature = "tcp")]
mod blocking;
#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "tcp")]
mod tcp;
#[cfg(feature = "udp")]
mod udp;

use embedded_nal::{TcpError, TcpErrorKind};

use crate::{Error, Failed};

#[cfg(feature = "tcp")]
pub use self::blocking::Blocking;

impl TcpError for Error {
    /// `PipeClosed` for whatever ends a connection, so that clients connect anew.
    fn kind(&self) -> TcpErrorKind {
        if self.ends_connection() { TcpErrorKind::PipeClosed } else { TcpErrorKind::Other }
    }
}

/// A failed transition, with the socket in its erased form.
fn erase<A, T: Into<A>>(failed: Failed<T>) -> (A, Error) {
    let (socket, error) = failed.into_parts();
    (socket.into(), error)
}

/// Puts a socket back where it was taken from, in its new state or in its old one.
fn settle<A, T: Into<A>>(place: &mut A, transition: Result<T, (A, Error)>) -> Result<(), Error> {
    let (socket, result) = match transition {
        Ok(socket) => (socket.into(), Ok(())),
        Err((socket, error)) => (socket, Err(error)),
    };
    *place = socket;
    result
}

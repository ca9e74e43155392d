//! `Read` and `Write` of embedded-io and embedded-io-async, over the typed sockets.
//!
//! The end of the stream is `Ok(0)` here, as these traits want it, and not an error. `flush` waits
//! until the peer has acknowledged everything. What can be received or sent at once is received or
//! sent without waiting for more.

#[cfg(feature = "tcp")]
mod blocking;
#[cfg(feature = "tcp")]
mod duplex;
#[cfg(all(feature = "tcp", feature = "embedded-io-async"))]
mod tasks;

use embedded_io::ErrorKind;

use crate::Error;

#[cfg(feature = "tcp")]
pub use self::duplex::Duplex;

impl embedded_io::Error for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::Refused => ErrorKind::ConnectionRefused,
            Error::Reset => ErrorKind::ConnectionReset,
            Error::TimedOut => ErrorKind::TimedOut,
            Error::PeerClosed => ErrorKind::BrokenPipe,
            Error::AddressLost | Error::LinkDown => ErrorKind::ConnectionAborted,
            Error::WrongState => ErrorKind::NotConnected,
            Error::PortZero
            | Error::Unaddressable
            | Error::AddressFamily
            | Error::DatagramTooLarge(_)
            | Error::InvalidPacket
            | Error::InvalidName => ErrorKind::InvalidInput,
            Error::NoAddress | Error::AddressNotAvailable => ErrorKind::AddrNotAvailable,
            Error::AddressInUse => ErrorKind::AddrInUse,
            Error::NameNotFound => ErrorKind::NotFound,
            Error::Truncated(_)
            | Error::OutOfSlots(_)
            | Error::OutOfPorts
            | Error::OutOfAddresses
            | Error::OutOfRoutes
            | Error::OutOfGroups
            | Error::OutOfNameServers => ErrorKind::OutOfMemory,
            _ => ErrorKind::Other,
        }
    }
}

/// The end of the stream as these traits tell it.
#[cfg(feature = "tcp")]
fn ended_is_zero(received: Result<usize, Error>) -> Result<usize, Error> {
    match received {
        Err(Error::PeerClosed) => Ok(0),
        received => received,
    }
}

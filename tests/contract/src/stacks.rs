//! What the traits of several crates have in common, so that one case is for all of them: a stack
//! is put into the wrapper that says by which crate's traits it is used.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};

use embedded_io_async::{Error, ErrorType, Read, Write};
use embedded_nal::AddrType;

use crate::{Outcome, failed};

/// A stack whose connections have `Read` and `Write` of embedded-io-async.
pub trait Streams {
    /// What connecting, reading and writing fail with.
    type Error: Error;

    /// A connection. Dropping it closes it.
    type Stream<'a>: Read<Error = Self::Error> + Write<Error = Self::Error>
    where
        Self: 'a;

    /// Connects.
    fn connect(
        &self,
        remote: SocketAddr,
    ) -> impl Future<Output = Result<Self::Stream<'_>, Self::Error>>;
}

/// A stack whose connections say whether a call would wait.
pub trait Readiness: Streams {
    /// Whether a read would not wait.
    fn read_ready(stream: &mut Self::Stream<'_>) -> Result<bool, Self::Error>;

    /// Whether a write would not wait.
    fn write_ready(stream: &mut Self::Stream<'_>) -> Result<bool, Self::Error>;
}

/// A stack that looks names up.
pub trait Names {
    /// The address of a name.
    fn addr_of(&self, name: &str, kind: AddrType) -> impl Future<Output = Outcome<IpAddr>>;

    /// The name of an address.
    fn name_of(&self, addr: IpAddr, name: &mut [u8]) -> impl Future<Output = Outcome<usize>>;
}

/// A stack by its traits of embedded-nal-async.
#[derive(Default)]
pub struct Nal<S>(pub S);

impl<S: embedded_nal_async::TcpConnect> Streams for Nal<S> {
    type Error = S::Error;
    type Stream<'a>
        = S::Connection<'a>
    where
        S: 'a;

    async fn connect(&self, remote: SocketAddr) -> Result<S::Connection<'_>, S::Error> {
        self.0.connect(remote).await
    }
}

impl<S: embedded_nal_async::Dns> Names for Nal<S> {
    async fn addr_of(&self, name: &str, kind: AddrType) -> Outcome<IpAddr> {
        self.0.get_host_by_name(name, kind).await.map_err(|error| failed("look-up", &error))
    }

    async fn name_of(&self, addr: IpAddr, name: &mut [u8]) -> Outcome<usize> {
        self.0.get_host_by_address(addr, name).await.map_err(|error| failed("look-up", &error))
    }
}

/// A stack by its traits of edge-nal.
#[derive(Default)]
pub struct Edge<S>(pub S);

impl<S: edge_nal::TcpConnect> Streams for Edge<S> {
    type Error = S::Error;
    type Stream<'a>
        = S::Socket<'a>
    where
        S: 'a;

    async fn connect(&self, remote: SocketAddr) -> Result<S::Socket<'_>, S::Error> {
        self.0.connect(remote).await
    }
}

impl<S: edge_nal::Dns> Names for Edge<S> {
    async fn addr_of(&self, name: &str, kind: AddrType) -> Outcome<IpAddr> {
        let kind = match kind {
            AddrType::IPv4 => edge_nal::AddrType::IPv4,
            AddrType::IPv6 => edge_nal::AddrType::IPv6,
            AddrType::Either => edge_nal::AddrType::Either,
        };
        self.0.get_host_by_name(name, kind).await.map_err(|error| failed("look-up", &error))
    }

    async fn name_of(&self, addr: IpAddr, name: &mut [u8]) -> Outcome<usize> {
        self.0.get_host_by_address(addr, name).await.map_err(|error| failed("look-up", &error))
    }
}

/// A connection whose calls block, as one whose calls are futures: the first poll of each blocks.
pub struct Blocking<T>(pub T);

impl<T: ErrorType> ErrorType for Blocking<T> {
    type Error = T::Error;
}

impl<T: embedded_io::Read> Read for Blocking<T> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, T::Error> {
        self.0.read(buf)
    }

    async fn read_exact(
        &mut self,
        buf: &mut [u8],
    ) -> Result<(), embedded_io_async::ReadExactError<T::Error>> {
        self.0.read_exact(buf)
    }
}

impl<T: embedded_io::Write> Write for Blocking<T> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, T::Error> {
        self.0.write(buf)
    }

    async fn flush(&mut self) -> Result<(), T::Error> {
        self.0.flush()
    }

    async fn write_all(&mut self, buf: &[u8]) -> Result<(), T::Error> {
        self.0.write_all(buf)
    }
}

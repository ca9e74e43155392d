//! The near stack of a lab, for clients that wait in loops of their own.

use core::cell::{Cell, RefCell};
#[cfg(feature = "dns")]
use core::net::IpAddr;
use core::net::SocketAddr;
use std::rc::Rc;

#[cfg(feature = "dns")]
use embedded_nal::{AddrType, Dns};
#[cfg(feature = "tcp")]
use embedded_nal::{TcpClientStack, TcpFullStack};
#[cfg(feature = "udp")]
use embedded_nal::{UdpClientStack, UdpFullStack};
use smoltcp::time::Duration;

use super::Bench;
#[cfg(feature = "tcp")]
use crate::AnyTcpSocket;
#[cfg(feature = "udp")]
use crate::AnyUdpSocket;
use crate::{Error, Net};

/// How far time goes at once: short, so that the client's own time limits are kept to.
const STEP: Duration = Duration::from_millis(1);

/// How long a client may wait for one thing.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// The near stack of a lab, for clients of embedded-nal that wait in loops of their own,
/// `nb::block!` among them. Whenever one of its calls would block, the server has a turn, and both
/// stacks and the time go on by a millisecond at most.
///
/// Made by [`Bench::client`]. Its clones are the same stack with the same server.
///
/// ```
/// use embedded_nal::{TcpClientStack, nb};
/// use sockstate::{Error, testing::Lab};
///
/// /// A client that knows nothing of labs.
/// fn ask<T: TcpClientStack>(mut stack: T, server: core::net::SocketAddr) -> Result<u8, T::Error> {
///     let mut socket = stack.socket()?;
///     nb::block!(stack.connect(&mut socket, server))?;
///     nb::block!(stack.send(&mut socket, b"?"))?;
///     let mut answer = [0];
///     nb::block!(stack.receive(&mut socket, &mut answer))?;
///     stack.close(socket)?;
///     Ok(answer[0])
/// }
///
/// let lab = Lab::new(42);
/// let mut listener = lab.far.tcp()?.bind(80)?.listen(1)?;
/// let mut connection = None;
/// let client = lab.client(|| {
///     connection = connection.take().or_else(|| listener.accept().ok());
///     if let Some((connection, _)) = &mut connection
///         && connection.receive(&mut [0]).is_ok()
///     {
///         connection.send(b"!").unwrap();
///     }
/// });
/// assert_eq!(ask(client, "192.168.69.2:80".parse().unwrap())?, b'!');
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct LabClient<'lab> {
    bench: &'lab Bench,
    serve: Rc<RefCell<dyn FnMut() + 'lab>>,
    /// How long calls have been blocking since one did not.
    waited: Rc<Cell<Duration>>,
}

impl Bench {
    /// The near stack for clients that wait in loops of their own; `serve` is what the far end does
    /// whenever they wait.
    ///
    /// # Panics
    ///
    /// Not this call, but one of the client's, if all of them would block for an hour.
    pub fn client<'lab>(&'lab self, serve: impl FnMut() + 'lab) -> LabClient<'lab> {
        let waited = Rc::new(Cell::new(Duration::ZERO));
        LabClient { bench: self, serve: Rc::new(RefCell::new(serve)), waited }
    }
}

impl<'lab> LabClient<'lab> {
    fn net(&self) -> &'lab Net {
        self.bench.near.net()
    }

    #[allow(clippy::panic)]
    fn call<R>(
        &self,
        call: impl FnOnce(&mut &'lab Net) -> nb::Result<R, Error>,
    ) -> nb::Result<R, Error> {
        let result = call(&mut self.net());
        if !matches!(result, Err(nb::Error::WouldBlock)) {
            self.waited.set(Duration::ZERO);
            return result;
        }
        if self.waited.get() > PATIENCE {
            panic!("a client has been waiting for an hour");
        }
        let start = self.bench.clock.time();
        // A server that is a client of the lab itself waits for nobody.
        if let Ok(mut serve) = self.serve.try_borrow_mut() {
            serve();
        }
        self.bench.step_before(start + STEP);
        self.waited.set(self.waited.get() + (self.bench.clock.time() - start));
        result
    }
}

impl core::fmt::Debug for LabClient<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("LabClient").finish_non_exhaustive()
    }
}

#[cfg(feature = "tcp")]
impl<'lab> TcpClientStack for LabClient<'lab> {
    type TcpSocket = AnyTcpSocket<'lab>;
    type Error = Error;

    fn socket(&mut self) -> Result<Self::TcpSocket, Error> {
        TcpClientStack::socket(&mut self.net())
    }

    fn connect(&mut self, socket: &mut Self::TcpSocket, to: SocketAddr) -> nb::Result<(), Error> {
        self.call(|net| TcpClientStack::connect(net, socket, to))
    }

    fn send(&mut self, socket: &mut Self::TcpSocket, data: &[u8]) -> nb::Result<usize, Error> {
        self.call(|net| TcpClientStack::send(net, socket, data))
    }

    fn receive(
        &mut self,
        socket: &mut Self::TcpSocket,
        buffer: &mut [u8],
    ) -> nb::Result<usize, Error> {
        self.call(|net| TcpClientStack::receive(net, socket, buffer))
    }

    fn close(&mut self, socket: Self::TcpSocket) -> Result<(), Error> {
        TcpClientStack::close(&mut self.net(), socket)
    }
}

#[cfg(feature = "tcp")]
impl TcpFullStack for LabClient<'_> {
    fn bind(&mut self, socket: &mut Self::TcpSocket, port: u16) -> Result<(), Error> {
        TcpFullStack::bind(&mut self.net(), socket, port)
    }

    fn listen(&mut self, socket: &mut Self::TcpSocket) -> Result<(), Error> {
        TcpFullStack::listen(&mut self.net(), socket)
    }

    fn accept(
        &mut self,
        socket: &mut Self::TcpSocket,
    ) -> nb::Result<(Self::TcpSocket, SocketAddr), Error> {
        self.call(|net| TcpFullStack::accept(net, socket))
    }
}

#[cfg(feature = "udp")]
impl<'lab> UdpClientStack for LabClient<'lab> {
    type UdpSocket = AnyUdpSocket<'lab>;
    type Error = Error;

    fn socket(&mut self) -> Result<Self::UdpSocket, Error> {
        UdpClientStack::socket(&mut self.net())
    }

    fn connect(&mut self, socket: &mut Self::UdpSocket, to: SocketAddr) -> Result<(), Error> {
        UdpClientStack::connect(&mut self.net(), socket, to)
    }

    fn send(&mut self, socket: &mut Self::UdpSocket, data: &[u8]) -> nb::Result<(), Error> {
        self.call(|net| UdpClientStack::send(net, socket, data))
    }

    fn receive(
        &mut self,
        socket: &mut Self::UdpSocket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr), Error> {
        self.call(|net| UdpClientStack::receive(net, socket, buffer))
    }

    fn close(&mut self, socket: Self::UdpSocket) -> Result<(), Error> {
        UdpClientStack::close(&mut self.net(), socket)
    }
}

#[cfg(feature = "udp")]
impl UdpFullStack for LabClient<'_> {
    fn bind(&mut self, socket: &mut Self::UdpSocket, port: u16) -> Result<(), Error> {
        UdpFullStack::bind(&mut self.net(), socket, port)
    }

    fn send_to(
        &mut self,
        socket: &mut Self::UdpSocket,
        to: SocketAddr,
        data: &[u8],
    ) -> nb::Result<(), Error> {
        self.call(|net| UdpFullStack::send_to(net, socket, to, data))
    }
}

#[cfg(feature = "dns")]
impl Dns for LabClient<'_> {
    type Error = Error;

    fn get_host_by_name(&mut self, name: &str, addr_type: AddrType) -> nb::Result<IpAddr, Error> {
        self.call(|net| net.get_host_by_name(name, addr_type))
    }

    fn get_host_by_address(&mut self, addr: IpAddr, result: &mut [u8]) -> nb::Result<usize, Error> {
        self.call(|net| net.get_host_by_address(addr, result))
    }
}

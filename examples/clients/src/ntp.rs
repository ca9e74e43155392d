//! The socket that sntpc leaves to its user, over any `UdpClientStack`.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use embedded_nal::{UdpClientStack, nb};
use sntpc::{Error, NtpUdpSocket};

/// What the server may take to answer; sntpc itself knows no time limit.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A UDP socket that waits for an answer for as long as `PATIENCE`.
///
/// It hears the server only, because it is connected to it.
pub struct NtpSocket<S: UdpClientStack, N> {
    inner: RefCell<Inner<S>>,
    now: N,
}

struct Inner<S: UdpClientStack> {
    stack: S,
    socket: Option<S::UdpSocket>,
    server: SocketAddr,
}

impl<S: UdpClientStack, N: Fn() -> Duration> NtpSocket<S, N> {
    /// A socket connected to the server. `now` is asked once for each look at the socket, and may
    /// pass a little time.
    pub fn connect(mut stack: S, server: SocketAddr, now: N) -> Result<Self, S::Error> {
        let mut socket = stack.socket()?;
        let connected = stack.connect(&mut socket, server);
        let inner = Inner { stack, socket: Some(socket), server };
        connected.map(|()| NtpSocket { inner: RefCell::new(inner), now })
    }

    async fn wait<R>(
        &self,
        mut call: impl FnMut(&mut S, &mut S::UdpSocket) -> nb::Result<R, S::Error>,
    ) -> Result<R, Error> {
        let end = (self.now)() + PATIENCE;
        poll_fn(|context| {
            let Inner { stack, socket, .. } = &mut *self.inner.borrow_mut();
            let Some(socket) = socket else { return Poll::Ready(Err(Error::Network)) };
            match call(stack, socket) {
                Ok(result) => Poll::Ready(Ok(result)),
                Err(nb::Error::WouldBlock) if (self.now)() < end => {
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                Err(_) => Poll::Ready(Err(Error::Network)),
            }
        })
        .await
    }
}

impl<S: UdpClientStack, N: Fn() -> Duration> NtpUdpSocket for NtpSocket<S, N> {
    async fn send_to(&self, data: &[u8], remote: SocketAddr) -> Result<usize, Error> {
        if remote != self.inner.borrow().server {
            return Err(Error::ResponseAddressMismatch);
        }
        self.wait(|stack, socket| stack.send(socket, data)).await.map(|()| data.len())
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), Error> {
        self.wait(|stack, socket| stack.receive(socket, buffer)).await
    }
}

impl<S: UdpClientStack> Drop for Inner<S> {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            let closed = self.stack.close(socket);
            // Nobody is left to hear of it.
            let _ = closed;
        }
    }
}

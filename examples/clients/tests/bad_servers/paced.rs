//! A stack for clients that wait in a loop of their own: time passes while they do.

use std::net::SocketAddr;
use std::time::Duration;

use embedded_nal::{TcpClientStack, UdpClientStack, UdpFullStack, nb};
use embedded_time::fraction::Fraction;
use sockstate::testing::VirtualClock;

use crate::Scene;

/// A stack that lets the rest of the world go on whenever a call would block. It never polls
/// itself: the client's calls are all that the stack under it gets.
pub(crate) struct Paced<'scene, 'lab, S> {
    inner: S,
    scene: &'scene Scene<'lab>,
}

impl<'scene, 'lab, S> Paced<'scene, 'lab, S> {
    pub(crate) fn new(inner: S, scene: &'scene Scene<'lab>) -> Self {
        Paced { inner, scene }
    }

    fn call<R, E>(&mut self, call: impl FnOnce(&mut S) -> nb::Result<R, E>) -> nb::Result<R, E> {
        let result = call(&mut self.inner);
        self.scene.count_call();
        if matches!(result, Err(nb::Error::WouldBlock)) {
            self.scene.pass();
        }
        result
    }
}

impl<S: TcpClientStack> TcpClientStack for Paced<'_, '_, S> {
    type TcpSocket = S::TcpSocket;
    type Error = S::Error;

    fn socket(&mut self) -> Result<S::TcpSocket, S::Error> {
        self.inner.socket()
    }

    fn connect(&mut self, socket: &mut S::TcpSocket, to: SocketAddr) -> nb::Result<(), S::Error> {
        self.call(|stack| stack.connect(socket, to))
    }

    fn send(&mut self, socket: &mut S::TcpSocket, data: &[u8]) -> nb::Result<usize, S::Error> {
        self.call(|stack| stack.send(socket, data))
    }

    fn receive(
        &mut self,
        socket: &mut S::TcpSocket,
        buffer: &mut [u8],
    ) -> nb::Result<usize, S::Error> {
        self.call(|stack| stack.receive(socket, buffer))
    }

    fn close(&mut self, socket: S::TcpSocket) -> Result<(), S::Error> {
        self.inner.close(socket)
    }
}

impl<S: UdpClientStack> UdpClientStack for Paced<'_, '_, S> {
    type UdpSocket = S::UdpSocket;
    type Error = S::Error;

    fn socket(&mut self) -> Result<S::UdpSocket, S::Error> {
        self.inner.socket()
    }

    fn connect(&mut self, socket: &mut S::UdpSocket, to: SocketAddr) -> Result<(), S::Error> {
        self.inner.connect(socket, to)
    }

    fn send(&mut self, socket: &mut S::UdpSocket, data: &[u8]) -> nb::Result<(), S::Error> {
        self.call(|stack| stack.send(socket, data))
    }

    fn receive(
        &mut self,
        socket: &mut S::UdpSocket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr), S::Error> {
        self.call(|stack| stack.receive(socket, buffer))
    }

    fn close(&mut self, socket: S::UdpSocket) -> Result<(), S::Error> {
        self.inner.close(socket)
    }
}

impl<S: UdpFullStack> UdpFullStack for Paced<'_, '_, S> {
    fn bind(&mut self, socket: &mut S::UdpSocket, port: u16) -> Result<(), S::Error> {
        self.inner.bind(socket, port)
    }

    fn send_to(
        &mut self,
        socket: &mut S::UdpSocket,
        to: SocketAddr,
        data: &[u8],
    ) -> nb::Result<(), S::Error> {
        self.call(|stack| stack.send_to(socket, to, data))
    }
}

/// The virtual time, for clients that take a clock of embedded-time.
#[derive(Debug)]
pub(crate) struct LabClock(pub(crate) VirtualClock);

impl LabClock {
    pub(crate) fn now(&self) -> Duration {
        Duration::from_micros(self.0.time().total_micros() as u64)
    }
}

impl embedded_time::Clock for LabClock {
    type T = u64;

    const SCALING_FACTOR: Fraction = Fraction::new(1, 1_000_000);

    fn try_now(&self) -> Result<embedded_time::Instant<Self>, embedded_time::clock::Error> {
        Ok(embedded_time::Instant::new(self.0.time().total_micros() as u64))
    }
}

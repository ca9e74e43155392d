//! A stack whose `connect` and `send` wait, for clients that call each of them once.

use std::net::SocketAddr;

use embedded_nal::{TcpClientStack, nb};
use sockstate::{AnyTcpSocket, Error, Net};

/// The TCP of a stack, with a `connect` and a `send` that wait.
#[derive(Clone, Copy)]
pub struct Blocking<'net>(pub &'net Net);

impl<'net> TcpClientStack for Blocking<'net> {
    type TcpSocket = AnyTcpSocket<'net>;
    type Error = Error;

    fn socket(&mut self) -> Result<Self::TcpSocket, Error> {
        TcpClientStack::socket(&mut self.0)
    }

    fn connect(
        &mut self,
        socket: &mut Self::TcpSocket,
        remote: SocketAddr,
    ) -> nb::Result<(), Error> {
        let mut net = self.0;
        Ok(net.block(|| TcpClientStack::connect(&mut net, socket, remote))?)
    }

    fn send(&mut self, socket: &mut Self::TcpSocket, buffer: &[u8]) -> nb::Result<usize, Error> {
        let mut net = self.0;
        let mut sent = 0;
        while sent < buffer.len() {
            sent += self.0.block(|| TcpClientStack::send(&mut net, socket, &buffer[sent..]))?;
        }
        Ok(sent)
    }

    fn receive(
        &mut self,
        socket: &mut Self::TcpSocket,
        buffer: &mut [u8],
    ) -> nb::Result<usize, Error> {
        TcpClientStack::receive(&mut self.0, socket, buffer)
    }

    fn close(&mut self, socket: Self::TcpSocket) -> Result<(), Error> {
        TcpClientStack::close(&mut self.0, socket)
    }
}

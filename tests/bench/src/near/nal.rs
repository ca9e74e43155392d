//! sockstate through the traits of embedded-nal.

use std::net::{IpAddr, SocketAddr};

use embedded_nal::{AddrType, Dns, TcpClientStack, TcpFullStack, UdpClientStack, UdpFullStack, nb};
use smoltcp::time::Duration;
use sockstate::{AnyTcpSocket, AnyUdpSocket, Error, Net};

use super::typed::{listener, remote, settled, stack};
use super::{Near, Setup};
use crate::cable::Plug;

/// sockstate through the traits of embedded-nal, for those who know nothing else of it: whatever
/// would block has polled the stack, and whatever sends polls it.
pub struct Nal {
    net: &'static Net,
}

impl Near for Nal {
    const NAME: &str = "sockstate, embedded-nal";

    type Connecting = (AnyTcpSocket<'static>, SocketAddr);
    type Tcp = AnyTcpSocket<'static>;
    /// What is left to be delivered, the stack delivers by itself.
    type Closing = ();
    type Listener = AnyTcpSocket<'static>;
    type Udp = AnyUdpSocket<'static>;
    type Query = &'static str;

    fn new(plug: Plug, setup: Setup) -> Self {
        Nal { net: stack(plug, setup).net() }
    }

    fn turn(&mut self, application: &mut impl FnMut(&mut Self)) -> Option<Duration> {
        application(self);
        let delay = self.net.poll_delay();
        if delay == Some(Duration::ZERO) {
            // What is due now is for the next call, and an application that is done makes none.
            self.net.poll().expect("the stack");
        }
        delay
    }

    fn connect(&mut self, port: u16) -> Self::Connecting {
        let mut socket = TcpClientStack::socket(&mut self.net).expect("a socket");
        let remote = remote(port);
        let connected = TcpClientStack::connect(&mut self.net, &mut socket, remote);
        assert_eq!(connected, Err(nb::Error::WouldBlock));
        (socket, remote)
    }

    fn connected(
        &mut self,
        (mut socket, remote): Self::Connecting,
    ) -> Result<Self::Tcp, Self::Connecting> {
        match settled(TcpClientStack::connect(&mut self.net, &mut socket, remote)) {
            Some(()) => Ok(socket),
            None => Err((socket, remote)),
        }
    }

    fn send(&mut self, tcp: &mut Self::Tcp, data: &[u8]) -> usize {
        settled(TcpClientStack::send(&mut self.net, tcp, data)).unwrap_or(0)
    }

    fn receive(&mut self, tcp: &mut Self::Tcp, buffer: &mut [u8]) -> Option<usize> {
        match TcpClientStack::receive(&mut self.net, tcp, buffer) {
            Err(nb::Error::Other(Error::PeerClosed)) => Some(0),
            received => settled(received),
        }
    }

    fn close(&mut self, tcp: Self::Tcp) {
        TcpClientStack::close(&mut self.net, tcp).expect("a connection");
    }

    fn closed(&mut self, (): ()) -> Result<(), ()> {
        Ok(())
    }

    fn listen(&mut self, port: u16, backlog: u16) -> Self::Listener {
        // The trait has no word for how many.
        listener(self.net, port, backlog).into()
    }

    fn accept(&mut self, listener: &mut Self::Listener) -> Option<Self::Tcp> {
        settled(TcpFullStack::accept(&mut self.net, listener)).map(|(tcp, _)| tcp)
    }

    fn udp(&mut self, local: u16, port: u16) -> Self::Udp {
        let mut socket = UdpClientStack::socket(&mut self.net).expect("a socket");
        UdpFullStack::bind(&mut self.net, &mut socket, local).expect("a port");
        UdpClientStack::connect(&mut self.net, &mut socket, remote(port)).expect("a peer");
        socket
    }

    fn send_datagram(&mut self, udp: &mut Self::Udp, data: &[u8]) {
        settled(UdpClientStack::send(&mut self.net, udp, data)).expect("room");
    }

    fn receive_datagram(&mut self, udp: &mut Self::Udp, buffer: &mut [u8]) -> Option<usize> {
        settled(UdpClientStack::receive(&mut self.net, udp, buffer)).map(|(size, _)| size)
    }

    fn look_up(&mut self, name: &'static str) -> &'static str {
        let asked = self.net.get_host_by_name(name, AddrType::IPv4);
        assert_eq!(asked, Err(nb::Error::WouldBlock));
        name
    }

    fn found(&mut self, name: &'static str) -> Result<[u8; 4], &'static str> {
        match settled(self.net.get_host_by_name(name, AddrType::IPv4)) {
            Some(IpAddr::V4(address)) => Ok(address.octets()),
            _ => Err(name),
        }
    }
}

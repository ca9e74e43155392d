//! smoltcp-nal.

use std::net::{IpAddr, SocketAddr};

use embedded_time::rate::Fraction;
use smoltcp::time::Duration;
use smoltcp_0_12::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp_0_12::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp_0_12::socket::{dns, tcp, udp};
use smoltcp_0_12::time::Instant;
use smoltcp_0_12::wire::{EthernetAddress, IpAddress, IpCidr};
use smoltcp_nal::embedded_nal::{AddrType, Dns, TcpClientStack, UdpClientStack, nb};
use smoltcp_nal::{NetworkError, NetworkStack, UdpSocket};

use super::typed::remote;
use super::{DATAGRAM_BYTES, DATAGRAMS, Near, Setup};
use crate::cable::{Frame, MTU, Plug, Room};
use crate::remote::{HOST, NEAR_HARDWARE, NEAR_HOST};
use crate::time;

/// How many sockets of a kind the stack keeps in mind.
const MOST: usize = 16;

/// How long the application sleeps while nothing moves: the stack does not say until when that is.
const PATIENCE: Duration = Duration::from_millis(1);

/// smoltcp-nal.
pub struct SmoltcpNal {
    stack: NetworkStack<'static, Plug, Clock>,
    /// Whether something moved in the last poll, or was left for the next one.
    moved: bool,
}

impl Near for SmoltcpNal {
    const NAME: &str = "smoltcp-nal 0.7";
    const HAS_LISTENERS: bool = false;
    const MOST_SOCKETS: usize = MOST;
    const PROBES_WINDOWS: bool = false;

    type Connecting = (SocketHandle, SocketAddr);
    type Tcp = SocketHandle;
    type Closing = SocketHandle;
    type Listener = ();
    type Udp = UdpSocket;
    type Query = &'static str;

    fn new(mut plug: Plug, setup: Setup) -> Self {
        let mut config = Config::new(EthernetAddress(NEAR_HARDWARE).into());
        config.random_seed = 1;
        let mut iface = Interface::new(config, &mut plug, Instant::ZERO);
        iface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(address(NEAR_HOST), 24)).expect("room for it");
        });
        let mut sockets = SocketSet::new(vec![]);
        // A further one would only be walked along.
        for _ in 0..setup.tcp.min(MOST) {
            let buffer = || tcp::SocketBuffer::new(vec![0; setup.buffer]);
            sockets.add(tcp::Socket::new(buffer(), buffer()));
        }
        for _ in 0..setup.udp.min(MOST) {
            let buffer = || {
                let places = vec![udp::PacketMetadata::EMPTY; DATAGRAMS];
                udp::PacketBuffer::new(places, vec![0; DATAGRAM_BYTES])
            };
            sockets.add(udp::Socket::new(buffer(), buffer()));
        }
        sockets.add(dns::Socket::new(&[address(HOST)], vec![None]));
        let mut stack = NetworkStack::new(iface, plug, sockets, Clock);
        stack.seed_random_port(&[1]);
        SmoltcpNal { stack, moved: false }
    }

    fn turn(&mut self, application: &mut impl FnMut(&mut Self)) -> Option<Duration> {
        application(self);
        self.moved = self.stack.poll().expect("the time");
        Some(if self.moved { Duration::ZERO } else { PATIENCE })
    }

    fn connect(&mut self, port: u16) -> Self::Connecting {
        let mut socket = TcpClientStack::socket(&mut self.stack).expect("a socket");
        let remote = remote(port);
        let connected = TcpClientStack::connect(&mut self.stack, &mut socket, remote);
        assert!(matches!(connected, Err(nb::Error::WouldBlock)));
        (socket, remote)
    }

    fn connected(
        &mut self,
        (mut socket, remote): Self::Connecting,
    ) -> Result<SocketHandle, Self::Connecting> {
        match settled(TcpClientStack::connect(&mut self.stack, &mut socket, remote)) {
            Some(()) => Ok(socket),
            None => Err((socket, remote)),
        }
    }

    fn send(&mut self, tcp: &mut SocketHandle, data: &[u8]) -> usize {
        settled(TcpClientStack::send(&mut self.stack, tcp, data)).unwrap_or(0)
    }

    fn receive(&mut self, tcp: &mut SocketHandle, buffer: &mut [u8]) -> Option<usize> {
        match TcpClientStack::receive(&mut self.stack, tcp, buffer) {
            // Where it would block, this stack says that there was no byte.
            Ok(0) => None,
            Err(nb::Error::Other(NetworkError::TcpReadFailure(tcp::RecvError::Finished))) => {
                Some(0)
            }
            received => settled(received),
        }
    }

    fn close(&mut self, tcp: SocketHandle) -> SocketHandle {
        TcpClientStack::close(&mut self.stack, tcp).expect("a connection");
        self.moved = true;
        tcp
    }

    /// The stack does not say when both directions are closed, and aborts a connection whose socket
    /// is opened again. It is taken to be over when the peer has closed, as far as the handle that
    /// is left still tells, and nothing moves any more.
    fn closed(&mut self, mut closing: SocketHandle) -> Result<(), SocketHandle> {
        if self.moved || self.receive(&mut closing, &mut [0]) != Some(0) {
            return Err(closing);
        }
        Ok(())
    }

    fn listen(&mut self, _port: u16, _backlog: u16) {
        unreachable!("smoltcp-nal has no listeners");
    }

    fn accept(&mut self, (): &mut ()) -> Option<SocketHandle> {
        unreachable!("smoltcp-nal has no listeners");
    }

    fn udp(&mut self, _local: u16, port: u16) -> UdpSocket {
        // One that talks to a peer has a port that the stack chooses.
        let mut socket = UdpClientStack::socket(&mut self.stack).expect("a socket");
        UdpClientStack::connect(&mut self.stack, &mut socket, remote(port)).expect("a peer");
        socket
    }

    fn send_datagram(&mut self, udp: &mut UdpSocket, data: &[u8]) {
        settled(UdpClientStack::send(&mut self.stack, udp, data)).expect("room");
    }

    fn receive_datagram(&mut self, udp: &mut UdpSocket, buffer: &mut [u8]) -> Option<usize> {
        match UdpClientStack::receive(&mut self.stack, udp, buffer) {
            // Where it would block, this stack says this.
            Err(nb::Error::Other(NetworkError::UdpReadFailure(udp::RecvError::Exhausted))) => None,
            received => settled(received).map(|(size, _)| size),
        }
    }

    fn look_up(&mut self, name: &'static str) -> &'static str {
        let asked = self.stack.get_host_by_name(name, AddrType::IPv4);
        assert!(matches!(asked, Err(nb::Error::WouldBlock)));
        name
    }

    fn found(&mut self, name: &'static str) -> Result<[u8; 4], &'static str> {
        match settled(self.stack.get_host_by_name(name, AddrType::IPv4)) {
            Some(IpAddr::V4(address)) => Ok(address.octets()),
            _ => Err(name),
        }
    }
}

/// What there is, if anything. Nothing here fails.
fn settled<R>(outcome: nb::Result<R, NetworkError>) -> Option<R> {
    match outcome {
        Ok(result) => Some(result),
        Err(nb::Error::WouldBlock) => None,
        Err(nb::Error::Other(error)) => panic!("{error:?}"),
    }
}

fn address([a, b, c, d]: [u8; 4]) -> IpAddress {
    IpAddress::v4(a, b, c, d)
}

/// Milliseconds: what the stack reckons in.
struct Clock;

impl embedded_time::Clock for Clock {
    type T = u32;
    const SCALING_FACTOR: Fraction = Fraction::new(1, 1_000);

    fn try_now(&self) -> Result<embedded_time::Instant<Self>, embedded_time::clock::Error> {
        Ok(embedded_time::Instant::new((time::now() / 1_000) as u32))
    }
}

impl Device for Plug {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Room;

    fn receive(&mut self, _now: Instant) -> Option<(Frame, Room)> {
        Some((self.take()?, self.room()?))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Room> {
        self.room()
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ethernet;
        caps.max_transmission_unit = MTU;
        caps
    }
}

impl phy::RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        self.read(|frame| read(frame))
    }
}

impl phy::TxToken for Room {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        self.write(len, write)
    }
}

//! The traffic of [`bench`], with smoltcp-nal 0.7 at its near end: calls until one would block, and
//! then polls.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::net::SocketAddr;

use cortex_m_rt::entry;
use smoltcp::time::Duration;
use smoltcp_0_12::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp_0_12::socket::{tcp, udp};
use smoltcp_0_12::time::Instant;
use smoltcp_0_12::wire::{EthernetAddress, IpCidr, Ipv4Address};
use smoltcp_nal::embedded_nal::{TcpClientStack, UdpClientStack, nb};
use smoltcp_nal::{NetworkError, NetworkStack, UdpSocket};
use sockstate_firmware::bench::{self, Near, Plug, Remote};
use sockstate_firmware::{HARDWARE_ADDR, SEED, semihosting::exit};
use sockstate_firmware_peers::smoltcp_0_12::{Clock, Device};
use static_cell::ConstStaticCell;

type Stack = NetworkStack<'static, Device<Plug<true>>, Clock>;

static SET: ConstStaticCell<[SocketStorage; 2]> = ConstStaticCell::new([SocketStorage::EMPTY; 2]);
static TCP: ConstStaticCell<[[u8; bench::TCP_BUFFER]; 2]> =
    ConstStaticCell::new([[0; bench::TCP_BUFFER]; 2]);
static UDP: ConstStaticCell<[[u8; bench::UDP_BUFFER]; 2]> =
    ConstStaticCell::new([[0; bench::UDP_BUFFER]; 2]);
static METADATA: ConstStaticCell<[[udp::PacketMetadata; bench::DATAGRAMS]; 2]> =
    ConstStaticCell::new([[udp::PacketMetadata::EMPTY; bench::DATAGRAMS]; 2]);

/// The stack does not say until when nothing happens.
const PATIENCE: Option<Duration> = Some(Duration::from_millis(1));

#[entry]
fn main() -> ! {
    let (device, far) = Plug::pair();
    bench::run(Nal { stack: stack(Device(device)), remote: Remote::new(far) });
    exit(Ok::<_, Infallible>(()))
}

fn stack(mut device: Device<Plug<true>>) -> Stack {
    let mut config = Config::new(EthernetAddress(HARDWARE_ADDR).into());
    config.random_seed = SEED;
    let mut iface = Interface::new(config, &mut device, Instant::ZERO);
    iface.update_ip_addrs(|addresses| {
        let address = IpCidr::new(Ipv4Address::from(bench::HOST).into(), 24);
        addresses.push(address).expect("room for it");
    });
    let mut sockets = SocketSet::new(&mut SET.take()[..]);
    let [rx, tx] = TCP.take();
    sockets.add(tcp::Socket::new(
        tcp::SocketBuffer::new(&mut rx[..]),
        tcp::SocketBuffer::new(&mut tx[..]),
    ));
    let ([rx, tx], [rx_metadata, tx_metadata]) = (UDP.take(), METADATA.take());
    sockets.add(udp::Socket::new(
        udp::PacketBuffer::new(&mut rx_metadata[..], &mut rx[..]),
        udp::PacketBuffer::new(&mut tx_metadata[..], &mut tx[..]),
    ));
    let mut stack = NetworkStack::new(iface, device, sockets, Clock(bench::now));
    stack.seed_random_port(&SEED.to_le_bytes());
    stack
}

struct Nal {
    stack: Stack,
    remote: Remote,
}

impl Nal {
    fn block<R>(&mut self, mut call: impl FnMut(&mut Stack) -> nb::Result<R, NetworkError>) -> R {
        loop {
            match call(&mut self.stack) {
                Ok(result) => return result,
                Err(nb::Error::Other(error)) => panic!("{error:?}"),
                Err(nb::Error::WouldBlock) => {}
            }
            if !self.stack.poll().expect("the time") {
                self.remote.run(PATIENCE);
            }
        }
    }
}

impl Near for Nal {
    type Tcp = SocketHandle;
    type Udp = UdpSocket;

    fn remote(&mut self) -> &mut Remote {
        &mut self.remote
    }

    fn connect(&mut self, port: u16) -> SocketHandle {
        let mut tcp = TcpClientStack::socket(&mut self.stack).expect("a socket");
        self.block(|stack| TcpClientStack::connect(stack, &mut tcp, remote(port)));
        tcp
    }

    fn send(&mut self, tcp: &mut SocketHandle, data: &[u8]) -> usize {
        self.block(|stack| would_block_at_zero(TcpClientStack::send(stack, tcp, data)))
    }

    fn receive(&mut self, tcp: &mut SocketHandle, buffer: &mut [u8]) -> usize {
        self.block(|stack| match TcpClientStack::receive(stack, tcp, buffer) {
            Err(nb::Error::Other(NetworkError::TcpReadFailure(tcp::RecvError::Finished))) => Ok(0),
            received => would_block_at_zero(received),
        })
    }

    /// The stack does not say when both directions are closed: that is assumed when nothing more
    /// happens.
    fn close(&mut self, tcp: SocketHandle) {
        TcpClientStack::close(&mut self.stack, tcp).expect("a connection");
        while self.stack.poll().expect("the time") {
            self.remote.run(PATIENCE);
        }
    }

    fn udp(&mut self, port: u16) -> UdpSocket {
        let mut udp = UdpClientStack::socket(&mut self.stack).expect("a socket");
        UdpClientStack::connect(&mut self.stack, &mut udp, remote(port)).expect("a port");
        udp
    }

    fn ask(&mut self, udp: &mut UdpSocket, request: &[u8], answer: &mut [u8]) -> usize {
        self.block(|stack| UdpClientStack::send(stack, udp, request));
        let (size, _) = self.block(|stack| match UdpClientStack::receive(stack, udp, answer) {
            Err(nb::Error::Other(NetworkError::UdpReadFailure(udp::RecvError::Exhausted))) => {
                Err(nb::Error::WouldBlock)
            }
            received => received,
        });
        size
    }
}

/// Where it would block, this stack says that no byte was taken.
fn would_block_at_zero(size: nb::Result<usize, NetworkError>) -> nb::Result<usize, NetworkError> {
    match size {
        Ok(0) => Err(nb::Error::WouldBlock),
        size => size,
    }
}

fn remote(port: u16) -> SocketAddr {
    SocketAddr::from((bench::REMOTE_HOST, port))
}

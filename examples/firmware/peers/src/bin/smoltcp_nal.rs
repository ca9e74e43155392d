//! What `quickstart` does, on smoltcp-nal 0.7. It brings all of its protocols, asked for or not.
#![no_std]
#![no_main]

use core::net::{IpAddr, SocketAddr};

use cortex_m_rt::entry;
use smoltcp::time::Duration;
use smoltcp_0_12::iface::{Config, Interface, SocketSet, SocketStorage};
#[cfg(feature = "dhcp")]
use smoltcp_0_12::socket::dhcpv4;
#[cfg(feature = "dns")]
use smoltcp_0_12::socket::dns;
use smoltcp_0_12::socket::tcp;
#[cfg(feature = "udp")]
use smoltcp_0_12::socket::udp;
use smoltcp_0_12::time::Instant;
use smoltcp_0_12::wire::{EthernetAddress, IpAddress, IpCidr};
use smoltcp_nal::embedded_nal::{TcpClientStack, nb};
use smoltcp_nal::{NetworkError, NetworkStack};
use sockstate_firmware::{Ethernet, HARDWARE_ADDR, SEED, clock, say, semihosting::exit};
use sockstate_firmware_peers::smoltcp_0_12::{Clock, Device};
use static_cell::ConstStaticCell;

type Stack = NetworkStack<'static, Device<Ethernet>, Clock>;

const SOCKETS: usize = 1
    + cfg!(feature = "udp") as usize
    + cfg!(feature = "dhcp") as usize
    + cfg!(feature = "dns") as usize;

/// It failed, one way or another.
#[derive(Debug)]
struct Failed;

impl From<NetworkError> for Failed {
    fn from(_error: NetworkError) -> Self {
        Failed
    }
}

#[entry]
fn main() -> ! {
    exit(run())
}

fn run() -> Result<(), Failed> {
    let mut device = Device(sockstate_firmware::start());
    let mut config = Config::new(EthernetAddress(HARDWARE_ADDR).into());
    config.random_seed = SEED;
    let mut iface = Interface::new(config, &mut device, Instant::ZERO);
    // With DHCP it wants to begin with none.
    let address = if cfg!(feature = "dhcp") {
        IpCidr::new(IpAddress::v4(0, 0, 0, 0), 0)
    } else {
        IpCidr::new(IpAddress::v4(10, 0, 2, 15), 24)
    };
    let mut is_set = false;
    iface.update_ip_addrs(|addresses| is_set = addresses.push(address).is_ok());
    if !is_set {
        return Err(Failed);
    }
    let mut stack = NetworkStack::new(iface, device, sockets(), Clock(clock::now));
    stack.seed_random_port(&SEED.to_le_bytes());

    #[cfg(feature = "dhcp")]
    block(&mut stack, |stack| match stack.interface().ipv4_addr() {
        Some(address) if !address.is_unspecified() => Ok(()),
        _ => Err(nb::Error::WouldBlock),
    })?;
    let server = SocketAddr::new(find_server(&mut stack)?, 7);
    #[cfg(feature = "udp")]
    echo_datagram(&mut stack, server)?;
    echo_stream(&mut stack, server)?;
    say!("smoltcp-nal: done");
    Ok(())
}

fn sockets() -> SocketSet<'static> {
    static SET: ConstStaticCell<[SocketStorage; SOCKETS]> =
        ConstStaticCell::new([SocketStorage::EMPTY; SOCKETS]);
    static RX: ConstStaticCell<[u8; 1024]> = ConstStaticCell::new([0; 1024]);
    static TX: ConstStaticCell<[u8; 1024]> = ConstStaticCell::new([0; 1024]);
    let mut sockets = SocketSet::new(&mut SET.take()[..]);
    sockets.add(tcp::Socket::new(
        tcp::SocketBuffer::new(&mut RX.take()[..]),
        tcp::SocketBuffer::new(&mut TX.take()[..]),
    ));
    #[cfg(feature = "udp")]
    sockets.add(udp_socket());
    #[cfg(feature = "dhcp")]
    sockets.add(dhcpv4::Socket::new());
    #[cfg(feature = "dns")]
    {
        static QUERIES: ConstStaticCell<[Option<dns::DnsQuery>; 1]> = ConstStaticCell::new([None]);
        sockets.add(dns::Socket::new(&[], &mut QUERIES.take()[..]));
    }
    sockets
}

#[cfg(feature = "udp")]
fn udp_socket() -> udp::Socket<'static> {
    static RX: ConstStaticCell<[u8; 512]> = ConstStaticCell::new([0; 512]);
    static TX: ConstStaticCell<[u8; 512]> = ConstStaticCell::new([0; 512]);
    static RX_META: ConstStaticCell<[udp::PacketMetadata; 4]> =
        ConstStaticCell::new([udp::PacketMetadata::EMPTY; 4]);
    static TX_META: ConstStaticCell<[udp::PacketMetadata; 4]> =
        ConstStaticCell::new([udp::PacketMetadata::EMPTY; 4]);
    udp::Socket::new(
        udp::PacketBuffer::new(&mut RX_META.take()[..], &mut RX.take()[..]),
        udp::PacketBuffer::new(&mut TX_META.take()[..], &mut TX.take()[..]),
    )
}

/// Waits for a call. The stack does not say until when nothing happens.
fn block<R>(
    stack: &mut Stack,
    mut call: impl FnMut(&mut Stack) -> nb::Result<R, NetworkError>,
) -> Result<R, Failed> {
    loop {
        match call(stack) {
            Ok(result) => return Ok(result),
            Err(nb::Error::Other(error)) => return Err(error.into()),
            Err(nb::Error::WouldBlock) => {}
        }
        if !stack.poll().map_err(|_| Failed)? {
            clock::sleep(Some(Duration::from_millis(1)));
        }
    }
}

#[cfg(feature = "dns")]
fn find_server(stack: &mut Stack) -> Result<IpAddr, Failed> {
    use smoltcp_nal::embedded_nal::{AddrType, Dns};
    block(stack, |stack| stack.get_host_by_name("echo.test", AddrType::IPv4))
}

#[cfg(not(feature = "dns"))]
fn find_server(_stack: &mut Stack) -> Result<IpAddr, Failed> {
    Ok(IpAddr::from([10, 0, 2, 2]))
}

#[cfg(feature = "udp")]
fn echo_datagram(stack: &mut Stack, server: SocketAddr) -> Result<(), Failed> {
    use smoltcp_nal::embedded_nal::UdpClientStack;
    let mut socket = UdpClientStack::socket(stack)?;
    UdpClientStack::connect(stack, &mut socket, server)?;
    block(stack, |stack| UdpClientStack::send(stack, &mut socket, b"hello over UDP"))?;
    let mut buffer = [0; 64];
    let (size, _) =
        block(stack, |stack| match UdpClientStack::receive(stack, &mut socket, &mut buffer) {
            Err(nb::Error::Other(NetworkError::UdpReadFailure(udp::RecvError::Exhausted))) => {
                Err(nb::Error::WouldBlock)
            }
            received => received,
        })?;
    say!("smoltcp-nal: {} bytes by UDP", size);
    Ok(UdpClientStack::close(stack, socket)?)
}

fn echo_stream(stack: &mut Stack, server: SocketAddr) -> Result<(), Failed> {
    let mut socket = TcpClientStack::socket(stack)?;
    block(stack, |stack| TcpClientStack::connect(stack, &mut socket, server))?;
    let mut left = &b"hello over TCP"[..];
    while !left.is_empty() {
        let sent = block(stack, |stack| TcpClientStack::send(stack, &mut socket, left))?;
        left = &left[sent..];
    }
    let mut buffer = [0; 64];
    let size =
        block(stack, |stack| match TcpClientStack::receive(stack, &mut socket, &mut buffer) {
            Ok(0) => Err(nb::Error::WouldBlock),
            received => received,
        })?;
    say!("smoltcp-nal: {} bytes by TCP", size);
    TcpClientStack::close(stack, socket)?;
    stack.poll().map_err(|_| Failed)?;
    Ok(())
}

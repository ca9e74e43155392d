//! What `quickstart` does, on embassy-net 0.9.1.
#![no_std]
#![no_main]

use core::task::Context;

use cortex_m_rt::entry;
use embassy_executor::task;
use embassy_net::tcp::TcpSocket;
#[cfg(feature = "udp")]
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{Config, IpAddress, IpEndpoint, Runner, Stack, StackResources};
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use smoltcp::phy::Device as _;
use smoltcp::time::Instant;
use sockstate::device::AsyncDevice;
use sockstate_firmware::interrupts::interrupt;
use sockstate_firmware::{Ethernet, HARDWARE_ADDR, SEED, embassy, say, semihosting::exit};
use sockstate_firmware_peers::capabilities;
use static_cell::{ConstStaticCell, StaticCell};

const SOCKETS: usize = 1
    + cfg!(feature = "udp") as usize
    + cfg!(feature = "dhcp") as usize
    + cfg!(feature = "dns") as usize;

/// It failed, one way or another.
#[derive(Debug)]
struct Failed;

#[entry]
fn main() -> ! {
    static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();
    let device = Device(sockstate_firmware::start());
    let (stack, runner) =
        embassy_net::new(device, config(), RESOURCES.init(StackResources::new()), SEED);
    embassy::run(|spawner| {
        let (Ok(runner), Ok(client)) = (run(runner), client(stack)) else { exit(Err(())) };
        spawner.spawn(runner);
        spawner.spawn(client);
    })
}

#[cfg(feature = "dhcp")]
fn config() -> Config {
    Config::dhcpv4(embassy_net::DhcpConfig::default())
}

#[cfg(not(feature = "dhcp"))]
fn config() -> Config {
    Config::ipv4_static(embassy_net::StaticConfigV4 {
        address: embassy_net::Ipv4Cidr::new(embassy_net::Ipv4Address::new(10, 0, 2, 15), 24),
        gateway: None,
        dns_servers: Default::default(),
    })
}

#[interrupt]
fn Ethernet() {
    embassy::wake_receiver();
}

#[task]
async fn run(mut runner: Runner<'static, Device>) {
    runner.run().await;
}

#[task]
async fn client(stack: Stack<'static>) {
    exit(talk(stack).await)
}

async fn talk(stack: Stack<'static>) -> Result<(), Failed> {
    stack.wait_config_up().await;
    let server = IpEndpoint::new(find_server(stack).await?, 7);
    #[cfg(feature = "udp")]
    echo_datagram(stack, server).await?;
    echo_stream(stack, server).await?;
    say!("embassy-net: done");
    Ok(())
}

#[cfg(feature = "dns")]
async fn find_server(stack: Stack<'_>) -> Result<IpAddress, Failed> {
    let addresses = stack.dns_query("echo.test", embassy_net::dns::DnsQueryType::A).await;
    addresses.map_err(|_| Failed)?.first().copied().ok_or(Failed)
}

#[cfg(not(feature = "dns"))]
async fn find_server(_stack: Stack<'_>) -> Result<IpAddress, Failed> {
    Ok(IpAddress::v4(10, 0, 2, 2))
}

#[cfg(feature = "udp")]
async fn echo_datagram(stack: Stack<'static>, server: IpEndpoint) -> Result<(), Failed> {
    static RX: ConstStaticCell<[u8; 512]> = ConstStaticCell::new([0; 512]);
    static TX: ConstStaticCell<[u8; 512]> = ConstStaticCell::new([0; 512]);
    static RX_META: ConstStaticCell<[PacketMetadata; 4]> =
        ConstStaticCell::new([PacketMetadata::EMPTY; 4]);
    static TX_META: ConstStaticCell<[PacketMetadata; 4]> =
        ConstStaticCell::new([PacketMetadata::EMPTY; 4]);
    let mut socket = UdpSocket::new(stack, RX_META.take(), RX.take(), TX_META.take(), TX.take());
    socket.bind(0).map_err(|_| Failed)?;
    socket.send_to(b"hello over UDP", server).await.map_err(|_| Failed)?;
    let mut buffer = [0; 64];
    let (size, _) = socket.recv_from(&mut buffer).await.map_err(|_| Failed)?;
    say!("embassy-net: {} bytes by UDP", size);
    Ok(())
}

async fn echo_stream(stack: Stack<'static>, server: IpEndpoint) -> Result<(), Failed> {
    static RX: ConstStaticCell<[u8; 1024]> = ConstStaticCell::new([0; 1024]);
    static TX: ConstStaticCell<[u8; 1024]> = ConstStaticCell::new([0; 1024]);
    let mut socket = TcpSocket::new(stack, RX.take(), TX.take());
    socket.connect(server).await.map_err(|_| Failed)?;
    let mut left = &b"hello over TCP"[..];
    while !left.is_empty() {
        let sent = socket.write(left).await.map_err(|_| Failed)?;
        left = &left[sent..];
    }
    let mut buffer = [0; 64];
    let size = socket.read(&mut buffer).await.map_err(|_| Failed)?;
    say!("embassy-net: {} bytes by TCP", size);
    socket.close();
    socket.flush().await.map_err(|_| Failed)
}

/// The board's device, for embassy-net.
struct Device(Ethernet);

struct Token<T>(T);

type Frame<'a> = <Ethernet as smoltcp::phy::Device>::RxToken<'a>;

impl Driver for Device {
    type RxToken<'a> = Token<Frame<'a>>;
    type TxToken<'a> = Token<<Ethernet as smoltcp::phy::Device>::TxToken<'a>>;

    fn receive(&mut self, cx: &mut Context) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        if self.0.poll_frame(cx).is_pending() {
            return None;
        }
        let (frame, room) = self.0.receive(Instant::ZERO)?;
        Some((Token(frame), Token(room)))
    }

    fn transmit(&mut self, cx: &mut Context) -> Option<Self::TxToken<'_>> {
        let room = self.0.transmit(Instant::ZERO);
        if room.is_none() {
            // No interrupt tells of room.
            cx.waker().wake_by_ref();
        }
        room.map(Token)
    }

    fn link_state(&mut self, _cx: &mut Context) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        capabilities(&self.0)
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(HARDWARE_ADDR)
    }
}

impl RxToken for Token<Frame<'_>> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, read: F) -> R {
        read(self.0.0)
    }
}

impl<T: smoltcp::phy::TxToken> TxToken for Token<T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        self.0.consume(len, write)
    }
}

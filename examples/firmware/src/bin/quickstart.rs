//! The classic program: take an address from the network, look a server's name up, say something
//! to it over UDP and over TCP.
//!
//! Outside of the tests it fails, as there nobody knows the name `echo.test`. The features `udp`,
//! `dhcp` and `dns` can be left out one after the other: what then remains is measured beside `twin`.
#![no_std]
#![no_main]

use core::net::{IpAddr, SocketAddr};

use cortex_m_rt::entry;
use sockstate::{Config, Error, Net, Stack, Storage};
use sockstate_firmware::{HARDWARE_ADDR, SEED, clock, say, semihosting::exit};
use static_cell::ConstStaticCell;

#[cfg(feature = "udp")]
const UDP: usize = 1;
#[cfg(not(feature = "udp"))]
const UDP: usize = 0;

static STORAGE: ConstStaticCell<Storage<1, UDP, 1024, 1024, 512, 4>> =
    ConstStaticCell::new(Storage::new());

#[entry]
fn main() -> ! {
    exit(run())
}

fn run() -> Result<(), Error> {
    let mut config = Config::ethernet(HARDWARE_ADDR, SEED);
    config.idle = clock::sleep;
    let device = sockstate_firmware::start();
    let stack = Stack::new(STORAGE.take(), device, clock::now, config)?;

    join_network(&stack)?;
    let server = SocketAddr::new(find_server(&stack)?, 7);
    #[cfg(feature = "udp")]
    echo_datagram(&stack, server)?;
    echo_stream(&stack, server)?;
    say!("quickstart: done");
    Ok(())
}

#[cfg(feature = "dhcp")]
fn join_network(net: &Net) -> Result<(), Error> {
    net.dhcp()?.wait()?;
    Ok(())
}

#[cfg(not(feature = "dhcp"))]
fn join_network(net: &Net) -> Result<(), Error> {
    net.add_address(sockstate::IpCidr::new(core::net::Ipv4Addr::new(10, 0, 2, 15).into(), 24))
}

#[cfg(feature = "dns")]
fn find_server(net: &Net) -> Result<IpAddr, Error> {
    // Not the name server that DHCP tells of, which would ask the machine's: the test's, on the host.
    net.set_dns_servers(&[IpAddr::from([10, 0, 2, 2])])?;
    net.lookup("echo.test", sockstate::AddrType::Ipv4)?.wait()
}

#[cfg(not(feature = "dns"))]
fn find_server(_net: &Net) -> Result<IpAddr, Error> {
    Ok(IpAddr::from([10, 0, 2, 2]))
}

#[cfg(feature = "udp")]
fn echo_datagram(net: &Net, server: SocketAddr) -> Result<(), Error> {
    let mut socket = net.udp()?.connect(server)?;
    net.block(|| socket.send(b"hello over UDP"))?;
    let mut buffer = [0; 64];
    let size = net.block(|| socket.receive(&mut buffer))?;
    say!("quickstart: {} bytes by UDP", size);
    Ok(())
}

fn echo_stream(net: &Net, server: SocketAddr) -> Result<(), Error> {
    let mut socket = net.tcp()?.connect(server)?.wait()?;
    socket.send_all(b"hello over TCP")?;
    let mut buffer = [0; 64];
    let size = net.block(|| socket.receive(&mut buffer))?;
    say!("quickstart: {} bytes by TCP", size);
    #[cfg(feature = "idle")]
    idle(net, &mut socket)?;
    socket.close().wait()?;
    Ok(())
}

/// Waits for a minute for what does not come, and says how often the core woke.
#[cfg(feature = "idle")]
fn idle(
    net: &Net,
    socket: &mut sockstate::TcpSocket<'_, sockstate::state::Connected>,
) -> Result<(), Error> {
    use sockstate::Duration;
    #[cfg(feature = "keep-alive")]
    socket.set_keep_alive(Some(Duration::from_secs(10)))?;
    let before = clock::wake_ups();
    let received = net.block_for(Duration::from_secs(60), || socket.receive(&mut [0; 1]));
    say!("idle: {} wake-ups", clock::wake_ups() - before);
    if received == Err(Error::TimedOut) { Ok(()) } else { received.map(drop) }
}

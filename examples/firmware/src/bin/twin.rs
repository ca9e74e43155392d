//! What `quickstart` does, on bare smoltcp, with the main loop of its documentation: poll, see to
//! the sockets, sleep until `poll_delay`. Sizes and costs of `quickstart` are measured against it.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
#[cfg(feature = "dhcp")]
use smoltcp::socket::dhcpv4;
#[cfg(feature = "dns")]
use smoltcp::socket::dns;
use smoltcp::socket::tcp;
#[cfg(feature = "udp")]
use smoltcp::socket::udp;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint, Ipv4Address};
use sockstate_firmware::{Ethernet, HARDWARE_ADDR, SEED, clock, say, semihosting::exit};
use static_cell::ConstStaticCell;

/// How the program failed.
#[derive(Debug)]
enum Failed {
    Memory,
    Connect,
    Exchange,
    #[cfg(feature = "dns")]
    Lookup,
}

const SOCKETS: usize = 1
    + cfg!(feature = "udp") as usize
    + cfg!(feature = "dhcp") as usize
    + cfg!(feature = "dns") as usize;

static RX: ConstStaticCell<[u8; 1024]> = ConstStaticCell::new([0; 1024]);
static TX: ConstStaticCell<[u8; 1024]> = ConstStaticCell::new([0; 1024]);
static SET: ConstStaticCell<[SocketStorage; SOCKETS]> =
    ConstStaticCell::new([SocketStorage::EMPTY; SOCKETS]);

#[entry]
fn main() -> ! {
    exit(run())
}

/// Device, interface and sockets.
struct Program {
    device: Ethernet,
    iface: Interface,
    sockets: SocketSet<'static>,
}

impl Program {
    /// One turn of the main loop: `done` sees to the sockets, and says when it is over.
    fn until<R>(
        &mut self,
        mut done: impl FnMut(&mut Interface, &mut SocketSet<'static>) -> Option<R>,
    ) -> R {
        loop {
            let now = clock::now();
            self.iface.poll(now, &mut self.device, &mut self.sockets);
            if let Some(result) = done(&mut self.iface, &mut self.sockets) {
                return result;
            }
            clock::sleep(self.iface.poll_delay(clock::now(), &self.sockets));
        }
    }
}

fn run() -> Result<(), Failed> {
    let mut device = sockstate_firmware::start();
    let mut config = Config::new(EthernetAddress(HARDWARE_ADDR).into());
    config.random_seed = SEED;
    let iface = Interface::new(config, &mut device, clock::now());
    let sockets = SocketSet::new(&mut SET.take()[..]);
    let mut program = Program { device, iface, sockets };

    join_network(&mut program)?;
    let server = IpEndpoint::new(find_server(&mut program)?, 7);
    #[cfg(feature = "udp")]
    echo_datagram(&mut program, server)?;
    echo_stream(&mut program, server)?;
    say!("twin: done");
    Ok(())
}

fn set_address(iface: &mut Interface, address: IpCidr) -> Result<(), Failed> {
    let mut outcome = Ok(());
    iface.update_ip_addrs(|addresses| {
        addresses.clear();
        outcome = addresses.push(address).map_err(|_| Failed::Memory);
    });
    outcome
}

#[cfg(feature = "dhcp")]
fn join_network(program: &mut Program) -> Result<(), Failed> {
    let handle = program.sockets.add(dhcpv4::Socket::new());
    program.until(|iface, sockets| {
        let event = sockets.get_mut::<dhcpv4::Socket>(handle).poll()?;
        let dhcpv4::Event::Configured(config) = event else { return None };
        Some((|| {
            set_address(iface, IpCidr::Ipv4(config.address))?;
            if let Some(router) = config.router {
                iface.routes_mut().add_default_ipv4_route(router).map_err(|_| Failed::Memory)?;
            }
            Ok(())
        })())
    })
}

#[cfg(not(feature = "dhcp"))]
fn join_network(program: &mut Program) -> Result<(), Failed> {
    set_address(&mut program.iface, IpCidr::new(IpAddress::v4(10, 0, 2, 15), 24))
}

#[cfg(feature = "dns")]
fn find_server(program: &mut Program) -> Result<IpAddress, Failed> {
    static QUERIES: ConstStaticCell<[Option<dns::DnsQuery>; 1]> = ConstStaticCell::new([None]);
    let servers = [IpAddress::Ipv4(Ipv4Address::new(10, 0, 2, 2))];
    let handle = program.sockets.add(dns::Socket::new(&servers, &mut QUERIES.take()[..]));
    let socket = program.sockets.get_mut::<dns::Socket>(handle);
    let query = socket
        .start_query(program.iface.context(), "echo.test", smoltcp::wire::DnsQueryType::A)
        .map_err(|_| Failed::Lookup)?;
    program.until(|_, sockets| {
        match sockets.get_mut::<dns::Socket>(handle).get_query_result(query) {
            Ok(addresses) => Some(addresses.first().copied().ok_or(Failed::Lookup)),
            Err(dns::GetQueryResultError::Pending) => None,
            Err(dns::GetQueryResultError::Failed) => Some(Err(Failed::Lookup)),
        }
    })
}

#[cfg(not(feature = "dns"))]
fn find_server(_program: &mut Program) -> Result<IpAddress, Failed> {
    Ok(IpAddress::Ipv4(Ipv4Address::new(10, 0, 2, 2)))
}

#[cfg(feature = "udp")]
fn echo_datagram(program: &mut Program, server: IpEndpoint) -> Result<(), Failed> {
    static RX: ConstStaticCell<[u8; 512]> = ConstStaticCell::new([0; 512]);
    static TX: ConstStaticCell<[u8; 512]> = ConstStaticCell::new([0; 512]);
    static RX_META: ConstStaticCell<[udp::PacketMetadata; 4]> =
        ConstStaticCell::new([udp::PacketMetadata::EMPTY; 4]);
    static TX_META: ConstStaticCell<[udp::PacketMetadata; 4]> =
        ConstStaticCell::new([udp::PacketMetadata::EMPTY; 4]);
    let mut socket = udp::Socket::new(
        udp::PacketBuffer::new(&mut RX_META.take()[..], &mut RX.take()[..]),
        udp::PacketBuffer::new(&mut TX_META.take()[..], &mut TX.take()[..]),
    );
    socket.bind(49_152).map_err(|_| Failed::Exchange)?;
    socket.send_slice(b"hello over UDP", server).map_err(|_| Failed::Exchange)?;
    let handle = program.sockets.add(socket);
    let mut buffer = [0; 64];
    let size = program.until(|_, sockets| {
        let socket = sockets.get_mut::<udp::Socket>(handle);
        match socket.recv_slice(&mut buffer) {
            Ok((size, _)) => Some(Ok(size)),
            Err(udp::RecvError::Exhausted) => None,
            Err(udp::RecvError::Truncated) => Some(Err(Failed::Exchange)),
        }
    })?;
    say!("twin: {} bytes by UDP", size);
    Ok(())
}

fn echo_stream(program: &mut Program, server: IpEndpoint) -> Result<(), Failed> {
    let mut socket = tcp::Socket::new(
        tcp::SocketBuffer::new(&mut RX.take()[..]),
        tcp::SocketBuffer::new(&mut TX.take()[..]),
    );
    socket.connect(program.iface.context(), server, 49_153).map_err(|_| Failed::Connect)?;
    let handle = program.sockets.add(socket);
    program.until(|_, sockets| match sockets.get_mut::<tcp::Socket>(handle).state() {
        tcp::State::SynSent => None,
        tcp::State::Closed => Some(Err(Failed::Connect)),
        _ => Some(Ok(())),
    })?;

    let mut left = &b"hello over TCP"[..];
    program.until(|_, sockets| {
        let socket = sockets.get_mut::<tcp::Socket>(handle);
        match socket.send_slice(left) {
            Ok(sent) => left = &left[sent..],
            Err(_) => return Some(Err(Failed::Exchange)),
        }
        left.is_empty().then_some(Ok(()))
    })?;
    let mut buffer = [0; 64];
    let size = program.until(|_, sockets| {
        match sockets.get_mut::<tcp::Socket>(handle).recv_slice(&mut buffer) {
            Ok(0) => None,
            Ok(size) => Some(Ok(size)),
            Err(_) => Some(Err(Failed::Exchange)),
        }
    })?;
    say!("twin: {} bytes by TCP", size);
    #[cfg(feature = "idle")]
    idle(program, handle);

    program.sockets.get_mut::<tcp::Socket>(handle).close();
    program.until(|_, sockets| {
        matches!(
            sockets.get_mut::<tcp::Socket>(handle).state(),
            tcp::State::Closed | tcp::State::TimeWait | tcp::State::FinWait2
        )
        .then_some(())
    });
    Ok(())
}

/// Waits for a minute for what does not come, and says how often the core woke.
#[cfg(feature = "idle")]
fn idle(program: &mut Program, _handle: smoltcp::iface::SocketHandle) {
    use smoltcp::time::Duration;
    #[cfg(feature = "keep-alive")]
    program.sockets.get_mut::<tcp::Socket>(_handle).set_keep_alive(Some(Duration::from_secs(10)));
    let before = clock::wake_ups();
    let end = clock::now() + Duration::from_secs(60);
    loop {
        let now = clock::now();
        program.iface.poll(now, &mut program.device, &mut program.sockets);
        if now >= end {
            break;
        }
        let delay = program.iface.poll_delay(now, &program.sockets);
        let delay = delay.map_or(end - now, |delay| delay.min(end - now));
        if delay > Duration::ZERO {
            clock::sleep(Some(delay));
        }
    }
    say!("idle: {} wake-ups", clock::wake_ups() - before);
}

//! The traffic of [`bench`], with bare smoltcp at its near end, and the main loop of its
//! documentation: see to the sockets, sleep until `poll_delay`, poll.
#![no_std]
#![no_main]

use core::convert::Infallible;

use cortex_m_rt::entry;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::{tcp, udp};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint};
use sockstate_firmware::bench::{self, Near, Plug, Remote};
use sockstate_firmware::{HARDWARE_ADDR, SEED, semihosting::exit};
use static_cell::ConstStaticCell;

static SET: ConstStaticCell<[SocketStorage; 2]> = ConstStaticCell::new([SocketStorage::EMPTY; 2]);
static TCP: ConstStaticCell<[[u8; bench::TCP_BUFFER]; 2]> =
    ConstStaticCell::new([[0; bench::TCP_BUFFER]; 2]);
static UDP: ConstStaticCell<[[u8; bench::UDP_BUFFER]; 2]> =
    ConstStaticCell::new([[0; bench::UDP_BUFFER]; 2]);
static METADATA: ConstStaticCell<[[udp::PacketMetadata; bench::DATAGRAMS]; 2]> =
    ConstStaticCell::new([[udp::PacketMetadata::EMPTY; bench::DATAGRAMS]; 2]);

#[entry]
fn main() -> ! {
    let (device, far) = Plug::pair();
    bench::run(Twin::new(device, Remote::new(far)));
    exit(Ok::<_, Infallible>(()))
}

struct Twin {
    device: Plug<true>,
    iface: Interface,
    sockets: SocketSet<'static>,
    tcp: SocketHandle,
    udp: SocketHandle,
    remote: Remote,
    /// The next connection's.
    port: u16,
}

impl Twin {
    fn new(mut device: Plug<true>, remote: Remote) -> Self {
        let mut config = Config::new(EthernetAddress(HARDWARE_ADDR).into());
        config.random_seed = SEED;
        let mut iface = Interface::new(config, &mut device, bench::now());
        iface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(address(bench::HOST), 24)).expect("room for it");
        });
        let mut sockets = SocketSet::new(&mut SET.take()[..]);
        let [rx, tx] = TCP.take();
        let tcp = sockets.add(tcp::Socket::new(
            tcp::SocketBuffer::new(&mut rx[..]),
            tcp::SocketBuffer::new(&mut tx[..]),
        ));
        let ([rx, tx], [rx_metadata, tx_metadata]) = (UDP.take(), METADATA.take());
        let udp = sockets.add(udp::Socket::new(
            udp::PacketBuffer::new(&mut rx_metadata[..], &mut rx[..]),
            udp::PacketBuffer::new(&mut tx_metadata[..], &mut tx[..]),
        ));
        Twin { device, iface, sockets, tcp, udp, remote, port: 49_152 }
    }

    /// The main loop: `done` sees to a socket, and says when it is over.
    fn until<R>(&mut self, mut done: impl FnMut(&mut SocketSet<'static>) -> Option<R>) -> R {
        loop {
            if let Some(result) = done(&mut self.sockets) {
                return result;
            }
            self.remote.run(self.iface.poll_delay(bench::now(), &self.sockets));
            self.iface.poll(bench::now(), &mut self.device, &mut self.sockets);
        }
    }
}

impl Near for Twin {
    type Tcp = SocketHandle;
    type Udp = IpEndpoint;

    fn remote(&mut self) -> &mut Remote {
        &mut self.remote
    }

    fn connect(&mut self, port: u16) -> SocketHandle {
        let handle = self.tcp;
        self.port += 1;
        let socket = self.sockets.get_mut::<tcp::Socket>(handle);
        socket.connect(self.iface.context(), remote(port), self.port).expect("a request");
        self.until(|sockets| {
            let state = sockets.get_mut::<tcp::Socket>(handle).state();
            assert_ne!(state, tcp::State::Closed);
            (state != tcp::State::SynSent).then_some(())
        });
        handle
    }

    fn send(&mut self, tcp: &mut SocketHandle, data: &[u8]) -> usize {
        self.until(|sockets| {
            let socket = sockets.get_mut::<tcp::Socket>(*tcp);
            Some(socket.send_slice(data).expect("a connection")).filter(|sent| *sent > 0)
        })
    }

    fn receive(&mut self, tcp: &mut SocketHandle, buffer: &mut [u8]) -> usize {
        self.until(|sockets| match sockets.get_mut::<tcp::Socket>(*tcp).recv_slice(buffer) {
            Ok(0) => None,
            Ok(size) => Some(size),
            Err(tcp::RecvError::Finished) => Some(0),
            Err(error) => panic!("{error}"),
        })
    }

    fn close(&mut self, tcp: SocketHandle) {
        self.sockets.get_mut::<tcp::Socket>(tcp).close();
        self.until(|sockets| (!sockets.get_mut::<tcp::Socket>(tcp).is_open()).then_some(()));
    }

    fn udp(&mut self, port: u16) -> IpEndpoint {
        self.sockets.get_mut::<udp::Socket>(self.udp).bind(49_152).expect("a port");
        remote(port)
    }

    fn ask(&mut self, to: &mut IpEndpoint, request: &[u8], answer: &mut [u8]) -> usize {
        let handle = self.udp;
        let socket = self.sockets.get_mut::<udp::Socket>(handle);
        socket.send_slice(request, *to).expect("room");
        self.until(|sockets| match sockets.get_mut::<udp::Socket>(handle).recv_slice(answer) {
            Ok((size, _)) => Some(size),
            Err(udp::RecvError::Exhausted) => None,
            Err(error) => panic!("{error}"),
        })
    }
}

fn address([a, b, c, d]: [u8; 4]) -> IpAddress {
    IpAddress::v4(a, b, c, d)
}

fn remote(port: u16) -> IpEndpoint {
    IpEndpoint::new(address(bench::REMOTE_HOST), port)
}

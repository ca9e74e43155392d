//! The traffic of [`bench`], with sockstate at its near end.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::net::{Ipv4Addr, SocketAddr};

use cortex_m_rt::entry;
use sockstate::state::Connected;
use sockstate::{Config, Error, Instant, IpCidr, Net, Stack, Storage, TcpSocket, UdpSocket, nb};
use sockstate_firmware::bench::{self, Near, Plug, Remote};
use sockstate_firmware::{HARDWARE_ADDR, SEED, semihosting::exit};
use static_cell::{ConstStaticCell, StaticCell};

type OurStack = Stack<Plug<true>, fn() -> Instant>;

static STORAGE: ConstStaticCell<
    Storage<
        1,
        1,
        { bench::TCP_BUFFER },
        { bench::TCP_BUFFER },
        { bench::UDP_BUFFER },
        { bench::DATAGRAMS },
    >,
> = ConstStaticCell::new(Storage::new());
static STACK: StaticCell<OurStack> = StaticCell::new();

#[entry]
fn main() -> ! {
    let (device, far) = Plug::pair();
    let config = Config::ethernet(HARDWARE_ADDR, SEED);
    let clock: fn() -> Instant = bench::now;
    let stack = Stack::new(STORAGE.take(), device, clock, config).expect("a stack");
    stack.add_address(IpCidr::new(Ipv4Addr::from(bench::HOST).into(), 24)).expect("an address");
    bench::run(Ours { net: STACK.init(stack).net(), remote: Remote::new(far) });
    exit(Ok::<_, Infallible>(()))
}

struct Ours {
    net: &'static Net,
    remote: Remote,
}

impl Ours {
    fn block<R>(&mut self, call: impl FnMut() -> nb::Result<R, Error>) -> Result<R, Error> {
        self.net.block_with(|delay| self.remote.run(delay), call)
    }
}

impl Near for Ours {
    type Tcp = TcpSocket<'static, Connected>;
    type Udp = UdpSocket<'static, Connected>;

    fn remote(&mut self) -> &mut Remote {
        &mut self.remote
    }

    fn connect(&mut self, port: u16) -> Self::Tcp {
        let socket = self.net.tcp().expect("a socket").connect(remote(port)).expect("a request");
        socket.wait_with(|delay| self.remote.run(delay)).expect("a connection")
    }

    fn send(&mut self, tcp: &mut Self::Tcp, data: &[u8]) -> usize {
        self.block(|| tcp.send(data)).expect("a connection")
    }

    fn receive(&mut self, tcp: &mut Self::Tcp, buffer: &mut [u8]) -> usize {
        match self.block(|| tcp.receive(buffer)) {
            Err(Error::PeerClosed) => 0,
            received => received.expect("a connection"),
        }
    }

    fn close(&mut self, tcp: Self::Tcp) {
        tcp.close().wait_with(|delay| self.remote.run(delay)).expect("an end");
    }

    fn udp(&mut self, port: u16) -> Self::Udp {
        self.net.udp().expect("a socket").connect(remote(port)).expect("a port")
    }

    fn ask(&mut self, udp: &mut Self::Udp, request: &[u8], answer: &mut [u8]) -> usize {
        self.block(|| udp.send(request)).expect("room");
        self.block(|| udp.receive(answer)).expect("an answer")
    }
}

fn remote(port: u16) -> SocketAddr {
    SocketAddr::from((bench::REMOTE_HOST, port))
}

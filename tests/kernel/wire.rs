//! Time, the sockets of both sides, and what ties a stack to the kernel.

use super::process::Process;
use super::*;

thread_local! {
    /// When the test that runs in this thread must be over.
    static END: Cell<Option<Instant>> = const { Cell::new(None) };
}

pub(crate) fn start_limit() {
    END.set(Some(Instant::now() + LIMIT));
}

pub(crate) fn check_limit() {
    let end = END.get().expect("a limit was set");
    assert!(Instant::now() < end, "not done within {LIMIT:?}");
}

/// How the stacks of these tests pass the time.
pub(crate) fn idle(delay: Option<sockstate::Duration>) {
    check_limit();
    device::sleep(delay);
}

/// A time in the stack's own type.
pub(crate) fn ours(time: Duration) -> sockstate::Duration {
    sockstate::Duration::from_micros(time.as_micros() as u64)
}

/// Whether `SHORT` was kept to. It may have begun a little before `start`, with the last frame.
pub(crate) fn assert_took_short(start: Instant) {
    let took = start.elapsed();
    assert!(SHORT / 2 < took && took < SHORT + LATE, "took {took:?} instead of {SHORT:?}");
}

/// Runs the stack until something is so.
pub(crate) fn until<S: Sharing>(net: &Net<S>, mut done: impl FnMut() -> bool) {
    let wait = || if done() { Ok(()) } else { Err(nb::Error::WouldBlock) };
    net.block::<(), Error>(wait).unwrap();
}

pub(crate) fn run_for(net: &Net, time: Duration) {
    let end = Instant::now() + time;
    until(net, || Instant::now() >= end);
}

/// Runs the stack until the kernel's side of a test is done.
pub(crate) fn join<T, S: Sharing>(net: &Net<S>, kernel: JoinHandle<T>) -> T {
    until(net, || kernel.is_finished());
    kernel.join().expect("the kernel's side")
}

pub(crate) fn connect<S: Sharing>(net: &Net<S>, server: SocketAddr) -> TcpSocket<'_, Connected, S> {
    net.tcp().unwrap().connect(server).unwrap().wait().unwrap()
}

pub(crate) fn listen(net: &Net, backlog: u16) -> TcpSocket<'_, Listening> {
    net.tcp().unwrap().bind(PORT).unwrap().listen(backlog).unwrap()
}

/// Closes a connection, and waits until the peer has done so, too.
pub(crate) fn close(socket: TcpSocket<'_, Connected>) {
    socket.close().wait().map(drop).unwrap();
}

/// A socket of ours as a stream of the standard library.
pub(crate) struct Blocking<'s, 'net, St: State, S: Sharing>(
    pub(crate) &'s mut TcpSocket<'net, St, S>,
);

impl<St: CanReceive, S: Sharing> Read for Blocking<'_, '_, St, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.net().block(|| self.0.receive(buffer)) {
            Err(Error::PeerClosed) => Ok(0),
            received => received.map_err(io::Error::other),
        }
    }
}

impl<St: CanSend, S: Sharing> Write for Blocking<'_, '_, St, S> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.net().block(|| self.0.send(data)).map_err(io::Error::other)
    }

    /// Does nothing, as that of `TcpStream`.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The error of the stack in one of `Blocking`.
pub(crate) fn reason(error: &io::Error) -> Error {
    *error.get_ref().and_then(|error| error.downcast_ref()).expect("an error of the stack")
}

pub(crate) fn kernel_connect(server: SocketAddr) -> TcpStream {
    with_limits(TcpStream::connect_timeout(&server, PATIENCE).unwrap())
}

pub(crate) fn kernel_accept(listener: &TcpListener) -> TcpStream {
    with_limits(listener.accept().unwrap().0)
}

pub(crate) fn with_limits(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Ends a connection as the end of a killed process does that had not read everything.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

#[derive(Clone, Copy)]
pub(crate) enum Family {
    V4,
    V6,
}

/// A TAP interface, with a network in which the kernel is host 1 and the stack is host 2.
pub(crate) struct Wire {
    pub(crate) name: String,
    pub(crate) number: u8,
    pub(crate) family: Family,
    /// What is random in the test follows from this.
    pub(crate) seed: u64,
}

impl Wire {
    pub(crate) fn new(family: Family) -> Self {
        static COUNT: AtomicU8 = AtomicU8::new(1);
        let prefix = env::var("SOCKSTATE_TAP")
            .expect("run scripts/kernel: these tests need a network namespace of their own");
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        start_limit();
        Wire { name: format!("{prefix}{number}"), number, family, seed: seed() }
    }

    /// The address of a host of this network.
    pub(crate) fn host(&self, host: u8) -> IpAddr {
        match self.family {
            Family::V4 => Ipv4Addr::new(10, 77, self.number, host).into(),
            Family::V6 => {
                Ipv6Addr::new(0xfd77, self.number.into(), 0, 0, 0, 0, 0, host.into()).into()
            }
        }
    }

    pub(crate) fn kernel(&self, port: u16) -> SocketAddr {
        (self.host(1), port).into()
    }

    pub(crate) fn our(&self, port: u16) -> SocketAddr {
        (self.host(2), port).into()
    }

    pub(crate) fn with_prefix(&self, addr: SocketAddr) -> String {
        let prefix = match self.family {
            Family::V4 => 24,
            Family::V6 => 64,
        };
        format!("{}/{prefix}", addr.ip())
    }

    /// Sizes of datagrams, from an empty one to the largest that fits into a frame.
    pub(crate) fn datagram_sizes(&self) -> [usize; 4] {
        match self.family {
            Family::V4 => [0, 1, 512, 1_500 - 20 - 8],
            Family::V6 => [0, 1, 512, 1_500 - 40 - 8],
        }
    }

    pub(crate) fn stack(&self) -> Stack<Tap, StdClock> {
        self.stack_with(Heap::default(), |_| {})
    }

    pub(crate) fn stack_with(
        &self,
        heap: Heap,
        change: impl FnOnce(&mut Config),
    ) -> Stack<Tap, StdClock> {
        let mut config = self.config();
        change(&mut config);
        let stack = Stack::new(heap, self.tap(), StdClock::new(), config).unwrap();
        self.join(&stack);
        stack
    }

    pub(crate) fn shared_stack(&self) -> Stack<Tap, StdClock, Shared> {
        let stack =
            Stack::shared(Heap::default(), self.tap(), StdClock::new(), self.config()).unwrap();
        self.join(&stack);
        stack
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config::ethernet([0x02, 0, 0, 0, 0, self.number], self.seed);
        config.idle = idle;
        config
    }

    pub(crate) fn tap(&self) -> Tap {
        Tap::open(&self.name).unwrap()
    }

    pub(crate) fn join<S: Sharing>(&self, net: &Net<S>) {
        net.add_address(self.with_prefix(self.our(0)).parse().unwrap()).unwrap();
        self.plug();
    }

    /// Takes the kernel's end up. It forgets its IPv6 addresses when it goes down.
    pub(crate) fn plug(&self) {
        let addr = self.with_prefix(self.kernel(0));
        let mut assign = vec!["addr", "replace", &addr, "dev", &self.name];
        if matches!(self.family, Family::V6) {
            assign.push("nodad");
        }
        ip(&assign);
        ip(&["link", "set", &self.name, "up"]);
    }

    /// Takes the kernel's end down.
    pub(crate) fn unplug(&self) {
        ip(&["link", "set", &self.name, "down"]);
    }

    /// A listener of the kernel. Its `accept` has a time limit, too.
    pub(crate) fn kernel_listener(&self) -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind(self.kernel(0)).unwrap();
        SockRef::from(&listener).set_read_timeout(Some(PATIENCE)).unwrap();
        let addr = listener.local_addr().unwrap();
        (listener, addr)
    }

    pub(crate) fn kernel_udp(&self) -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind(self.kernel(0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let addr = socket.local_addr().unwrap();
        (socket, addr)
    }
}

pub(crate) fn ip(arguments: &[&str]) {
    let status = Command::new("ip").args(arguments).status().unwrap();
    assert!(status.success(), "ip {}: {status}", arguments.join(" "));
}

/// dnsmasq on a wire.
pub(crate) fn dnsmasq(wire: &Wire, options: &[String]) -> Process {
    // Unless told otherwise, it listens on the loopback interface as well.
    let at = [&format!("--interface={}", wire.name), "--except-interface=lo"];
    Process::dnsmasq(&at, options)
}

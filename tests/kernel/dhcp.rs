//! Leases of dnsmasq, the DHCP server of small networks.
//!
//! Its shortest lease is two minutes. The stack's clock jumps ahead of them; dnsmasq's does not
//! have to.

use std::rc::Rc;

use sockstate::{AddrType, Clock, Dhcp, Lease};

use super::*;
use process::Process;

/// The hosts that are leased at first, and those of another range.
const FIRST: [u8; 2] = [50, 59];
const SECOND: [u8; 2] = [150, 159];

/// A clock that can be put forward.
#[derive(Clone)]
struct Jumping {
    clock: StdClock,
    ahead: Rc<Cell<sockstate::Duration>>,
}

impl Jumping {
    fn new() -> Self {
        Jumping { clock: StdClock::new(), ahead: Rc::default() }
    }

    fn jump(&self, seconds: u64) {
        self.ahead.set(self.ahead.get() + sockstate::Duration::from_secs(seconds));
    }
}

impl Clock for Jumping {
    fn now(&mut self) -> sockstate::Instant {
        self.clock.now() + self.ahead.get()
    }
}

/// A wire whose stack has no address yet.
fn unconfigured(clock: &Jumping) -> (Wire, Stack<Tap, Jumping>) {
    let wire = Wire::new(Family::V4);
    let stack = Stack::new(Heap::default(), wire.tap(), clock.clone(), wire.config()).unwrap();
    wire.plug();
    (wire, stack)
}

/// A server that leases these hosts of the wire's network for two minutes, and knows a name.
fn leases(wire: &Wire, [first, last]: [u8; 2]) -> Process {
    let server = dnsmasq(
        wire,
        &[
            "--host-record=host.test,10.9.8.7".into(),
            format!("--dhcp-range={},{},2m", wire.host(first), wire.host(last)),
            // It forgets its leases when it ends, and refuses to renew those that it does not know.
            "--leasefile-ro".into(),
            "--dhcp-authoritative".into(),
            "--no-ping".into(),
        ],
    );
    server.wait_for("DHCP, sockets bound");
    server
}

fn host(addr: IpAddr) -> u8 {
    let IpAddr::V4(addr) = addr else { panic!("{addr} is no IPv4 address") };
    addr.octets()[3]
}

fn next_change(stack: &Net, dhcp: &mut Dhcp<'_>) -> Option<Lease> {
    stack.block_for(ours(PATIENCE), || dhcp.poll()).unwrap()
}

/// A connection to the kernel from the leased address.
fn connected<'net>(
    wire: &Wire,
    stack: &'net Net,
    [first, last]: [u8; 2],
) -> (TcpSocket<'net, Connected>, TcpStream) {
    let (listener, server) = wire.kernel_listener();
    let kernel = thread::spawn(move || kernel_accept(&listener));
    let socket = connect(stack, server);
    let stream = join(stack, kernel);
    let local = socket.local_endpoint().unwrap().addr.unwrap();
    assert_eq!(stream.peer_addr().unwrap().ip(), local);
    assert!((first..=last).contains(&host(local)), "{local}");
    (socket, stream)
}

fn is_alive(stack: &Net, socket: &mut TcpSocket<'_, Connected>, stream: &mut TcpStream) {
    stream.write_all(b"still there?").unwrap();
    let mut buffer = [0; 12];
    assert_eq!(stack.block(|| socket.receive(&mut buffer)), Ok(12));
}

#[test]
fn a_lease_is_taken_and_renewed() {
    let clock = Jumping::new();
    let (wire, stack) = unconfigured(&clock);
    let server = leases(&wire, FIRST);
    let mut dhcp = stack.dhcp().unwrap();
    let lease = next_change(&stack, &mut dhcp).unwrap();
    assert_eq!(lease.address.prefix_len(), 24);
    assert_eq!(lease.router, Some(wire.host(1)));
    assert_eq!(lease.dns_servers[..], [wire.host(1)]);
    assert_eq!(lease.server, wire.host(1));
    assert_eq!(lease.until, Some(lease.since + sockstate::Duration::from_secs(120)));
    let (mut socket, mut stream) = connected(&wire, &stack, FIRST);
    let found = stack.lookup("host.test", AddrType::Ipv4).unwrap().wait();
    assert_eq!(found, Ok("10.9.8.7".parse().unwrap()));

    for _ in 0..3 {
        let until = dhcp.lease().unwrap().unwrap().until;
        clock.jump(61);
        super::until(&stack, || dhcp.lease().unwrap().unwrap().until > until);
    }
    assert_eq!(dhcp.poll(), Err(nb::Error::WouldBlock));
    assert_eq!(dhcp.lease().unwrap().unwrap().since, lease.since);
    is_alive(&stack, &mut socket, &mut stream);
    let lines = server.stop();
    let said = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!((said("DHCPOFFER"), said("DHCPACK"), said("DHCPNAK")), (1, 4, 0));
}

#[test]
fn a_lease_ends_when_nobody_renews_it() {
    let clock = Jumping::new();
    let (wire, stack) = unconfigured(&clock);
    let server = leases(&wire, FIRST);
    let mut dhcp = stack.dhcp().unwrap();
    assert!(next_change(&stack, &mut dhcp).is_some());
    let (mut socket, mut stream) = connected(&wire, &stack, FIRST);
    server.stop();

    clock.jump(61);
    is_alive(&stack, &mut socket, &mut stream);
    clock.jump(60);
    assert_eq!(next_change(&stack, &mut dhcp), None);
    let end = socket.receive(&mut [0; 16]);
    assert_eq!(end, Err(nb::Error::Other(Error::AddressLost)));
    assert!(stack.addresses().unwrap().is_empty());
    let failed = stack.tcp().unwrap().connect(wire.kernel(80)).unwrap_err();
    assert_eq!(failed.error(), Error::NoAddress);

    let _server = leases(&wire, FIRST);
    clock.jump(10);
    assert!(next_change(&stack, &mut dhcp).is_some());
    connected(&wire, &stack, FIRST);
}

#[test]
fn another_range_gives_another_address() {
    let clock = Jumping::new();
    let (wire, stack) = unconfigured(&clock);
    let server = leases(&wire, FIRST);
    let mut dhcp = stack.dhcp().unwrap();
    assert!(next_change(&stack, &mut dhcp).is_some());
    let (mut socket, _stream) = connected(&wire, &stack, FIRST);
    server.stop();

    let server = leases(&wire, SECOND);
    clock.jump(61);
    assert_eq!(next_change(&stack, &mut dhcp), None);
    server.wait_for("DHCPNAK");
    let end = socket.receive(&mut [0; 16]);
    assert_eq!(end, Err(nb::Error::Other(Error::AddressLost)));
    let lease = next_change(&stack, &mut dhcp).unwrap();
    assert_eq!(stack.addresses().unwrap()[..], [lease.address]);
    let (mut socket, mut stream) = connected(&wire, &stack, SECOND);
    is_alive(&stack, &mut socket, &mut stream);
}

#[test]
fn the_cable_is_put_into_another_network() {
    let clock = Jumping::new();
    let (wire, stack) = unconfigured(&clock);
    let server = leases(&wire, FIRST);
    let mut dhcp = stack.dhcp().unwrap();
    let first = next_change(&stack, &mut dhcp).unwrap();
    wire.unplug();
    stack.link_down().unwrap();
    server.stop();
    assert_eq!(dhcp.lease(), Ok(Some(first)));

    wire.plug();
    let _server = leases(&wire, SECOND);
    stack.link_up().unwrap();
    let second = next_change(&stack, &mut dhcp).unwrap();
    assert_eq!(stack.addresses().unwrap()[..], [second.address]);
    connected(&wire, &stack, SECOND);
}

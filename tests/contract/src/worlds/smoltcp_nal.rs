//! smoltcp-nal as published, over smoltcp 0.12, on the same cable and clock as ours. It is polled
//! whenever time passes, as its documentation has it.

use std::time::Duration;

use embedded_time::clock::Error as ClockError;
use embedded_time::fraction::Fraction;
use embedded_time::{Clock, Instant};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::socket::{dns, tcp, udp};
use smoltcp::wire::{EthernetAddress, IpCidr};
use smoltcp_nal::NetworkStack;
use sockstate::device::Plug;
use sockstate::testing::VirtualClock;

use super::ours::{Bench, VIRTUAL_PATIENCE};
use super::{NAME_SERVER, Row, case_named, mac, rows_by_name, stack};
use crate::cases::nal::{dns as dns_cases, tcp_client, udp_client, udp_full};
use crate::far::{Board, HEAP, Order, look};
use crate::{Case, Family, Outcome, Setup, World};

/// The world of `NetworkStack`.
pub struct SmoltcpNal<'net> {
    stack: NetworkStack<'static, Adapter, Ticks>,
    bench: Bench<'net>,
}

impl SmoltcpNal<'_> {
    /// Every case that this stack has the traits for.
    pub fn rows() -> Vec<Row> {
        rows_by_name(SmoltcpNal::cases(), run)
    }

    fn cases() -> Vec<Case<Self>> {
        [tcp_client::all(), udp_client::cases(), udp_full::cases(), dns_cases::cases()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn poll(&mut self) {
        // Its only errors are those of the clock and of DHCP, and there are none of either here.
        let _ = self.stack.poll();
    }
}

fn run(id: &'static str) -> Outcome {
    let setup = case_named(SmoltcpNal::cases(), id)?.setup;
    let clock = VirtualClock::new();
    let (near, far) = Plug::pair();
    let far = stack(HEAP, far, clock.clone(), 2, 44).map_err(|error| error.to_string())?;
    let stack = network_stack(setup, Adapter { plug: near, clock: clock.clone() });
    let mut world = SmoltcpNal { stack, bench: Bench::new(&far, clock) };
    // Its time begins with the first poll.
    world.poll();
    (case_named(SmoltcpNal::cases(), id)?.run)(&mut world)
}

fn network_stack(setup: Setup, mut device: Adapter) -> NetworkStack<'static, Adapter, Ticks> {
    let mut config = Config::new(EthernetAddress(mac(1)).into());
    config.random_seed = 42;
    let mut iface = Interface::new(config, &mut device, smoltcp::time::Instant::ZERO);
    iface.update_ip_addrs(|addrs| {
        for (family, prefix) in [(Family::V4, 24), (Family::V6, 64)] {
            addrs.push(IpCidr::new(family.near().into(), prefix)).expect("room for two addresses");
        }
    });
    let mut sockets = SocketSet::new(Vec::new());
    for _ in 0..setup.tcp {
        let buffer = |size| tcp::SocketBuffer::new(vec![0; size]);
        sockets.add(tcp::Socket::new(buffer(HEAP.tcp_rx), buffer(HEAP.tcp_tx)));
    }
    for _ in 0..setup.udp {
        let buffer = || {
            let metadata = vec![udp::PacketMetadata::EMPTY; HEAP.udp_packets];
            udp::PacketBuffer::new(metadata, vec![0; HEAP.udp_buf])
        };
        sockets.add(udp::Socket::new(buffer(), buffer()));
    }
    let server = NAME_SERVER.ip().into();
    let servers = if setup.name_server { std::slice::from_ref(&server) } else { &[] };
    sockets.add(dns::Socket::new(servers, Vec::new()));
    let clock = Ticks(device.clock.clone());
    NetworkStack::new(iface, device, sockets, clock)
}

impl World for SmoltcpNal<'_> {
    type Stack = NetworkStack<'static, Adapter, Ticks>;

    const PATIENCE: Duration = VIRTUAL_PATIENCE;

    fn stack(&mut self) -> &mut Self::Stack {
        &mut self.stack
    }

    fn order(&mut self, order: Order) -> Outcome {
        self.bench.order(order)
    }

    fn look<R>(&self, see: impl FnOnce(&Board) -> R) -> R {
        see(&look(&self.bench.board))
    }

    fn now(&self) -> Duration {
        self.bench.now()
    }

    fn pass(&mut self) {
        self.poll();
        self.bench.pass();
        self.poll();
    }

    fn pass_unpolled(&mut self) {
        self.bench.pass();
    }
}

/// The virtual clock in milliseconds, as a clock of embedded-time.
pub struct Ticks(VirtualClock);

impl Clock for Ticks {
    type T = u32;

    const SCALING_FACTOR: Fraction = Fraction::new(1, 1_000);

    fn try_now(&self) -> Result<Instant<Self>, ClockError> {
        Ok(Instant::new(self.0.time().total_millis() as u32))
    }
}

/// An end of the cable as a device of smoltcp 0.12.
pub struct Adapter {
    plug: Plug,
    /// smoltcp-nal counts its time from its first poll, the cable from the clock's own beginning.
    clock: VirtualClock,
}

impl Device for Adapter {
    type RxToken<'a> = RxToken;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(RxToken, TxToken<'_>)> {
        let frame = self.plug.take(self.clock.time())?;
        Some((RxToken(frame), TxToken(self)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<TxToken<'_>> {
        Some(TxToken(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1_514;
        capabilities
    }
}

pub struct RxToken(Vec<u8>);

impl phy::RxToken for RxToken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

pub struct TxToken<'a>(&'a mut Adapter);

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, size: usize, fill: F) -> R {
        let mut frame = vec![0; size];
        let result = fill(&mut frame);
        self.0.plug.inject(self.0.clock.time(), &frame);
        result
    }
}

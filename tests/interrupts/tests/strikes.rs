//! A handler that polls may strike wherever interrupts are on: here after each critical section in
//! turn. Whoever waits must not sleep through what it has taken in.

mod wire;

use std::cell::{Cell, RefCell};

use sockstate::state::Bound;
use sockstate::{Config, Duration, Error, Heap, Instant, Net, Shared, Stack, UdpSocket, nb};

use self::wire::{Frames, Wire};

/// More critical sections than any call here has.
const POINTS: u32 = 60;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static PLAN: Cell<Plan> = const { Cell::new(Plan::Idle) };
    static HANDLER: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

#[derive(Clone, Copy)]
enum Plan {
    Idle,
    /// After so many further critical sections the handler strikes.
    Strikes(u32),
    /// It has, so many critical sections ago.
    HasStruck(u32),
}

struct Interrupts;
critical_section::set_impl!(Interrupts);

// SAFETY: each test has one thread, and its handler runs outside of critical sections.
unsafe impl critical_section::Impl for Interrupts {
    unsafe fn acquire() -> bool {
        DEPTH.set(DEPTH.get() + 1);
        true
    }

    unsafe fn release(_: bool) {
        DEPTH.set(DEPTH.get() - 1);
        if DEPTH.get() > 0 {
            return;
        }
        match PLAN.get() {
            Plan::Idle => {}
            Plan::Strikes(0) => strike(),
            Plan::Strikes(left) => PLAN.set(Plan::Strikes(left - 1)),
            Plan::HasStruck(since) => PLAN.set(Plan::HasStruck(since + 1)),
        }
    }
}

fn strike() {
    PLAN.set(Plan::Idle);
    if let Some(handler) = HANDLER.take() {
        handler();
    }
    PLAN.set(Plan::HasStruck(0));
}

fn stack(wire: &Wire, address: &str) -> &'static Net<Shared> {
    let clock: fn() -> Instant = || Instant::ZERO;
    // A queue for one datagram each way.
    let heap = Heap { udp: 1, udp_buf: 64, udp_packets: 1, ..Heap::default() };
    let stack = Stack::shared(heap, wire.clone(), clock, Config::ip(1)).unwrap();
    stack.add_address(address.parse().unwrap()).unwrap();
    Box::leak(Box::new(stack)).net()
}

const PEER: &str = "10.0.0.2:9";

/// Five bytes from [`PEER`] to the socket under test, without a UDP checksum (RFC 768).
const DATAGRAM: [u8; 33] = [
    0x45, 0, 0, 33, 0, 0, 0, 0, 64, 17, 0x66, 0xca, 10, 0, 0, 2, 10, 0, 0, 1, // IPv4
    0, 9, 0, 7, 0, 13, 0, 0, b'h', b'e', b'l', b'l', b'o',
];

type Socket = UdpSocket<'static, Bound, Shared>;

/// Waits for a call, once for each place where the handler may strike: it does `event` to the device,
/// and polls. If anything is looked at after that, there is nothing to sleep for.
fn wait(
    prepare: fn(&Wire, &mut Socket),
    event: fn(&mut Frames),
    mut call: impl FnMut(&mut Socket) -> nb::Result<(), Error>,
) {
    // While something was done.
    let mut strikes = 0;
    for point in 0..POINTS {
        let wire = Wire::with_room(8);
        let net = stack(&wire, "10.0.0.1/24");
        let mut socket = net.udp().unwrap().bind(7).unwrap();
        prepare(&wire, &mut socket);
        HANDLER.set(Some(Box::new(move || {
            event(&mut wire.0.borrow_mut());
            net.poll().unwrap();
        })));
        PLAN.set(Plan::Strikes(point));

        let mut sleeps = false;
        let sleep = |delay: Option<Duration>| match PLAN.get() {
            // One that strikes just before the sleep ends it.
            Plan::HasStruck(0) => {}
            Plan::HasStruck(_) => assert!(delay.is_some(), "point {point}: slept through it"),
            _ => {
                sleeps = true;
                strike();
            }
        };
        net.block_with(sleep, || call(&mut socket)).unwrap();
        strikes += u32::from(!sleeps);
        PLAN.set(Plan::Idle);
    }
    assert!(strikes >= 3, "the handler struck {strikes} times while awake");
}

fn nothing(_: &Wire, _: &mut Socket) {}

/// The device has no room, and a datagram waits for it.
fn fill(wire: &Wire, socket: &mut Socket) {
    wire.0.borrow_mut().room = 0;
    socket.send_to(b"first", PEER.parse().unwrap()).unwrap();
}

fn a_datagram_arrives(frames: &mut Frames) {
    frames.received.push_back(DATAGRAM.to_vec());
}

fn the_device_has_room(frames: &mut Frames) {
    frames.room = 8;
}

#[test]
fn who_receives_does_not_sleep_through_a_datagram() {
    wait(nothing, a_datagram_arrives, |socket| socket.receive_from(&mut [0; 16]).map(drop));
}

/// A call that does not poll leaves that to whoever waits.
#[test]
fn who_only_asks_does_not_sleep_through_a_datagram() {
    wait(nothing, a_datagram_arrives, |socket| match socket.next_len()? {
        Some(_) => Ok(()),
        None => Err(nb::Error::WouldBlock),
    });
}

#[test]
fn who_sends_does_not_sleep_through_room_in_the_device() {
    wait(fill, the_device_has_room, |socket| socket.send_to(b"more", PEER.parse().unwrap()));
}

#[test]
fn who_flushes_does_not_sleep_through_room_in_the_device() {
    wait(fill, the_device_has_room, |socket| socket.flush());
}

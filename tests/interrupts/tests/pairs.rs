//! Two interrupts, at every pair of places at which they can strike: that of the device, whose
//! handler polls, and that of a program with a socket of its own, which calls and polls. Either may
//! come first, and the second one may strike within the handler of the first. The main loop waits
//! for a datagram, and answers it: nothing is lost, of the frames, of the calls, or of what wakes
//! somebody.
//!
//! A case that fails names itself; `SOCKSTATE_FAULT` set to that name runs it alone.

mod wire;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use sockstate::state::Bound;
use sockstate::{Config, Heap, Instant, Net, Protocol, Ready, Shared, Stack, UdpSocket, nb};

use self::wire::Wire;

/// More critical sections than the main loop has.
const POINTS: u32 = 40;

type Handler = Box<dyn FnOnce()>;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Critical sections that are over.
    static SECTIONS: Cell<u32> = const { Cell::new(0) };
    /// After how many of them each handler strikes, the first one first.
    static PLAN: RefCell<VecDeque<(u32, Handler)>> = const { RefCell::new(VecDeque::new()) };
    /// A handler was called, and nothing was asked of the stack since.
    static HAS_STRUCK: Cell<bool> = const { Cell::new(false) };
}

struct Interrupts;
critical_section::set_impl!(Interrupts);

// SAFETY: each test has one thread, and handlers run outside of critical sections.
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
        SECTIONS.set(SECTIONS.get() + 1);
        HAS_STRUCK.set(false);
        while strike(SECTIONS.get()) {}
    }
}

/// Calls the first handler that was to strike by then. Whether there was one.
fn strike(sections: u32) -> bool {
    let due = PLAN.with_borrow_mut(|plan| plan.pop_front_if(|(point, _)| *point <= sections));
    let Some((_, handler)) = due else { return false };
    handler();
    HAS_STRUCK.set(true);
    true
}

/// The ports of the main loop and of the program in the handler.
const PORTS: [u8; 2] = [7, 8];
const PEER: &str = "10.0.0.2:9";

/// One byte, the port, from [`PEER`] to a socket, without a UDP checksum (RFC 768).
fn datagram(port: u8) -> Vec<u8> {
    let ip = [0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0x66, 0xce, 10, 0, 0, 2, 10, 0, 0, 1];
    [&ip[..], &[0, 9, 0, port, 0, 9, 0, 0, port]].concat()
}

type Socket = UdpSocket<'static, Bound, Shared>;

struct Board {
    net: &'static Net<Shared>,
    wire: Wire,
    /// That of the program in the handler, and how many datagrams it has answered.
    other: Rc<RefCell<(Socket, usize)>>,
}

impl Board {
    fn new() -> (Self, Socket) {
        let wire = Wire::with_room(usize::MAX);
        let clock: fn() -> Instant = || Instant::ZERO;
        // A queue for one datagram each way.
        let heap = Heap { udp: 2, udp_buf: 16, udp_packets: 1, ..Heap::default() };
        let stack = Stack::shared(heap, wire.clone(), clock, Config::ip(1)).unwrap();
        stack.add_address("10.0.0.1/24".parse().unwrap()).unwrap();
        let net = Box::leak(Box::new(stack)).net();
        let [main, other] = PORTS.map(|port| net.udp().unwrap().bind(u16::from(port)).unwrap());
        (Board { net, wire, other: Rc::new(RefCell::new((other, 0))) }, main)
    }

    /// The handler of the device: a datagram for each socket has come.
    fn device(&self) -> Handler {
        let (net, wire) = (self.net, self.wire.clone());
        Box::new(move || {
            wire.0.borrow_mut().received.extend(PORTS.map(datagram));
            net.poll().unwrap();
        })
    }

    /// The handler with a program of its own.
    fn program(&self) -> Handler {
        let other = Rc::clone(&self.other);
        Box::new(move || serve(&mut other.borrow_mut()))
    }
}

/// Answers what there is.
fn serve((socket, answered): &mut (Socket, usize)) {
    let mut buffer = [0; 4];
    if let Ok((size, from)) = socket.receive_from(&mut buffer) {
        socket.send_to(&buffer[..size], from).unwrap();
        socket.flush().unwrap();
        *answered += 1;
    }
}

/// Waits with this way to wait, once for each pair of places and each order of the two handlers.
fn at_every_pair(wait: impl Fn(&'static Net<Shared>, &mut Socket) -> u8) {
    let wanted = std::env::var("SOCKSTATE_FAULT");
    let mut awake = 0;
    for (first, second) in (0..POINTS).flat_map(|i| (i..POINTS).map(move |j| (i, j))) {
        for is_device_first in [true, false] {
            let name = format!("{first} {second} {is_device_first}");
            if wanted.as_ref().is_ok_and(|wanted| *wanted != name) {
                continue;
            }
            println!("SOCKSTATE_FAULT={name:?}");
            let (board, mut main) = Board::new();
            let mut handlers = [board.device(), board.program()];
            if !is_device_first {
                handlers.reverse();
            }
            let begun = SECTIONS.get();
            let points = [begun + first, begun + second];
            PLAN.replace(points.into_iter().zip(handlers).collect());
            assert_eq!(wait(board.net, &mut main), PORTS[0]);
            main.send_to(&[PORTS[0]], PEER.parse().unwrap()).unwrap();
            awake += usize::from(PLAN.with_borrow(VecDeque::is_empty));
            // Those that would strike later do so now.
            while strike(u32::MAX) {}
            serve(&mut board.other.borrow_mut());
            board.net.poll().unwrap();
            assert_eq!(board.other.borrow().1, 1, "what was for the handler's program");
            let mut sent: Vec<u8> =
                board.wire.0.borrow().sent.iter().map(|frame| frame[28]).collect();
            sent.sort();
            assert_eq!(sent, PORTS, "the answers");
            drop((main, board.other));
            assert_eq!(board.net.free_slots(Protocol::Udp), Ok(2));
        }
    }
    assert!(wanted.is_ok() || awake > 20, "both struck {awake} times before the end");
}

fn receive(socket: &mut Socket) -> nb::Result<u8, sockstate::Error> {
    let mut buffer = [0; 4];
    socket.receive_from(&mut buffer).map(|_| buffer[0])
}

#[test]
fn who_sleeps_until_an_interrupt() {
    at_every_pair(|net, socket| {
        let sleep = |delay: Option<_>| {
            // One that strikes just before the sleep ends it, as does the next one.
            if !HAS_STRUCK.replace(false) && !strike(u32::MAX) {
                assert!(delay.is_some(), "slept through it");
            }
        };
        net.block_with(sleep, || receive(socket)).unwrap()
    });
}

#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whoever asks to be woken is woken at once for what has come before.
#[test]
fn who_sleeps_until_woken() {
    for registers_first in [true, false] {
        at_every_pair(|_, socket| {
            let bell = Arc::<Bell>::default();
            let waker = Waker::from(Arc::clone(&bell));
            loop {
                if registers_first {
                    socket.wake_on(Ready::RECEIVE, &waker).unwrap();
                }
                match receive(socket) {
                    Ok(byte) => return byte,
                    Err(nb::Error::WouldBlock) => {}
                    Err(nb::Error::Other(error)) => panic!("{error}"),
                }
                if !registers_first {
                    socket.wake_on(Ready::RECEIVE, &waker).unwrap();
                }
                while !bell.0.swap(false, Ordering::Relaxed) {
                    assert!(strike(u32::MAX), "asleep for good");
                }
            }
        });
    }
}

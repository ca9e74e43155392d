//! A device without threads: the handler of an interrupt polls the stack whenever a frame has come,
//! and the main loop sleeps until there was an interrupt, as `wfe` does on Arm cores: one that came
//! before counts.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time;

use sockstate::state::{Connected, Listening};
use sockstate::{Error, Heap, Net, Shared, Stack, TcpSocket, nb};
use static_cell::StaticCell;

use crate::alarm::{Alarm, End, Random, Ringing, Standing, at_once, ends};

const HEAP: Heap = Heap {
    tcp: 8,
    udp: 1,
    tcp_rx: 600,
    tcp_tx: 500,
    udp_buf: 600,
    udp_packets: 2,
    ..Heap::DEFAULT
};

static STACK: StaticCell<Stack<Ringing, Standing, Shared>> = StaticCell::new();

/// What the handler uses.
static NET: Mutex<Cell<Option<&'static Net<Shared>>>> = Mutex::new(Cell::new(None));

/// The handler of the device's interrupt.
fn handler() {
    let net = NET.lock().unwrap().get();
    if let Some(net) = net {
        net.poll().unwrap();
    }
}

/// What the program runs on: an interrupt that frames raise, and the network beyond the cable,
/// where a server echoes.
struct Board {
    /// A frame has come, and the handler was not called yet.
    pending: Arc<Alarm>,
    /// The handler was called since the main loop last slept.
    event: Arc<Alarm>,
    far: &'static End,
    listener: TcpSocket<'static, Listening, Shared>,
    connection: Option<TcpSocket<'static, Connected, Shared>>,
}

impl Board {
    /// Something happens on the network.
    fn network(&mut self) {
        if let Ok((connection, _)) = self.listener.accept() {
            self.connection = Some(at_once(connection));
        }
        if let Some(connection) = &mut self.connection {
            let mut buffer = [0; 100];
            let room = connection.send_room().map_or(0, |room| room.min(buffer.len()));
            match connection.receive(&mut buffer[..room]) {
                Ok(received) => assert_eq!(connection.send(&buffer[..received]), Ok(received)),
                Err(nb::Error::WouldBlock) => {}
                Err(nb::Error::Other(_)) => self.connection = None,
            }
        }
        self.far.stack.poll().unwrap();
    }

    /// The interrupt strikes, if it is pending.
    fn interrupt(&mut self) -> bool {
        let pending = self.pending.take();
        if pending {
            handler();
            self.event.ring();
        }
        pending
    }

    /// What may happen between two calls of the main loop.
    fn anything(&mut self, random: &mut Random) {
        for _ in 0..random.below(3) {
            match random.below(2) {
                0 => self.network(),
                _ => drop(self.interrupt()),
            }
        }
    }

    /// Sleeps until there was an interrupt.
    fn wait_for_event(&mut self) {
        let mut fruitless = 0;
        while !self.event.take() {
            assert!(fruitless < 10, "asleep for good");
            self.network();
            fruitless = if self.interrupt() { 0 } else { fruitless + 1 };
        }
    }
}

/// The main loop: sends messages of different sizes, and expects each back. Around all that it does,
/// `anything` may happen, and `sleep` lets it sleep.
fn main_loop(
    net: &'static Net<Shared>,
    random: &mut Random,
    anything: impl Fn(),
    sleep: impl Fn(),
) -> Result<(), Error> {
    let idle = |_| {
        anything();
        sleep();
    };
    let socket = net.tcp()?.connect("192.168.69.2:7".parse().unwrap())?;
    let mut socket = at_once(socket.wait_with(idle)?);
    for _ in 0..10 {
        let message: Vec<u8> = (0..1 + random.below(400)).map(|at| at as u8).collect();
        let mut sent = 0;
        while sent < message.len() {
            sent += net.block_with(idle, || {
                anything();
                socket.send(&message[sent..])
            })?;
        }
        let mut echoed = vec![0; message.len()];
        let mut received = 0;
        while received < echoed.len() {
            received += net.block_with(idle, || {
                anything();
                let received = socket.receive(&mut echoed[received..]);
                anything();
                received
            })?;
        }
        assert!(echoed == message);
    }
    socket.close().wait_with(idle)?;
    Ok(())
}

#[test]
fn a_main_loop_sleeps_and_an_interrupt_handler_polls() {
    let [End { stack, alarm: pending }, far] = ends([HEAP; 2], 1);
    let net = STACK.init(stack).net();
    NET.lock().unwrap().set(Some(net));
    let far: &'static End = Box::leak(Box::new(far));
    let listener = far.stack.tcp().unwrap().bind(7).unwrap().listen(2).unwrap();
    let event = Arc::<Alarm>::default();
    let mut board = Board { pending, event: Arc::clone(&event), far, listener, connection: None };

    // In one thread, the handler between any two calls of the main loop.
    for seed in 0..300 {
        let shared = Mutex::new((&mut board, Random(seed)));
        let anything = || {
            let (board, random) = &mut *shared.lock().unwrap();
            board.anything(random);
        };
        let sleep = || shared.lock().unwrap().0.wait_for_event();
        let ended = main_loop(net, &mut Random(!seed), anything, sleep);
        assert_eq!(ended, Ok(()), "seed {seed}");
    }

    // The handler at any moment, in a thread of its own, within calls of the main loop as well.
    let off = Arc::<AtomicBool>::default();
    let hardware = thread::spawn({
        let off = Arc::clone(&off);
        move || {
            let mut random = Random(1);
            while !off.load(Ordering::Acquire) {
                board.anything(&mut random);
                random.dawdle();
            }
        }
    });
    let (done, is_done) = mpsc::channel();
    let program = thread::spawn(move || {
        for seed in 0..100 {
            main_loop(net, &mut Random(seed), || {}, || event.sleep()).unwrap();
        }
        done.send(()).unwrap();
    });
    let ended = is_done.recv_timeout(time::Duration::from_secs(20));
    assert!(ended.is_ok(), "asleep for good, or failed");
    program.join().unwrap();
    off.store(true, Ordering::Release);
    hardware.join().unwrap();
}

//! std-embedded-nal as published: the kernel's sockets, with the far end on a TAP interface.
//!
//! Only in a network namespace of its own, which `scripts/contract` makes. Its calls may block, so
//! the far end runs in a thread of its own.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use sockstate::device::{self, StdClock, Tap};
use std_embedded_nal::Stack;

use super::{HANGS, NAME_SERVER, Row, case_named, rows, stack};
use crate::cases::{dns, tcp_client, tcp_full, udp_client, udp_full};
use crate::far::{Board, FarEnd, HEAP, Order, SharedBoard, look};
use crate::{Case, Family, Outcome, World};

/// What `scripts/contract` says: the file that is mounted over the resolver's own configuration.
const RESOLVER: &str = "SOCKSTATE_CONTRACT_RESOLVER";

/// The interface. One case runs at a time, and it goes with the far end of the case.
const NAME: &str = "contract";

/// The world of the operating system's own sockets.
pub struct StdNal {
    stack: Stack,
    orders: Sender<Order>,
    obeyed: Receiver<()>,
    board: SharedBoard,
    start: Instant,
}

impl StdNal {
    /// Every case, unless this is no namespace made for it.
    pub fn rows() -> Option<Vec<Row>> {
        env::var_os(RESOLVER)?;
        Some(rows(StdNal::cases(), run).collect())
    }

    fn cases() -> Vec<Case<Self>> {
        [tcp_client::all(), tcp_full::cases(), udp_client::cases(), udp_full::cases(), dns::cases()]
            .into_iter()
            .flatten()
            .collect()
    }
}

fn run(id: &'static str) -> Outcome {
    let case = case_named(StdNal::cases(), id)?;
    configure_resolver(case.setup.name_server)?;
    let (orders, ordered) = mpsc::channel();
    let (obey, obeyed) = mpsc::channel();
    let board = SharedBoard::default();
    let shared = board.clone();
    let far = thread::spawn(move || serve(shared, &ordered, &obey));
    // Its first word is that the interface is up.
    obeyed.recv().map_err(|_| "no far end".to_owned())?;
    let mut world =
        StdNal { stack: Stack::default(), orders, obeyed, board, start: Instant::now() };
    let outcome = (case.run)(&mut world);
    drop(world);
    // The next case needs the interface's name.
    far.join().map_err(|_| "the far end panics".to_owned())?;
    outcome
}

/// The far end, until its case is over.
fn serve(board: SharedBoard, orders: &Receiver<Order>, obeyed: &Sender<()>) {
    let tap = Tap::open(NAME).expect("a TAP interface");
    let stack = stack(HEAP, tap, StdClock::new(), 2).expect("a stack");
    for (family, prefix) in [(Family::V4, "24"), (Family::V6, "64")] {
        let addr = format!("{}/{prefix}", family.near());
        let nodad: &[&str] = if family == Family::V6 { &["nodad"] } else { &[] };
        ip(&[&["address", "replace", &addr, "dev", NAME], nodad].concat());
    }
    ip(&["link", "set", NAME, "up"]);
    let mut far = FarEnd::new(&stack, board);
    let start = Instant::now();
    let tell = || obeyed.send(()).is_ok();
    tell();
    // A case that hangs leaves the interface's name to the next one.
    while start.elapsed() < HANGS - Duration::from_secs(2) {
        match orders.try_recv() {
            Ok(order) => {
                far.obey(order).expect("the far end can do what the case asks for");
                tell();
            }
            Err(TryRecvError::Disconnected) => return,
            Err(TryRecvError::Empty) if far.step() => {}
            Err(TryRecvError::Empty) => device::sleep(stack.poll_delay()),
        }
    }
}

fn ip(arguments: &[&str]) {
    let status = Command::new("ip").args(arguments).status().expect("the command ip");
    assert!(status.success(), "ip {}: {status}", arguments.join(" "));
}

fn configure_resolver(name_server: bool) -> Outcome {
    let file = PathBuf::from(env::var_os(RESOLVER).ok_or("no namespace")?);
    let server =
        if name_server { format!("nameserver {}\n", NAME_SERVER.ip()) } else { String::new() };
    // In place, because a mount follows the file and not its name.
    fs::write(file, format!("{server}search .\noptions timeout:1 attempts:1\n"))
        .map_err(|error| error.to_string())
}

impl World for StdNal {
    type Stack = Stack;

    const PATIENCE: Duration = Duration::from_secs(3);

    fn stack(&mut self) -> &mut Stack {
        &mut self.stack
    }

    fn order(&mut self, order: Order) {
        self.orders.send(order).expect("the far end");
        self.obeyed.recv().expect("the far end");
    }

    fn look<R>(&self, see: impl FnOnce(&Board) -> R) -> R {
        see(&look(&self.board))
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn pass(&mut self) {
        device::sleep(None);
    }

    fn pass_unpolled(&mut self) {
        self.pass();
    }
}

//! The operating system's own sockets, with the far end on a TAP interface.
//!
//! Only in a network namespace of its own, which `scripts/contract` makes. Its calls may block, so
//! the far end runs in a thread of its own.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use sockstate::device::{self, StdClock, Tap};

use super::{HANGS, NAME_SERVER, stack};
use crate::far::{Board, FarEnd, HEAP, Order, SharedBoard, look};
use crate::{Family, Outcome, Setup, ensure, failed};

/// What `scripts/contract` says: the file that is mounted over the resolver's own configuration.
const RESOLVER: &str = "SOCKSTATE_CONTRACT_RESOLVER";

/// The interface. One case runs at a time, and it goes with the far end of the case.
const NAME: &str = "contract";

/// How long a case waits there for something that should happen. After three seconds the kernel
/// gives up on a host that does not answer at all.
pub(super) const REAL_PATIENCE: Duration = Duration::from_secs(4);

/// The next far stack's.
static SEED: AtomicU64 = AtomicU64::new(42);

/// Whether this is a namespace made for it.
pub(super) fn is_there() -> bool {
    env::var_os(RESOLVER).is_some()
}

/// The far end of a case, as the case sees it.
pub(super) struct Kernel {
    orders: Sender<Order>,
    obeyed: Receiver<Outcome>,
    board: SharedBoard,
    start: Instant,
}

impl Kernel {
    /// Runs a case between this far end and the kernel.
    pub(super) fn with(setup: Setup, case: impl FnOnce(Kernel) -> Outcome) -> Outcome {
        configure_resolver(setup.name_server)?;
        let (orders, ordered) = mpsc::channel();
        let (obey, obeyed) = mpsc::channel();
        let board = SharedBoard::default();
        let shared = board.clone();
        let far = thread::spawn(move || serve(shared, &ordered, &obey));
        // Its first word is that the interface is up.
        obeyed.recv().map_err(|_| "no far end")??;
        let outcome = case(Kernel { orders, obeyed, board, start: Instant::now() });
        // The next case needs the interface's name.
        far.join().map_err(|_| "the far end panics".to_owned())?;
        outcome
    }

    pub(super) fn order(&self, order: Order) -> Outcome {
        let gone = "the far end is gone";
        self.orders.send(order).map_err(|_| gone)?;
        self.obeyed.recv().map_err(|_| gone)?
    }

    pub(super) fn look<R>(&self, see: impl FnOnce(&Board) -> R) -> R {
        see(&look(&self.board))
    }

    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// The far end, until its case is over.
fn serve(board: SharedBoard, orders: &Receiver<Order>, obeyed: &Sender<Outcome>) {
    let start = Instant::now();
    let stack = match plug() {
        Ok(stack) => stack,
        Err(reason) => return drop(obeyed.send(Err(reason))),
    };
    let mut far = FarEnd::new(&stack, board);
    // A case that is over, and hears nothing any more, hangs up as well.
    let tell = |outcome| drop(obeyed.send(outcome));
    tell(Ok(()));
    // A case that hangs leaves the interface's name to the next one.
    while start.elapsed() < HANGS - Duration::from_secs(2) {
        match orders.try_recv() {
            Ok(order) => tell(far.obey(order).map_err(|error| failed("far end", &error))),
            Err(TryRecvError::Disconnected) => return,
            Err(TryRecvError::Empty) if far.step() => {}
            Err(TryRecvError::Empty) => device::sleep(stack.poll_delay()),
        }
    }
}

/// The far stack, with the kernel at the other end of its interface.
fn plug() -> Outcome<sockstate::Stack<Tap, StdClock>> {
    let tap = open_tap()?;
    // The kernel still knows the connections of earlier cases, which are not to come again.
    let seed = SEED.fetch_add(1, Ordering::Relaxed);
    let stack = stack(HEAP, tap, StdClock::new(), 2, seed).map_err(|error| error.to_string())?;
    for (family, prefix) in [(Family::V4, "24"), (Family::V6, "64")] {
        let addr = format!("{}/{prefix}", family.near());
        let nodad: &[&str] = if family == Family::V6 { &["nodad"] } else { &[] };
        ip(&[&["address", "replace", &addr, "dev", NAME], nodad].concat())?;
    }
    ip(&["link", "set", NAME, "up"])?;
    Ok(stack)
}

/// The far end of a case that panicked may still be about to leave.
fn open_tap() -> Outcome<Tap> {
    let start = Instant::now();
    loop {
        match Tap::open(NAME) {
            Ok(tap) => return Ok(tap),
            Err(error) if start.elapsed() > Duration::from_secs(2) => return Err(error.to_string()),
            Err(_) => device::sleep(None),
        }
    }
}

fn ip(arguments: &[&str]) -> Outcome {
    let status = Command::new("ip").args(arguments).status().map_err(|error| error.to_string())?;
    ensure(status.success(), "the command ip failed")
}

fn configure_resolver(name_server: bool) -> Outcome {
    let file = PathBuf::from(env::var_os(RESOLVER).ok_or("no namespace")?);
    let server =
        if name_server { format!("nameserver {}\n", NAME_SERVER.ip()) } else { String::new() };
    // In place, because a mount follows the file and not its name.
    fs::write(file, format!("{server}search .\noptions timeout:1 attempts:1\n"))
        .map_err(|error| error.to_string())
}

//! The stacks under test, each with the same far end.

mod kernel;
mod lab;
mod ours;
mod smoltcp_nal;
mod std_async;
mod std_nal;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use sockstate::smoltcp::phy::Device;
use sockstate::{Clock, Config, Error, Heap, IpCidr, Stack};

pub use lab::{BlockingDuplexNet, BlockingNet, DuplexNet, HalvesNet, InLab};
pub use ours::Ours;
pub use smoltcp_nal::SmoltcpNal;
pub use std_async::{OnKernel, StdStreams};
pub use std_nal::StdNal;

use crate::{Case, Family, Outcome, Setup};

/// A name server's port at the far end.
pub(crate) const NAME_SERVER: SocketAddr = SocketAddr::new(Family::V4.far(), 53);

/// The longest that a case may take, of real time: what blocks for longer has hung.
const HANGS: Duration = Duration::from_secs(60);

/// A row of the table: what it is called, whose word it is, and how to try it.
pub struct Row {
    /// What must hold.
    pub id: &'static str,
    /// Whose word it is.
    pub from: &'static str,
    run: Arc<dyn Fn() -> Outcome + Send + Sync>,
}

impl Row {
    /// Tries it, in a thread of its own, so that neither a panic nor a call that never returns
    /// ends the others.
    pub fn outcome(&self) -> Outcome {
        let run = Arc::clone(&self.run);
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| run()));
            // Nobody listens any more if it took too long.
            let _ = sender.send(outcome.unwrap_or_else(|_| Err("panics".to_owned())));
        });
        receiver.recv_timeout(HANGS).unwrap_or_else(|_| Err("hangs".to_owned()))
    }
}

/// The cases as rows, each run by a function that makes its world.
fn rows<W: 'static>(cases: Vec<Case<W>>, run: fn(&Case<W>) -> Outcome) -> Vec<Row> {
    let row =
        |case: Case<W>| Row { id: case.id, from: case.from, run: Arc::new(move || run(&case)) };
    cases.into_iter().map(row).collect()
}

/// The same for worlds that live no longer than a case: their functions find it by its name.
fn rows_by_name<W>(cases: Vec<Case<W>>, run: fn(&'static str) -> Outcome) -> Vec<Row> {
    let row = |Case { id, from, .. }| Row { id, from, run: Arc::new(move || run(id)) };
    cases.into_iter().map(row).collect()
}

/// The case of that name.
fn case_named<W>(cases: Vec<Case<W>>, id: &str) -> Outcome<Case<W>> {
    cases.into_iter().find(|case| case.id == id).ok_or_else(|| "no such case".to_owned())
}

/// A stack of this crate with an address of each version.
fn stack<D: Device + 'static, C: Clock + 'static>(
    heap: Heap,
    device: D,
    clock: C,
    host: u8,
    seed: u64,
) -> Result<Stack<D, C>, Error> {
    let stack = Stack::new(heap, device, clock, Config::ethernet(mac(host), seed))?;
    for (family, prefix) in [(Family::V4, 24), (Family::V6, 64)] {
        let addr = if host == 1 { family.near() } else { family.far() };
        stack.add_address(IpCidr::new(addr.into(), prefix))?;
    }
    Ok(stack)
}

const fn mac(host: u8) -> [u8; 6] {
    [0x02, 0, 0, 0, 0, host]
}

/// Memory of a near stack.
fn heap(setup: Setup) -> Heap {
    Heap { tcp: setup.tcp, udp: setup.udp, ..crate::far::HEAP }
}

/// Asserts that this crate's stack holds a case of these.
#[cfg(test)]
pub(crate) fn assert_held(rows: Vec<Row>, id: &str, world: &str) {
    let row = rows.iter().find(|row| row.id == id).expect("a case of a trait that ours has");
    assert_eq!(row.outcome(), Ok(()), "{id}: {world}");
}

//! The stacks under test, each with the same far end.

mod ours;
mod smoltcp_nal;
mod std_nal;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sockstate::smoltcp::phy::Device;
use sockstate::{Clock, Config, Error, Heap, IpCidr, Stack};

pub use ours::Ours;
pub use smoltcp_nal::SmoltcpNal;
pub use std_nal::StdNal;

use crate::{Case, Family, Outcome, Setup};

/// A name server's port at the far end.
pub(crate) const NAME_SERVER: SocketAddr = SocketAddr::new(Family::V4.far(), 53);

/// The longest that a case may take, of real time: what blocks for longer has hung.
const HANGS: Duration = Duration::from_secs(20);

/// A row of the table: what it is called, whose word it is, and how to try it.
pub struct Row {
    /// What must hold.
    pub id: &'static str,
    /// Whose word it is.
    pub from: &'static str,
    run: fn(&'static str) -> Outcome,
}

impl Row {
    /// Tries it, in a thread of its own, so that neither a panic nor a call that never returns
    /// ends the others.
    pub fn outcome(&self) -> Outcome {
        let (id, run) = (self.id, self.run);
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| run(id)));
            // Nobody listens any more if it took too long.
            let _ = sender.send(outcome.unwrap_or_else(|_| Err("panics".to_owned())));
        });
        receiver.recv_timeout(HANGS).unwrap_or_else(|_| Err("hangs".to_owned()))
    }
}

/// The cases as rows, each run by a function that makes its world.
fn rows<W>(cases: Vec<Case<W>>, run: fn(&'static str) -> Outcome) -> impl Iterator<Item = Row> {
    cases.into_iter().map(move |case| Row { id: case.id, from: case.from, run })
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
) -> Result<Stack<D, C>, Error> {
    let stack = Stack::new(heap, device, clock, Config::ethernet(mac(host), 42 + u64::from(host)))?;
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

/// Asserts that this crate's stack holds a case.
#[cfg(test)]
pub(crate) fn ours_holds(id: &str) {
    let rows = Ours::rows();
    let row = rows.iter().find(|row| row.id == id).expect("a case of a trait that ours has");
    assert_eq!(row.outcome(), Ok(()), "{id}");
}

#[test]
fn each_case_has_a_name_of_its_own_and_a_row() {
    let ours: Vec<_> = Ours::rows().iter().map(|row| row.id).collect();
    for (place, id) in ours.iter().enumerate() {
        assert_eq!(ours.iter().position(|other| other == id), Some(place), "{id}");
    }
    for row in SmoltcpNal::rows() {
        assert!(ours.contains(&row.id), "{}", row.id);
    }
}

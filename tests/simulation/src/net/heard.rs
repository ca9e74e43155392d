//! When a device last had a frame of each connection.

use std::cell::RefCell;

use sockstate::Instant;

use super::frame::Flow;

const PLACES: usize = 1_024;

/// The last frame of each connection that was heard of lately.
#[derive(Debug)]
pub struct Heard(RefCell<Vec<Option<(Flow, Last)>>>);

/// The last frame of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    pub at: Instant,
    /// It closed the window.
    pub is_full: bool,
}

impl Default for Heard {
    fn default() -> Self {
        Heard(RefCell::new(vec![None; PLACES]))
    }
}

impl Heard {
    pub fn note(&self, flow: Flow, last: Last) {
        self.0.borrow_mut()[place(flow)] = Some((flow, last));
    }

    /// `Err` if it is not known any more, for want of a place.
    pub fn of(&self, flow: Flow) -> Result<Option<Last>, ()> {
        match self.0.borrow()[place(flow)] {
            Some((of, last)) if of == flow => Ok(Some(last)),
            Some(_) => Err(()),
            None => Ok(None),
        }
    }
}

fn place(flow: Flow) -> usize {
    let ports = usize::from(flow.local_port) * 31 + usize::from(flow.remote_port);
    (ports * 8 + flow.peer) % PLACES
}

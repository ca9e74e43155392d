//! One end of a cable, at which something goes wrong at a certain call, or at every so manieth.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use sockstate::device::Plug;
use sockstate::smoltcp::phy::{self, DeviceCapabilities};
use sockstate::{Duration, Instant};

/// How late a frame is.
const LATENESS: Duration = Duration::from_millis(30);

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// There is no room for a frame.
    Full,
    /// A frame is taken, and never seen again.
    Lossy,
    /// A frame is taken, and overtaken by those of the next 30 ms.
    Late,
    /// Frames that have arrived are not given out.
    Deaf,
}

#[derive(Clone, Copy, Debug)]
pub enum When {
    /// At so many calls from this one on, the first of which is the first one.
    From(usize, usize),
    /// At every so manieth call.
    Every(usize),
}

#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub kind: Kind,
    pub when: When,
}

impl Fault {
    fn strikes(self, kind: Kind, call: usize) -> bool {
        self.kind == kind
            && match self.when {
                When::From(first, times) => call >= first && call - first < times,
                When::Every(n) => call.is_multiple_of(n),
            }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.when {
            When::From(first, usize::MAX) => write!(f, "{:?} from {first} on", self.kind),
            When::From(first, times) => write!(f, "{:?} at {first} for {times}", self.kind),
            When::Every(n) => write!(f, "{:?} every {n}", self.kind),
        }
    }
}

/// What is known of a device, and done to it, from outside.
#[derive(Default)]
pub struct Control {
    pub fault: Cell<Option<Fault>>,
    transmits: Cell<usize>,
    receives: Cell<usize>,
    frames: Cell<usize>,
    /// How often there was no room.
    pub refusals: Cell<usize>,
    /// How often since whoever runs the stack polled it.
    pub refusals_in_a_row: Cell<usize>,
    late: RefCell<Vec<(Instant, Vec<u8>)>>,
}

impl Control {
    /// How often what this kind of fault strikes at was called.
    pub fn calls(&self, kind: Kind) -> usize {
        match kind {
            Kind::Full => self.transmits.get(),
            Kind::Lossy | Kind::Late => self.frames.get(),
            Kind::Deaf => self.receives.get(),
        }
    }

    /// When the next late frame is to go on.
    pub fn next_late(&self) -> Option<Instant> {
        self.late.borrow().iter().map(|(at, _)| *at).min()
    }

    fn strikes(&self, kind: Kind) -> bool {
        self.fault.get().is_some_and(|fault| fault.strikes(kind, self.calls(kind)))
    }
}

fn count(calls: &Cell<usize>) {
    calls.set(calls.get() + 1);
}

pub struct Faulty {
    pub plug: Plug,
    pub control: Rc<Control>,
}

impl Faulty {
    /// Lets go on what was late and is due.
    pub fn release(&mut self, now: Instant) {
        let mut late = self.control.late.borrow_mut();
        for (_, frame) in late.extract_if(.., |(at, _)| *at <= now) {
            self.plug.inject(now, &frame);
        }
    }
}

impl phy::Device for Faulty {
    type RxToken<'a> = <Plug as phy::Device>::RxToken<'a>;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Room<'_>)> {
        count(&self.control.receives);
        if self.control.strikes(Kind::Deaf) {
            return None;
        }
        // The way out that comes with it belongs to the same plug: a room of its own is made.
        let (rx, _) = self.plug.receive(now)?;
        Some((rx, Room { device: self, now }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Room<'_>> {
        count(&self.control.transmits);
        if self.control.strikes(Kind::Full) {
            count(&self.control.refusals);
            count(&self.control.refusals_in_a_row);
            // A poll asks once; so do the calls of the program and the peers, of which each polls.
            assert!(self.control.refusals_in_a_row.get() < 50, "asked over and over");
            return None;
        }
        Some(Room { device: self, now })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.plug.capabilities()
    }
}

pub struct Room<'a> {
    device: &'a mut Faulty,
    now: Instant,
}

impl phy::TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        let control = &self.device.control;
        count(&control.frames);
        if control.strikes(Kind::Late) {
            control.late.borrow_mut().push((self.now + LATENESS, frame));
        } else if !control.strikes(Kind::Lossy) {
            self.device.plug.inject(self.now, &frame);
        }
        result
    }
}

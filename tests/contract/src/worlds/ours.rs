//! This crate's stack, in virtual time. Nothing but the calls of the traits ever polls it.

use std::time::Duration;

use sockstate::Net;
use sockstate::device::Plug;
use sockstate::testing::VirtualClock;

use super::{NAME_SERVER, Row, case_named, heap, rows_by_name, stack};
use crate::cases::nal as cases;
use crate::far::{Board, FarEnd, HEAP, Order, SharedBoard, look};
use crate::{Outcome, World, failed};

/// The world of `&Net`.
pub struct Ours<'net> {
    net: &'net Net,
    bench: Bench<'net>,
}

impl Ours<'_> {
    /// Every case that this stack has the traits for.
    pub fn rows() -> Vec<Row> {
        rows_by_name(cases::all::<Self>(), run)
    }
}

fn run(id: &'static str) -> Outcome {
    let setup = case_named(cases::all::<Ours<'_>>(), id)?.setup;
    let clock = VirtualClock::new();
    let (near, far) = Plug::pair();
    let near = stack(heap(setup), near, clock.clone(), 1, 43).map_err(|error| error.to_string())?;
    let far = stack(HEAP, far, clock.clone(), 2, 44).map_err(|error| error.to_string())?;
    if setup.name_server {
        near.set_dns_servers(&[NAME_SERVER.ip()]).map_err(|error| error.to_string())?;
    }
    let mut world = Ours { net: &near, bench: Bench::new(&far, clock) };
    (case_named(cases::all(), id)?.run)(&mut world)
}

impl<'net> World for Ours<'net> {
    type Stack = &'net Net;

    const PATIENCE: Duration = VIRTUAL_PATIENCE;

    fn stack(&mut self) -> &mut Self::Stack {
        &mut self.net
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
        self.bench.pass();
    }

    fn pass_unpolled(&mut self) {
        self.bench.pass();
    }
}

/// Longer than every deadline of ours.
pub(super) const VIRTUAL_PATIENCE: Duration = Duration::from_secs(180);

/// The far end in virtual time.
pub(super) struct Bench<'net> {
    far: FarEnd<'net>,
    pub(super) board: SharedBoard,
    clock: VirtualClock,
    passed: Duration,
}

impl<'net> Bench<'net> {
    pub(super) fn new(far: &'net Net, clock: VirtualClock) -> Self {
        let board = SharedBoard::default();
        Bench { far: FarEnd::new(far, board.clone()), board, clock, passed: Duration::ZERO }
    }

    pub(super) fn order(&mut self, order: Order) -> Outcome {
        self.far.obey(order).map_err(|error| failed("far end", &error))
    }

    pub(super) fn now(&self) -> Duration {
        self.passed
    }

    pub(super) fn pass(&mut self) {
        self.far.step();
        self.passed += Duration::from_millis(1);
        self.clock.advance(sockstate::Duration::from_millis(1));
        self.far.step();
    }
}

//! std-embedded-nal as published: the kernel's sockets.

use std::time::Duration;

use sockstate::device;
use std_embedded_nal::Stack;

use super::Row;
use super::kernel::{self, Kernel, REAL_PATIENCE};
use crate::cases::nal as cases;
use crate::far::{Board, Order};
use crate::{Case, Outcome, World};

/// The world of the operating system's own sockets.
pub struct StdNal {
    stack: Stack,
    kernel: Kernel,
}

impl StdNal {
    /// Every case, unless this is no namespace made for it.
    pub fn rows() -> Option<Vec<Row>> {
        kernel::is_there().then(|| super::rows(cases::all(), run))
    }
}

fn run(case: &Case<StdNal>) -> Outcome {
    Kernel::with(case.setup, |kernel| (case.run)(&mut StdNal { stack: Stack, kernel }))
}

impl World for StdNal {
    type Stack = Stack;

    const PATIENCE: Duration = REAL_PATIENCE;

    fn stack(&mut self) -> &mut Stack {
        &mut self.stack
    }

    fn order(&mut self, order: Order) -> Outcome {
        self.kernel.order(order)
    }

    fn look<R>(&self, see: impl FnOnce(&Board) -> R) -> R {
        self.kernel.look(see)
    }

    fn now(&self) -> Duration {
        self.kernel.now()
    }

    fn pass(&mut self) {
        device::sleep(None);
    }

    fn pass_unpolled(&mut self) {
        self.pass();
    }
}

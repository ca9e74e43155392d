//! The kernel's sockets by traits other than those of embedded-nal: std-embedded-nal-async and
//! edge-nal-std as published, and the standard library's by embedded-io-adapters.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use async_io::Timer;
use embedded_io_adapters::std::FromStd;

use super::Row;
use super::kernel::{self, Kernel, REAL_PATIENCE};
use crate::far::{Board, Order};
use crate::stacks::{Blocking, Streams};
use crate::tasks::Tasks;
use crate::{Case, Outcome};

/// The world of a stack that stands for the kernel's.
pub struct OnKernel<S> {
    stack: S,
    kernel: Kernel,
}

impl<S: Default + 'static> OnKernel<S> {
    /// These cases, unless this is no namespace made for them.
    pub fn rows(cases: Vec<Case<Self>>) -> Option<Vec<Row>> {
        kernel::is_there().then(|| super::rows(cases, Self::run))
    }

    fn run(case: &Case<Self>) -> Outcome {
        Kernel::with(case.setup, |kernel| (case.run)(&mut OnKernel { stack: S::default(), kernel }))
    }
}

impl<S> Tasks for OnKernel<S> {
    type Stack = S;

    const PATIENCE: Duration = REAL_PATIENCE;

    fn stack(&self) -> &S {
        &self.stack
    }

    fn order(&self, order: Order) -> Outcome {
        self.kernel.order(order)
    }

    fn look<R>(&self, see: impl FnOnce(&Board) -> R) -> R {
        self.kernel.look(see)
    }

    fn now(&self) -> Duration {
        self.kernel.now()
    }

    async fn sleep(&self, time: Duration) {
        Timer::after(time).await;
    }

    fn run(&self, task: impl Future<Output = Outcome>) -> Outcome {
        async_io::block_on(task)
    }
}

/// The standard library's connections by the traits of embedded-io.
#[derive(Default)]
pub struct StdStreams;

impl Streams for StdStreams {
    type Error = io::Error;
    type Stream<'a> = Blocking<FromStd<TcpStream>>;

    async fn connect(&self, remote: SocketAddr) -> io::Result<Self::Stream<'_>> {
        Ok(Blocking(FromStd::new(TcpStream::connect(remote)?)))
    }
}

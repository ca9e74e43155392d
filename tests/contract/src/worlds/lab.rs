//! This crate's stack, in a lab: for calls that are futures, and for those that block by way of
//! [`Config::idle`](sockstate::Config::idle).

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use embedded_io_async::{ErrorType, Read, ReadReady, Write, WriteReady};
use futures_lite::future::or;
use sockstate::device::{AsyncDevice, Cable, Faults};
use sockstate::state::Connected;
use sockstate::testing::Lab;
use sockstate::{Duplex, Error, Net, TcpReader, TcpSocket, TcpWriter};

use super::ours::VIRTUAL_PATIENCE;
use super::{NAME_SERVER, Row, heap};
use crate::far::{Board, FarEnd, HEAP, Order, SharedBoard, look};
use crate::stacks::{Blocking, Edge, Nal, Readiness, Streams};
use crate::tasks::Tasks;
use crate::{Case, Outcome, Setup, failed};

/// How long a frame is on its way, and the far end takes for it.
const STEP: sockstate::Duration = sockstate::Duration::from_millis(1);

const NO_FAULTS: Faults =
    Faults { loss: 0.0, duplication: 0.0, reordering: 0.0, corruption: 0.0, delay: STEP };

const FAULTS: Faults =
    Faults { loss: 0.05, duplication: 0.05, reordering: 0.05, corruption: 0.05, delay: STEP };

/// How long the far end waits for the last frame of a handshake.
const HANDSHAKE: sockstate::Duration = sockstate::Duration::from_secs(60);

/// How many cables with faults there are.
const SEEDS: u64 = 3;

/// How long the far end sleeps if no frame comes.
const LOOK: sockstate::Duration = sockstate::Duration::from_millis(50);

/// The world of what is made of `&Net`.
pub struct InLab<S> {
    stack: S,
    bench: &'static Bench,
}

impl<S: From<&'static Net> + 'static> InLab<S> {
    /// These cases, on a cable without faults.
    pub fn rows(cases: Vec<Case<Self>>) -> Vec<Row> {
        super::rows(cases, |case| Self::run(case, NO_FAULTS, 0))
    }

    /// These cases, on cables that lose one frame in twenty, and do other things to as many.
    pub fn rows_with_faults(cases: Vec<Case<Self>>) -> Vec<Row> {
        super::rows(cases, |case| {
            let faults = if case.setup.no_faults { NO_FAULTS } else { FAULTS };
            (0..SEEDS).try_for_each(|seed| {
                Self::run(case, faults, seed).map_err(|reason| format!("seed {seed}: {reason}"))
            })
        })
    }

    fn run(case: &Case<Self>, faults: Faults, seed: u64) -> Outcome {
        let bench = Bench::new(case.setup, faults, seed)?;
        let net: &'static Net = &bench.lab.near;
        (case.run)(&mut InLab { stack: S::from(net), bench })
    }
}

impl<S> Tasks for InLab<S> {
    type Stack = S;

    const PATIENCE: Duration = VIRTUAL_PATIENCE;

    fn stack(&self) -> &S {
        &self.stack
    }

    fn order(&self, order: Order) -> Outcome {
        if let Order::Vanish = order {
            self.bench.lab.cable.cut();
        }
        self.bench.far.borrow_mut().obey(order).map_err(|error| failed("far end", &error))
    }

    fn look<R>(&self, see: impl FnOnce(&Board) -> R) -> R {
        see(&look(&self.bench.board))
    }

    fn now(&self) -> Duration {
        Duration::from_micros(self.bench.lab.clock.time().total_micros().unsigned_abs())
    }

    async fn sleep(&self, time: Duration) {
        self.bench.lab.sleep(sockstate::Duration::from_micros(time.as_micros() as u64)).await;
    }

    fn run(&self, task: impl Future<Output = Outcome>) -> Outcome {
        self.bench.lab.block_on(or(task, self.bench.serve()))
    }
}

/// A lab, and the far end of its cable.
struct Bench {
    lab: &'static Lab,
    far: RefCell<FarEnd<'static>>,
    board: SharedBoard,
}

thread_local! {
    /// The bench of the case that runs in this thread, for `idle`.
    static BENCH: Cell<Option<&'static Bench>> = const { Cell::new(None) };
}

/// What the near stack does while a call blocks.
fn idle(delay: Option<sockstate::Duration>) {
    if let Some(bench) = BENCH.get() {
        bench.far.borrow_mut().step();
        bench.lab.run_for(delay.map_or(STEP, |delay| delay.min(STEP)));
    }
}

impl Bench {
    /// A bench that is never given back: as a plain function, `idle` reaches nothing that goes.
    fn new(setup: Setup, faults: Faults, seed: u64) -> Outcome<&'static Self> {
        let lab = Lab::builder(seed)
            .cable(Cable::ethernet().with_faults(faults, seed))
            .near(heap(setup))
            .far(HEAP)
            .configure_near(|config| config.idle = idle)
            // As long as other systems have it.
            .configure_far(|config| config.deadlines.handshake = Some(HANDSHAKE))
            .build();
        let lab: &'static Lab = Box::leak(Box::new(lab));
        if setup.name_server {
            lab.near.set_dns_servers(&[NAME_SERVER.ip()]).map_err(|error| error.to_string())?;
        }
        let board = SharedBoard::default();
        let far = RefCell::new(FarEnd::new(&lab.far, board.clone()));
        let bench: &'static Bench = Box::leak(Box::new(Bench { lab, far, board }));
        BENCH.set(Some(bench));
        Ok(bench)
    }

    /// The far end as a task, which does not end: it looks when a frame arrives, and now and then.
    async fn serve<R>(&self) -> R {
        loop {
            self.far.borrow_mut().step();
            let frame = poll_fn(|cx| {
                self.lab.far.with_device(|plug| plug.poll_frame(cx)).unwrap_or(Poll::Pending)
            });
            or(frame, self.lab.sleep(LOOK)).await;
            self.lab.sleep(STEP).await;
        }
    }
}

impl From<&'static Net> for Nal<&'static Net> {
    fn from(net: &'static Net) -> Self {
        Nal(net)
    }
}

impl From<&'static Net> for Edge<&'static Net> {
    fn from(net: &'static Net) -> Self {
        Edge(net)
    }
}

/// A stack by its connections' traits of embedded-io.
pub struct BlockingNet(&'static Net);

impl From<&'static Net> for BlockingNet {
    fn from(net: &'static Net) -> Self {
        BlockingNet(net)
    }
}

impl Streams for BlockingNet {
    type Error = Error;
    type Stream<'a> = Blocking<TcpSocket<'static, Connected>>;

    async fn connect(&self, remote: SocketAddr) -> Result<Self::Stream<'_>, Error> {
        Ok(Blocking(self.0.tcp()?.connect(remote)?.wait()?))
    }
}

impl Readiness for BlockingNet {
    fn read_ready(stream: &mut Self::Stream<'_>) -> Result<bool, Error> {
        stream.0.read_ready()
    }

    fn write_ready(stream: &mut Self::Stream<'_>) -> Result<bool, Error> {
        stream.0.write_ready()
    }
}

/// A stack by its connections' traits of embedded-io, which are used through shared references.
pub struct BlockingDuplexNet(&'static Net);

impl From<&'static Net> for BlockingDuplexNet {
    fn from(net: &'static Net) -> Self {
        BlockingDuplexNet(net)
    }
}

impl Streams for BlockingDuplexNet {
    type Error = Error;
    type Stream<'a> = Blocking<&'static Duplex<'static>>;

    async fn connect(&self, remote: SocketAddr) -> Result<Self::Stream<'_>, Error> {
        Ok(Blocking(shared(self.0.tcp()?.connect(remote)?.wait()?)))
    }
}

/// A stack by its connections' traits of embedded-io-async, which are used through shared
/// references.
pub struct DuplexNet(&'static Net);

impl From<&'static Net> for DuplexNet {
    fn from(net: &'static Net) -> Self {
        DuplexNet(net)
    }
}

impl Streams for DuplexNet {
    type Error = Error;
    type Stream<'a> = &'static Duplex<'static>;

    async fn connect(&self, remote: SocketAddr) -> Result<Self::Stream<'_>, Error> {
        Ok(shared(self.0.tcp()?.connect(remote)?.await?))
    }
}

/// Like the bench, it is never given back.
fn shared(socket: TcpSocket<'static, Connected>) -> &'static Duplex<'static> {
    Box::leak(Box::new(Duplex::new(socket)))
}

/// A stack by the traits that the halves of its connections have.
pub struct HalvesNet(&'static Net);

impl From<&'static Net> for HalvesNet {
    fn from(net: &'static Net) -> Self {
        HalvesNet(net)
    }
}

impl Streams for HalvesNet {
    type Error = Error;
    type Stream<'a> = Halves;

    async fn connect(&self, remote: SocketAddr) -> Result<Halves, Error> {
        let (reader, writer) = self.0.tcp()?.connect(remote)?.await?.split();
        Ok(Halves { reader, writer })
    }
}

/// A connection in two halves.
pub struct Halves {
    reader: TcpReader<'static>,
    writer: TcpWriter<'static>,
}

impl ErrorType for Halves {
    type Error = Error;
}

impl Read for Halves {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        self.reader.read(buf).await
    }
}

impl Write for Halves {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Error> {
        self.writer.write(buf).await
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Write::flush(&mut self.writer).await
    }
}

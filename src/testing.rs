//! Two stacks on one cable, in virtual time: for tests of programs and crates that use a stack.
//!
//! Nothing here waits and nothing is random but by a seed, so that a test takes no time and gives
//! the same result every time.

#[cfg(feature = "embedded-nal")]
mod client;
#[cfg(feature = "async")]
mod tasks;

use core::cell::{Cell, RefCell};
#[cfg(feature = "tcp")]
use core::net::SocketAddr;
use core::ops::Deref;
use std::rc::{Rc, Weak};
use std::vec::Vec;

use smoltcp::time::{Duration, Instant};

use crate::device::{Cable, Plug};
use crate::{Clock, Config, Heap, Local, Stack};
#[cfg(feature = "tcp")]
use crate::{Error, TcpSocket, state::Connected};

#[cfg(feature = "embedded-nal")]
pub use client::LabClient;
#[cfg(all(feature = "async", feature = "embedded-hal-async"))]
pub use tasks::LabTimer;

/// A clock that stands still until it is told to go on.
#[derive(Clone, Debug)]
pub struct VirtualClock(Rc<Cell<Instant>>);

impl VirtualClock {
    /// A clock that starts a while after zero.
    pub fn new() -> Self {
        VirtualClock(Rc::new(Cell::new(Instant::from_secs(1_000))))
    }

    /// The time.
    pub fn time(&self) -> Instant {
        self.0.get()
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.0.set(self.0.get() + by);
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for VirtualClock {
    fn now(&mut self) -> Instant {
        self.time()
    }
}

/// A stack of a [`Lab`].
pub type LabStack = Stack<Plug, VirtualClock, Local>;

/// Two stacks on one cable, with one virtual clock.
///
/// See [`Bench`] for its parts and what they do together.
///
/// ```
/// use sockstate::{Duration, Error, testing::Lab};
///
/// let lab = Lab::new(42);
/// let mut listener = lab.far.tcp()?.bind(80)?.listen(1)?;
///
/// let server = "192.168.69.2:80".parse().unwrap();
/// let mut client = lab.near.tcp()?.connect(server)?.wait_with(|_| lab.step())?;
/// let (mut connection, _) = lab.block(|| listener.accept())?;
///
/// client.send(b"hello").unwrap();
/// let mut buffer = [0; 16];
/// assert_eq!(lab.block(|| connection.receive(&mut buffer)), Ok(5));
/// # Ok::<(), Error>(())
/// ```
///
/// A call that waits by itself (`wait()`, `net.block(..)`) runs both stacks meanwhile: that is the
/// lab's [`Config::idle`]. It runs no program at the far end, which
/// `wait_with(|_| { serve(); lab.step() })` does. A bare `nb::block!` runs nothing, and does not
/// end: use [`block`](Bench::block) instead, or for a client crate [`client`](Bench::client).
///
/// ```
/// use sockstate::{Error, testing::Lab};
///
/// let lab = Lab::new(42);
/// let _listener = lab.far.tcp()?.bind(80)?.listen(1)?;
/// let client = lab.near.tcp()?.connect("192.168.69.2:80".parse().unwrap())?.wait()?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Lab(Rc<Bench>);

/// What a [`Lab`] consists of.
#[derive(Debug)]
pub struct Bench {
    /// The stack at 192.168.69.1 and fd00::1.
    pub near: LabStack,
    /// The stack at 192.168.69.2 and fd00::2.
    pub far: LabStack,
    /// The cable between them.
    pub cable: Cable,
    /// The clock of both.
    pub clock: VirtualClock,
    #[cfg(feature = "async")]
    timers: tasks::Timers,
}

impl Deref for Lab {
    type Target = Bench;

    fn deref(&self) -> &Bench {
        &self.0
    }
}

std::thread_local! {
    /// The labs of this thread, for `idle`, which as a plain function cannot know its own.
    static LABS: RefCell<Vec<Weak<Bench>>> = const { RefCell::new(Vec::new()) };
}

/// How far time goes at once if nothing will ever happen.
const LONGEST_STEP: Duration = Duration::from_secs(3_600);

/// What stacks of a lab do while they wait: run the labs of this thread.
///
/// # Panics
///
/// If a call waits without a limit, and nothing that could end that will ever happen.
#[allow(clippy::panic)]
fn idle(delay: Option<Duration>) {
    let labs: Vec<_> = LABS.with_borrow(|labs| labs.iter().filter_map(Weak::upgrade).collect());
    if delay.is_none() && labs.iter().all(|lab| lab.next_work().is_none()) {
        panic!("a call waits for what will not happen: no frame is on its way, and no timer runs");
    }
    for lab in labs {
        lab.step_before(lab.clock.time() + delay.unwrap_or(LONGEST_STEP));
    }
}

/// How a [`Lab`] is made.
#[derive(Clone, Debug)]
pub struct LabBuilder {
    cable: Option<Cable>,
    near: Heap,
    far: Heap,
    near_config: Config,
    far_config: Config,
}

impl LabBuilder {
    /// With this cable.
    pub fn cable(mut self, cable: Cable) -> Self {
        self.cable = Some(cable);
        self
    }

    /// With so much memory for the near stack.
    pub fn near(mut self, heap: Heap) -> Self {
        self.near = heap;
        self
    }

    /// With so much memory for the far stack.
    pub fn far(mut self, heap: Heap) -> Self {
        self.far = heap;
        self
    }

    /// With another configuration of the near stack.
    pub fn configure_near(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.near_config);
        self
    }

    /// With another configuration of the far stack.
    pub fn configure_far(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.far_config);
        self
    }

    /// Makes it.
    ///
    /// # Panics
    ///
    /// If a configuration does not fit the cable.
    #[allow(clippy::panic)]
    pub fn build(self) -> Lab {
        let cable = self.cable.unwrap_or_else(Cable::ethernet);
        let clock = VirtualClock::new();
        let (near, far) = cable.plugs();
        let stack = |heap, plug, config, host: u8| -> Result<LabStack, crate::Error> {
            let stack = Stack::new(heap, plug, clock.clone(), config)?;
            #[cfg(feature = "proto-ipv4")]
            stack.add_address(smoltcp::wire::IpCidr::new(
                core::net::Ipv4Addr::new(192, 168, 69, host).into(),
                24,
            ))?;
            #[cfg(feature = "proto-ipv6")]
            stack.add_address(smoltcp::wire::IpCidr::new(
                core::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, host.into()).into(),
                64,
            ))?;
            Ok(stack)
        };
        let built = stack(self.near, near, self.near_config, 1)
            .and_then(|near| Ok((near, stack(self.far, far, self.far_config, 2)?)));
        match built {
            Ok((near, far)) => Lab::on(Bench {
                near,
                far,
                cable,
                clock,
                #[cfg(feature = "async")]
                timers: tasks::Timers::default(),
            }),
            Err(error) => panic!("no stack for a lab: {error}"),
        }
    }
}

impl Lab {
    /// Two stacks with 16 TCP and 16 UDP sockets and 4 KiB of buffer each (ICMP and raw ones as in
    /// [`Heap::DEFAULT`]), on a cable without faults. Each has an address of both IP versions, and
    /// no room for another one.
    pub fn new(seed: u64) -> Self {
        Lab::builder(seed).build()
    }

    /// Two stacks in other ways.
    pub fn builder(seed: u64) -> LabBuilder {
        let heap = Heap { tcp_rx: 4096, tcp_tx: 4096, udp_buf: 4096, ..Heap::default() };
        let config = |host, seed| {
            let mut config = Config::ethernet([0x02, 0, 0, 0, 0, host], seed);
            config.idle = idle;
            config
        };
        LabBuilder {
            cable: None,
            near: heap,
            far: heap,
            near_config: config(1, seed),
            far_config: config(2, seed ^ 0x5555_5555),
        }
    }

    fn on(bench: Bench) -> Self {
        let lab = Rc::new(bench);
        LABS.with_borrow_mut(|labs| {
            labs.retain(|lab| lab.strong_count() > 0);
            labs.push(Rc::downgrade(&lab));
        });
        Lab(lab)
    }
}

impl Bench {
    /// Polls both stacks. If nothing moved, lets time pass until something will; an hour, if
    /// nothing ever will.
    pub fn step(&self) {
        self.step_before(self.clock.time() + LONGEST_STEP);
    }

    /// When there is something to do.
    fn next_work(&self) -> Option<Instant> {
        let now = self.clock.time();
        let work = [&self.near, &self.far]
            .into_iter()
            .filter_map(|stack| stack.poll_delay())
            .map(|delay| now + delay)
            .chain(self.cable.next_arrival());
        #[cfg(feature = "async")]
        let work = work.chain(self.timers.next());
        work.min()
    }

    /// Polls both stacks. If nothing moved, lets time pass until something will, but not beyond
    /// `limit`.
    fn step_before(&self, limit: Instant) {
        let moved = self.near.poll().unwrap_or(false) | self.far.poll().unwrap_or(false);
        if moved {
            return;
        }
        let now = self.clock.time();
        let work = self
            .next_work()
            // Work that is due and yet does not move waits for time as well.
            .map(|at| at.max(now + Duration::from_micros(1)));
        self.clock.0.set(work.unwrap_or(limit).min(limit).max(now));
        #[cfg(feature = "async")]
        self.timers.ring(self.clock.time());
    }

    /// Runs both stacks for so long.
    pub fn run_for(&self, time: Duration) {
        let end = self.clock.time() + time;
        while self.clock.time() < end {
            self.step_before(end);
        }
        // What is due at the very end is done as well.
        while self.near.poll().unwrap_or(false) | self.far.poll().unwrap_or(false) {}
    }

    /// Runs both stacks until a call no longer would block.
    ///
    /// # Errors
    ///
    /// Those of the call.
    ///
    /// # Panics
    ///
    /// If a day passes meanwhile.
    #[allow(clippy::panic)]
    pub fn block<R, E>(&self, mut call: impl FnMut() -> nb::Result<R, E>) -> Result<R, E> {
        let start = self.clock.time();
        loop {
            match call() {
                Ok(result) => return Ok(result),
                Err(nb::Error::Other(error)) => return Err(error),
                Err(nb::Error::WouldBlock) => self.step(),
            }
            if self.clock.time() > start + Duration::from_secs(24 * 3_600) {
                panic!("a call has been blocking for a day");
            }
        }
    }

    /// A connection from the near stack to the far one, and its other end.
    ///
    /// # Errors
    ///
    /// Those of opening and connecting sockets.
    #[cfg(feature = "tcp")]
    pub fn connection(
        &self,
    ) -> Result<(TcpSocket<'_, Connected>, TcpSocket<'_, Connected>), Error> {
        const PORT: u16 = 4_242;
        let mut listener = self.far.tcp()?.bind(PORT)?.listen(1)?;
        #[cfg(feature = "proto-ipv4")]
        let addr = core::net::Ipv4Addr::new(192, 168, 69, 2).into();
        #[cfg(not(feature = "proto-ipv4"))]
        let addr = core::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2).into();
        let remote = SocketAddr::new(addr, PORT);
        let near = self.near.tcp()?.connect(remote)?.wait_with(|_| self.step())?;
        let (far, _) = self.block(|| listener.accept()).map_err(Error::from)?;
        Ok((near, far))
    }
}

//! The stack: device, clock, interface and all sockets, and the lock around them.

mod addresses;
#[cfg(feature = "tcp")]
pub(crate) mod candidates;
mod chores;
mod config;
pub(crate) mod core;
#[cfg(any(feature = "udp", feature = "icmp", feature = "raw"))]
mod datagram;
#[cfg(feature = "dhcp")]
pub(crate) mod dhcp;
#[cfg(feature = "dns")]
// Only embedded-nal begins look-ups that nobody holds.
#[cfg_attr(not(feature = "embedded-nal"), allow(dead_code))]
pub(crate) mod dns;
#[cfg(feature = "multicast")]
mod groups;
#[cfg(feature = "icmp")]
mod icmp;
mod limits;
mod network;
#[cfg(all(
    any(test, fuzzing),
    feature = "cable",
    feature = "tcp",
    feature = "udp",
    feature = "proto-ipv4",
    feature = "proto-ipv6",
    feature = "medium-ethernet",
    feature = "medium-ip"
))]
pub(crate) mod oracle;
mod ownership;
#[cfg(any(feature = "icmp", feature = "raw"))]
mod packet;
#[cfg(any(feature = "icmp", feature = "raw"))]
mod packet_storage;
#[cfg(feature = "udp")]
mod peer;
mod port;
#[cfg(feature = "raw")]
mod raw;
#[cfg(any(feature = "watch", feature = "async"))]
pub(crate) mod ready;
mod report;
mod rng;
mod router;
#[cfg(feature = "async")]
mod runner;
mod sharing;
#[cfg(feature = "slaac")]
mod slaac;
pub(crate) mod slot;
mod statistics;
mod storage;
mod table;
#[cfg(feature = "tcp")]
mod tcp;
#[cfg(feature = "tcp")]
mod tcp_stream;
#[cfg(feature = "udp")]
pub(crate) mod udp;

use ::core::ops::Deref;
use ::core::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use mutex::{BlockingMutex, ConstInit};
use smoltcp::iface::{self, Interface};
use smoltcp::phy::Device;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::HardwareAddress;

use self::core::Core;
use self::slot::SlotId;
use self::storage::{LentIcmp, LentRaw, LentTcp, LentUdp};
use crate::Error;

pub use self::config::{Config, Deadlines, Overflow};
use self::core::Pulse;
pub(crate) use self::core::Sending;
use self::core::later;
pub(crate) use self::ownership::Ending;
#[cfg(feature = "icmp")]
pub use self::packet_storage::IcmpStorage;
#[cfg(feature = "raw")]
pub use self::packet_storage::RawStorage;
pub use self::port::{Clock, Port};
#[cfg(feature = "cable")]
pub(crate) use self::rng::Rng;
pub use self::sharing::Local;
#[cfg(feature = "critical-section")]
pub use self::sharing::Shared;
pub use self::sharing::Sharing;
pub use self::statistics::Statistics;
#[cfg(feature = "alloc")]
pub use self::storage::Heap;
pub use self::storage::{Memory, Storage};

use self::port::Drive;
#[cfg(feature = "watch")]
use self::ready::WatchId;
use self::statistics::Traffic;

/// The most frames one poll takes in before it lets the sockets send. What is left is taken by
/// the next poll, which [`Net::poll_delay`] then asks for at once.
const BURST: usize = 64;

/// A TCP/IP stack: it owns the device, the clock and the memory of all sockets.
///
/// It is made once, stays where it is, and lends itself to the sockets as a [`Net`], to which it
/// dereferences. `S` is [`Local`] (the default) or `Shared`.
///
/// ```
/// use sockstate::{Config, Heap, Instant, Net, Stack, device::Plug};
///
/// let (device, _far_end) = Plug::pair();
/// let clock = || Instant::ZERO;
/// let seed = 0x1234_5678_9abc_def0; // from a random number generator
/// let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], seed);
/// let stack = Stack::new(Heap::default(), device, clock, config)?;
/// stack.add_address("192.168.69.1/24".parse().unwrap())?;
///
/// fn application(net: &Net) -> Result<(), sockstate::Error> {
///     let socket = net.tcp()?.bind(6000)?;
///     Ok(())
/// }
/// application(&stack)?;
/// # Ok::<(), sockstate::Error>(())
/// ```
pub struct Stack<D: 'static, C: 'static, S: Sharing = Local> {
    net: Net<S, Port<D, C>>,
}

impl<D: Device + 'static, C: Clock + 'static> Stack<D, C, Local> {
    /// A stack for one thread.
    ///
    /// # Errors
    ///
    /// [`Error::HardwareAddress`] if the address in `config` is not a unicast one, or is not of
    /// the device's medium.
    pub fn new(
        memory: impl Into<Memory>,
        device: D,
        clock: C,
        config: Config,
    ) -> Result<Self, Error> {
        Ok(Stack { net: Net::build(memory.into(), device, clock, config)? })
    }

    /// The stack as its sockets see it, for functions that take a `&Net`.
    pub fn net(&self) -> &Net<Local> {
        &self.net
    }
}

#[cfg(feature = "critical-section")]
impl<D: Device + Send + 'static, C: Clock + Send + 'static> Stack<D, C, Shared> {
    /// A stack for threads, or for interrupt handlers and the main loop.
    ///
    /// ```
    /// # use sockstate::{Config, Error, Heap, Instant, Stack, device::Plug};
    /// # let (device, _far_end) = Plug::pair();
    /// # let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], 1);
    /// let stack = Stack::shared(Heap::default(), device, || Instant::ZERO, config)?;
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| stack.poll());
    ///     threads.spawn(|| stack.tcp().map(drop));
    /// });
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Stack::new`].
    pub fn shared(
        memory: impl Into<Memory>,
        device: D,
        clock: C,
        config: Config,
    ) -> Result<Self, Error> {
        Ok(Stack { net: Net::build(memory.into(), device, clock, config)? })
    }

    /// The stack as its sockets see it, for functions that take a `&Net<Shared>`.
    pub fn net(&self) -> &Net<Shared> {
        &self.net
    }
}

impl<D: Device + 'static, C: Clock + 'static, S: Sharing> Stack<D, C, S> {
    /// Works on the device: to set up its hardware, or to read its counters.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within another closure of the stack.
    pub fn with_device<R>(&self, work: impl FnOnce(&mut D) -> R) -> Result<R, Error> {
        self.net.with_port(|_, port| work(&mut port.device))
    }
}

impl<D: Device + 'static, C: Clock + 'static> Deref for Stack<D, C, Local> {
    type Target = Net<Local>;

    fn deref(&self) -> &Net<Local> {
        self.net()
    }
}

#[cfg(feature = "critical-section")]
impl<D: Device + Send + 'static, C: Clock + Send + 'static> Deref for Stack<D, C, Shared> {
    type Target = Net<Shared>;

    fn deref(&self) -> &Net<Shared> {
        self.net()
    }
}

impl<D, C, S: Sharing> ::core::fmt::Debug for Stack<D, C, S> {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.debug_struct("Stack").finish_non_exhaustive()
    }
}

/// A stack, without the types of its device and its clock: what sockets borrow, and what
/// functions take that open sockets.
///
/// # Types
///
/// Write `&Net`. The first parameter says who shares the stack and defaults to [`Local`]; write
/// `&Net<Shared>` for one that threads or interrupts share. The second is never written.
///
/// # Calls
///
/// - *Making sockets*: `tcp`, `udp`, `icmp`, `raw`.
/// - *Finding hosts*: `lookup`, `lookup_name`.
/// - *Running*: [`poll`](Net::poll) moves frames; [`poll_delay`](Net::poll_delay) says how long
///   the device may sleep; [`block`](Net::block) turns a call that would block into one that
///   waits. A call on a socket that would block polls the stack before it says so, so that
///   `nb::block!` on any of them ends, given a clock that runs.
/// - *For clients of embedded-nal*: `&Net` itself, or what [`blocking`](Net::blocking) gives.
/// - *The network*: addresses, routes, name servers, `dhcp` for all of them, the link, multicast
///   groups, what has gone through.
pub struct Net<S: Sharing = Local, T: ?Sized = <S as Sharing>::Driver> {
    idle: fn(Option<Duration>),
    /// The default backlog of listeners.
    #[cfg(all(any(feature = "embedded-nal", feature = "edge-nal"), feature = "tcp"))]
    pub(crate) backlog: u16,
    dropped: DroppedMarks,
    core: BlockingMutex<S::Lock, Core>,
    /// Locked within the lock of the core only. By itself, because whoever works on the core alone
    /// then need not find out where it begins in memory: before a `dyn`, that is a computation.
    port: BlockingMutex<S::Lock, T>,
}

impl<S: Sharing, D: Device + 'static, C: Clock + 'static> Net<S, Port<D, C>> {
    fn build(memory: Memory, mut device: D, mut clock: C, config: Config) -> Result<Self, Error> {
        let caps = device.capabilities();
        let fits = match config.hardware_addr {
            #[cfg(feature = "medium-ethernet")]
            HardwareAddress::Ethernet(addr) => {
                caps.medium == smoltcp::phy::Medium::Ethernet && addr.is_unicast()
            }
            #[cfg(feature = "medium-ip")]
            HardwareAddress::Ip => caps.medium == smoltcp::phy::Medium::Ip,
            #[allow(unreachable_patterns)]
            _ => false,
        };
        if !fits {
            return Err(Error::HardwareAddress);
        }
        let now = clock.now();
        let mut iface_config = iface::Config::new(config.hardware_addr);
        iface_config.random_seed = rng::interface_seed(config.seed);
        let iface = Interface::new(iface_config, &mut device, now);
        #[cfg_attr(not(feature = "slaac"), allow(unused_mut))]
        let mut core = Core::new(iface, caps, memory.slots, &config, now);
        #[cfg(feature = "slaac")]
        core.slaac_begin();
        Ok(Net {
            idle: config.idle,
            #[cfg(all(any(feature = "embedded-nal", feature = "edge-nal"), feature = "tcp"))]
            backlog: config.backlog,
            dropped: DroppedMarks {
                any: AtomicBool::new(false),
                #[cfg(feature = "watch")]
                watches: AtomicU8::new(0),
                tcp: memory.tcp_dropped,
                udp: memory.udp_dropped,
                icmp: memory.icmp_dropped,
                raw: memory.raw_dropped,
            },
            core: BlockingMutex::const_new(S::Lock::INIT, core),
            port: BlockingMutex::const_new(
                S::Lock::INIT,
                Port { device, clock, traffic: Traffic::default() },
            ),
        })
    }
}

/// Whether there may be more to do after a frame.
enum Step {
    More,
    Done,
}

/// What whoever waits does next.
enum Next {
    TryAgain,
    Sleep(Option<Duration>),
}

/// Running.
impl<S: Sharing> Net<S> {
    /// Takes in the frames that have arrived, lets sockets send theirs, and ends what is past its
    /// deadline. Whether a frame moved.
    ///
    /// One call takes in at most 64 frames. With `Shared`, the lock is taken anew for every frame.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn poll(&self) -> Result<bool, Error> {
        let received = self.take_in()?;
        let sent = self.send_out(false)?;
        Ok(received || sent)
    }

    /// The first half of [`poll`](Net::poll): takes in the frames that have arrived. Whether there
    /// were any.
    ///
    /// A loop that lets the application have its turn between the two halves sends its answers in
    /// the same round, and its acknowledgements with them: fewer frames, and less work for each. It
    /// is for applications that call when they know that there is something; a call that would block
    /// polls by itself.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// # let mut socket = net.udp()?.bind(7)?;
    /// # let sleep = |_| {};
    /// # let mut buffer = [0; 64];
    /// # for _ in 0..2 {
    /// net.poll_ingress()?;
    /// while socket.next_len()?.is_some() {
    ///     let (n, from) = net.block(|| socket.receive_from(&mut buffer))?;
    ///     net.block(|| socket.send_to(&buffer[..n], from))?;
    /// }
    /// net.poll_egress()?;
    /// sleep(net.poll_delay());
    /// # }
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn poll_ingress(&self) -> Result<bool, Error> {
        let received = self.take_in()?;
        #[cfg(feature = "async")]
        self.with_core(|core| core.set_polled(false))?;
        Ok(received)
    }

    /// The second half of [`poll`](Net::poll): lets sockets send their frames, and ends what is past
    /// its deadline. Whether a frame was sent.
    ///
    /// [`poll_ingress`](Net::poll_ingress) comes first in each round: a peer whose frames are left
    /// in the device was not heard, and is given up.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn poll_egress(&self) -> Result<bool, Error> {
        self.send_out(true)
    }

    /// Begins a poll, and takes in the frames that have arrived.
    fn take_in(&self) -> Result<bool, Error> {
        let (mut frames, mut moved) = (0, false);
        self.step(|core, port| {
            if frames == 0 {
                core.begin_poll(port.now());
            }
            if !port.ingress(core) {
                return Step::Done;
            }
            moved = core.link_up;
            frames += 1;
            if frames < BURST {
                return Step::More;
            }
            core.more = core.link_up;
            Step::Done
        })?;
        Ok(moved)
    }

    /// Lets sockets send their frames. If that `begins` here, with the time up to date.
    fn send_out(&self, mut begins: bool) -> Result<bool, Error> {
        let mut moved = false;
        self.step(|core, port| {
            if ::core::mem::take(&mut begins) {
                core.begin_egress(port.now());
            }
            if core.link_up {
                return Self::send_one(core, port, &mut moved);
            }
            #[cfg(feature = "async")]
            core.set_polled(false);
            Step::Done
        })?;
        Ok(moved)
    }

    /// Takes step after step, each of them under a lock of its own if somebody may wait for that.
    fn step(&self, mut step: impl FnMut(&mut Core, &mut S::Driver) -> Step) -> Result<(), Error> {
        loop {
            let last = self.with_port(|core, port| {
                loop {
                    let step = step(core, port);
                    if S::IS_SHARED || matches!(step, Step::Done) {
                        return step;
                    }
                }
            })?;
            if matches!(last, Step::Done) {
                return Ok(());
            }
        }
    }

    /// Lets one socket send one frame.
    fn send_one(core: &mut Core, port: &mut S::Driver, moved: &mut bool) -> Step {
        match port.egress(core) {
            Some(Sending::Sent | Sending::Stalled) => {
                *moved = true;
                if core.may_send_more() {
                    return Step::More;
                }
            }
            Some(Sending::Nothing) => return Step::More,
            Some(Sending::Refused) => {
                #[cfg(feature = "async")]
                core.set_refused();
                return Step::Done;
            }
            None => {}
        }
        #[cfg(feature = "async")]
        core.set_polled(false);
        Step::Done
    }

    /// How long the stack has nothing to do unless a frame arrives: zero if it has something to
    /// do now, `None` if it waits for frames alone.
    ///
    /// A device that sleeps must wake up for the first of the two: the end of this time, or a
    /// frame; and then call [`poll`](Net::poll). The time is zero as well while the device has no
    /// room for a frame that is to be sent, and once after a time limit has ended, so that whoever
    /// waits for that looks first.
    ///
    /// A call on one socket may take in the frame that another socket waits for. A loop over
    /// several sockets asks all of them again if [`poll`](Net::poll) says that a frame moved, or
    /// sleeps in a way that a frame ends even if it came before (as `wfe` does on Arm cores); or it
    /// asks a `Watch` (feature `watch`), which forgets nothing.
    pub fn poll_delay(&self) -> Option<Duration> {
        self.with_port(|core, port| core.poll_delay(port.now())).unwrap_or(Some(Duration::ZERO))
    }

    /// The time, by the stack's clock.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn now(&self) -> Result<Instant, Error> {
        self.with_port(|_, port| port.now())
    }

    /// Calls `op` until it no longer would block, and does what [`Config::idle`] says meanwhile.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// # let mut socket = net.udp()?.bind(7)?;
    /// # let mut peer = lab.far.udp()?.connect("192.168.69.1:7".parse().unwrap())?;
    /// # peer.send(b"hello").unwrap();
    /// # lab.run_for(sockstate::Duration::from_millis(10));
    /// let mut buffer = [0; 16];
    /// let (n, from) = net.block(|| socket.receive_from(&mut buffer))?;
    /// # assert_eq!(&buffer[..n], b"hello");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `op`, and [`Error::Reentrant`] within a closure of the stack.
    pub fn block<R, E: Into<Error>>(
        &self,
        op: impl FnMut() -> nb::Result<R, E>,
    ) -> Result<R, Error> {
        self.block_with(self.idle, op)
    }

    /// As [`block`](Net::block), but not for longer than `limit`.
    ///
    /// Connecting, delivering and closing have deadlines of their own. Waiting for data, for a
    /// datagram or for a connection has none but this.
    ///
    /// ```
    /// # use sockstate::{Duration, Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let mut socket = net.udp()?.bind(6000)?;
    /// let answer = net.block_for(Duration::from_secs(1), || socket.receive_from(&mut [0; 16]));
    /// assert_eq!(answer, Err(Error::TimedOut)); // nobody sent anything
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] if the call would still block then; and as [`block`](Net::block).
    pub fn block_for<R, E: Into<Error>>(
        &self,
        limit: Duration,
        mut op: impl FnMut() -> nb::Result<R, E>,
    ) -> Result<R, Error> {
        let end = later(self.now()?, limit);
        let idle = |delay: Option<Duration>| {
            let left = self.now().map_or(limit, |now| end - now.min(end));
            (self.idle)(Some(delay.map_or(left, |delay| delay.min(left))));
        };
        self.block_with(idle, || match op() {
            Err(nb::Error::WouldBlock) if self.now()? >= end => Err(Error::TimedOut.into()),
            result => result.map_err(|error| error.map(Into::into)),
        })
    }

    /// As [`block`](Net::block), with another way to pass the time.
    ///
    /// # Errors
    ///
    /// As [`block`](Net::block).
    pub fn block_with<R, E: Into<Error>>(
        &self,
        mut idle: impl FnMut(Option<Duration>),
        mut op: impl FnMut() -> nb::Result<R, E>,
    ) -> Result<R, Error> {
        loop {
            let before = self.with_core(|core| core.pulse)?;
            match op() {
                Ok(result) => return Ok(result),
                Err(nb::Error::Other(error)) => return Err(error.into()),
                Err(nb::Error::WouldBlock) => {
                    if let Next::Sleep(delay) = self.next(before)? {
                        idle(delay);
                    }
                }
            }
        }
    }

    /// What whoever waits does after a call that would block: something may have moved since then,
    /// whoever polled, that makes it worth another try.
    fn next(&self, before: Pulse) -> Result<Next, Error> {
        let next = self.with_port(|core, port| {
            let now = core.pulse;
            let is_quiet = now.arrived == before.arrived
                && match now.polls.wrapping_sub(before.polls) {
                    0 => return None,
                    // That was the call itself, as all of sockets do, and it has looked again since.
                    1 => true,
                    _ => now.sent == before.sent,
                };
            Some(if is_quiet { Next::Sleep(core.poll_delay(port.now())) } else { Next::TryAgain })
        })?;
        if let Some(next) = next {
            return Ok(next);
        }
        let moved = self.poll()?;
        // Under one lock: an interrupt handler may poll as well, before this poll and after it.
        self.with_port(|core, port| {
            if moved || core.pulse.arrived != before.arrived {
                Next::TryAgain
            } else {
                Next::Sleep(core.poll_delay(port.now()))
            }
        })
    }
}

/// For embedded-nal.
#[cfg(all(feature = "embedded-nal", feature = "tcp"))]
impl<S: Sharing> Net<S> {
    /// Whether a slot of the protocol will become free without anybody closing a socket.
    pub(crate) fn is_closing(&self, protocol: crate::Protocol) -> Result<bool, Error> {
        self.with_core(|core| core.is_closing(protocol))
    }
}

/// The lock.
impl<S: Sharing, T: Drive + ?Sized> Net<S, T> {
    /// Works on the stack. Both kinds of lock fail only if the caller is within the stack already.
    #[inline]
    pub(crate) fn with_core<R>(&self, work: impl FnOnce(&mut Core) -> R) -> Result<R, Error> {
        self.with_core_aside(|core| {
            let result = work(core);
            #[cfg(feature = "async")]
            core.wake_runner();
            result
        })
    }

    /// As `with_core`, for what gives whoever runs the stack nothing to do: it is not woken.
    #[inline]
    fn with_core_aside<R>(&self, work: impl FnOnce(&mut Core) -> R) -> Result<R, Error> {
        let result = self.core.try_with_lock(|core| {
            let result = work(core);
            if self.dropped.any.load(Ordering::Relaxed) {
                self.release_dropped(core);
            }
            result
        });
        match result {
            Some(result) => Ok(result),
            None => Err(reentrant()),
        }
    }

    /// As `with_core_aside`, with the device and the clock.
    #[cfg(feature = "async")]
    fn with_port_aside<R>(&self, work: impl FnOnce(&mut Core, &mut T) -> R) -> Result<R, Error> {
        self.with_core_aside(|core| self.port.try_with_lock(|port| work(core, port)))?
            .ok_or(Error::Reentrant)
    }

    /// As `with_core`, with the device and the clock.
    #[inline]
    fn with_port<R>(&self, work: impl FnOnce(&mut Core, &mut T) -> R) -> Result<R, Error> {
        match self.with_core(|core| self.port.try_with_lock(|port| work(core, port))) {
            Ok(Some(result)) => Ok(result),
            _ => Err(reentrant()),
        }
    }

    /// As `with_core`, with the time up to date: for what sets a deadline.
    pub(crate) fn with_clock<R>(&self, work: impl FnOnce(&mut Core) -> R) -> Result<R, Error> {
        self.with_core(|core| {
            self.read_clock(core);
            work(core)
        })
    }

    // It is called from many places, and not from one where that counts.
    #[inline(never)]
    fn read_clock(&self, core: &mut Core) {
        if let Some(now) = self.port.try_with_lock(|port| port.now()) {
            core.now = now;
        }
    }

    #[cold]
    #[inline(never)]
    fn release_dropped(&self, core: &mut Core) {
        self.read_clock(core);
        self.dropped.release(core);
        #[cfg(feature = "async")]
        core.wake_runner();
    }
}

impl<S: Sharing> Net<S> {
    #[cfg(any(feature = "tcp", feature = "dns", feature = "dhcp"))]
    pub(crate) fn idle_hook(&self) -> fn(Option<Duration>) {
        self.idle
    }

    /// Tries a call that may have to wait. If so, the stack is polled, and it is tried once more.
    pub(crate) fn try_twice<R>(
        &self,
        call: impl FnMut(&mut Core) -> nb::Result<R, Error>,
    ) -> nb::Result<R, Error> {
        self.attempt(false, call)
    }

    /// As `try_twice`, with the time up to date: for what may set a deadline.
    #[cfg(any(feature = "tcp", feature = "dns", feature = "dhcp"))]
    pub(crate) fn try_twice_on_time<R>(
        &self,
        call: impl FnMut(&mut Core) -> nb::Result<R, Error>,
    ) -> nb::Result<R, Error> {
        self.attempt(true, call)
    }

    #[cfg_attr(feature = "indexed", inline(always))]
    fn attempt<R>(
        &self,
        on_time: bool,
        mut call: impl FnMut(&mut Core) -> nb::Result<R, Error>,
    ) -> nb::Result<R, Error> {
        let mut is_polled = false;
        loop {
            let outcome = self.with_core(|core| {
                if on_time {
                    self.read_clock(core);
                }
                call(core)
            });
            match outcome {
                Ok(Err(nb::Error::WouldBlock)) if !is_polled => {
                    self.poll()?;
                    is_polled = true;
                }
                Ok(done) => return done,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Does what cannot fail; within a closure of the stack, when that returns.
    pub(crate) fn end(&self, id: SlotId, mark: u8) {
        if self.with_clock(|core| core.end(id, mark)).is_err() {
            self.dropped.mark(id, mark);
        }
    }
}

#[cfg(feature = "watch")]
impl<S: Sharing> Net<S> {
    /// Gives up a set of watched sockets; within a closure of the stack, when that returns.
    pub(crate) fn end_watch(&self, id: WatchId) {
        if self.with_core(|core| core.watch_close(id)).is_err() {
            let marked = self.dropped.watches.load(Ordering::Relaxed);
            self.dropped.watches.store(marked | 1 << id, Ordering::Relaxed);
            self.dropped.any.store(true, Ordering::Relaxed);
        }
    }
}

impl<S: Sharing, T: ?Sized> ::core::fmt::Debug for Net<S, T> {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.debug_struct("Net").finish_non_exhaustive()
    }
}

/// Apart, as it is rare.
#[cold]
#[inline(never)]
fn reentrant() -> Error {
    Error::Reentrant
}

/// Handles that were dropped, or ended their connection, while the stack was locked: within a
/// closure that it was running.
///
/// Marks are set inside the lock's closure only, by whoever holds the lock further up the call
/// chain, so that loading and storing them needs no compare-and-swap (which some cores lack).
struct DroppedMarks {
    any: AtomicBool,
    #[cfg(feature = "watch")]
    watches: AtomicU8,
    tcp: LentTcp<AtomicU8>,
    udp: LentUdp<AtomicU8>,
    icmp: LentIcmp<AtomicU8>,
    raw: LentRaw<AtomicU8>,
}

impl DroppedMarks {
    fn mark(&self, id: SlotId, mark: u8) {
        if let Some(marks) = self.iter().nth(usize::from(id)) {
            marks.store(marks.load(Ordering::Relaxed) | mark, Ordering::Relaxed);
            self.any.store(true, Ordering::Relaxed);
        }
    }

    fn iter(&self) -> impl Iterator<Item = &AtomicU8> {
        self.tcp.iter().chain(self.udp.iter()).chain(self.icmp.iter()).chain(self.raw.iter())
    }

    fn release(&self, core: &mut Core) {
        if !self.any.load(Ordering::Relaxed) {
            return;
        }
        self.any.store(false, Ordering::Relaxed);
        #[cfg(feature = "watch")]
        {
            let marked = self.watches.load(Ordering::Relaxed);
            self.watches.store(0, Ordering::Relaxed);
            for id in (0..u8::BITS as u8).filter(|id| marked & 1 << id != 0) {
                core.watch_close(id);
            }
        }
        for (id, marks) in self.iter().enumerate() {
            let marked = marks.load(Ordering::Relaxed);
            if marked != 0 {
                marks.store(0, Ordering::Relaxed);
                core.end(id as SlotId, marked);
            }
        }
    }
}

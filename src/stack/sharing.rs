//! Who may use a stack: one thread, or several threads and interrupt handlers.

use mutex::{ConstInit, ScopedRawMutex, raw_impls};

use super::port::Drive;

mod sealed {
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot become a way to share a stack",
        note = "the ways are `sockstate::Local` and `sockstate::Shared`: each has a lock of its own"
    )]
    pub trait Sealed {}
}

/// Who may use a stack: [`Local`] or `Shared`. It has a default, so that nobody has to write it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say who shares a stack",
    note = "the two ways are `sockstate::Local` (one thread) and `sockstate::Shared` (threads and interrupts)"
)]
pub trait Sharing: sealed::Sealed + 'static {
    #[doc(hidden)]
    type Lock: ScopedRawMutex + ConstInit;
    #[doc(hidden)]
    type Driver: ?Sized + Drive;
    /// Whether somebody may wait for the lock, so that no more than one frame is to be moved at a time.
    #[doc(hidden)]
    const IS_SHARED: bool = true;
}

/// One thread uses the stack. Locking costs a flag, and neither the stack nor its sockets can be
/// used from another thread: that does not compile.
#[derive(Debug)]
pub enum Local {}

impl sealed::Sealed for Local {}
impl Sharing for Local {
    type Lock = raw_impls::local::LocalRawMutex;
    type Driver = dyn Drive;
    const IS_SHARED: bool = false;
}

/// Threads, or interrupt handlers and the main loop, share the stack, each with its own sockets.
///
/// # Threads
///
/// One runs the stack (`Net::run`, feature `async`), asleep until a frame comes or it is
/// woken. The others sleep until the stack wakes them: each has its sockets, or halves of
/// connections, and a waker for each. [`block`](crate::Net::block) works beside that, and polls.
///
/// # Interrupt handlers
///
/// The handler of the device's interrupt polls the stack, and the main loop sleeps until there was
/// an interrupt, in a way that one ends that came before (as `wfe` does on Arm cores). Where the
/// stack may sleep for a limited time only, a timer interrupts as well: `idle` is told when.
///
/// ```
/// use core::cell::Cell;
///
/// use critical_section::Mutex;
/// use sockstate::device::Plug;
/// use sockstate::{Config, Duration, Error, Instant, Net, Shared, Stack, Storage};
/// use static_cell::StaticCell;
///
/// static STORAGE: StaticCell<Storage<4, 2, 1024, 1024, 1024, 8>> = StaticCell::new();
/// // The types of a driver, and of what reads the time.
/// static STACK: StaticCell<Stack<Plug, fn() -> Instant, Shared>> = StaticCell::new();
/// static NET: Mutex<Cell<Option<&'static Net<Shared>>>> = Mutex::new(Cell::new(None));
///
/// /// The handler of the device's interrupt.
/// fn on_frame() {
///     if let Some(net) = critical_section::with(|cs| NET.borrow(cs).get()) {
///         // It cannot fail: while the stack is locked, interrupts are off.
///         let _ = net.poll();
///     }
/// }
///
/// fn sleep(delay: Option<Duration>) {
///     // set an alarm to `delay`, then `wfe`
/// #   on_frame();
/// }
///
/// fn start(device: Plug, clock: fn() -> Instant, seed: u64) -> Result<&'static Net<Shared>, Error> {
///     let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], seed);
///     let memory = STORAGE.init(Storage::new());
///     let net = STACK.init(Stack::shared(memory, device, clock, config)?).net();
///     critical_section::with(|cs| NET.borrow(cs).set(Some(net)));
///     net.add_address("192.168.69.1/24".parse().unwrap())?;
///     Ok(net)
/// }
///
/// fn main_loop(net: &Net<Shared>) -> Result<(), Error> {
///     let mut socket = net.udp()?.bind(7)?;
///     let mut buffer = [0; 512];
///     loop {
///         let (n, from) = net.block_with(sleep, || socket.receive_from(&mut buffer))?;
///         net.block_with(sleep, || socket.send_to(&buffer[..n], from))?;
/// #       break Ok(());
///     }
/// }
/// # let (device, far) = Plug::pair();
/// # let config = Config::ethernet([0x02, 0, 0, 0, 0, 2], 2);
/// # let far = Stack::new(sockstate::Heap::default(), far, || Instant::ZERO, config)?;
/// # far.add_address("192.168.69.2/24".parse().unwrap())?;
/// # let net = start(device, || Instant::ZERO, 1)?;
/// # let mut client = far.udp()?.connect("192.168.69.1:7".parse().unwrap())?;
/// # client.send(b"hello").unwrap();
/// # far.poll()?;
/// # on_frame();
/// # far.poll()?;
/// # main_loop(net)?;
/// # net.poll()?;
/// # assert_eq!(client.receive(&mut [0; 8]), Ok(5));
/// # Ok::<(), Error>(())
/// ```
///
/// A handler may make every call that does not wait, on sockets of its own too. It never meets
/// [`Error::Reentrant`](crate::Error::Reentrant), unless it can strike within a critical section.
///
/// # How long interrupts are off
///
/// The lock is a critical section. It is taken anew for every frame, and held for what is done to
/// one: to take it from the driver, to look at it, to copy it, and to give the answer to the
/// driver. A call on a socket holds it while it copies its data.
///
/// Longer are only: a closure of the caller's, in which interrupts are off until it returns
/// (`send_with`, `recv_with`, `with_device`), and a waker, which is called there as well; and what
/// looks at every slot, a few instructions for each: to connect or listen, to open a socket if none
/// is free, to ask how many are, to change addresses or the link (as a lease or a router may, too),
/// to give up a set of watched sockets, a device without room (for those that have something to
/// send), a connection request that finds no room in a backlog, and the end of a connection while
/// another one waits for its slot to be accepted. Without the feature `indexed`, each frame does.
///
/// A handler that polls takes in up to 64 frames, and interrupts of a higher priority are on
/// between two of them. One that has to be shorter leaves the poll to the main loop, which its
/// interrupt wakes.
#[cfg(feature = "critical-section")]
#[derive(Debug)]
pub enum Shared {}

#[cfg(feature = "critical-section")]
impl sealed::Sealed for Shared {}
#[cfg(feature = "critical-section")]
impl Sharing for Shared {
    type Lock = raw_impls::cs::CriticalSectionRawMutex;
    type Driver = dyn Drive + Send;
}

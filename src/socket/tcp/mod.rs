//! TCP sockets.

mod any;
#[cfg(feature = "dns")]
mod by_name;
#[cfg(feature = "async")]
mod futures;
mod open;
mod stream;

use core::fmt;
use core::marker::PhantomData;
#[cfg(feature = "async")]
use core::task::Waker;

use super::Handle;
#[cfg(feature = "embedded-io-async")]
use crate::stack::core::Core;
#[cfg(feature = "embedded-io")]
use crate::stack::slot::SlotId;
use crate::stack::{Local, Net, Sharing};
use crate::state::{ReadHalf, State, WriteHalf};

#[cfg(feature = "async")]
use crate::{Error, Ready};

pub use any::AnyTcpSocket;
pub use stream::ReuniteError;

/// A TCP socket whose state is in its type.
///
/// # Types
///
/// Nobody has to write the parameters. A function that is given a connection takes a
/// `TcpSocket<'_, Connected>`; the rest is inferred, and `S` is [`Local`] unless the stack is
/// shared.
///
/// # Calls
///
/// - *Transitions* consume the socket and return the next one: [`bind`](TcpSocket::bind),
///   [`listen`](TcpSocket::listen), [`connect`](TcpSocket::connect), `connect_by_name` (feature
///   `dns`), [`wait`](TcpSocket::wait),
///   [`shutdown`](TcpSocket::shutdown), [`close`](TcpSocket::close),
///   [`split`](TcpSocket::split). One that fails gives the socket back with the error.
/// - *Operations* return `nb::Error::WouldBlock` when there is nothing to do yet, after they
///   have polled the stack: `accept`, `send`, `receive`, `peek`, `flush`. Where `?` is wanted,
///   `net.block(|| socket.send(data))?` waits and gives the plain error.
/// - *Questions and options* answer at once.
///
/// # Drop
///
/// Dropping a socket closes it as [`close`](TcpSocket::close) does: what it accepted is still
/// delivered, by later polls of the stack, and only then is its slot free again.
///
/// # Example
///
/// ```
/// use sockstate::{Error, TcpSocket, state::Connected};
/// # use sockstate::testing::Lab;
///
/// fn greet(socket: &mut TcpSocket<'_, Connected>) -> Result<usize, Error> {
///     socket.net().block(|| socket.send(b"hello"))
/// }
/// # let lab = Lab::new(1);
/// # let mut listener = lab.far.tcp()?.bind(80)?.listen(1)?;
/// # let net = lab.near.net();
/// # let idle = |_| lab.step();
/// let mut socket = net.tcp()?.connect("192.168.69.2:80".parse().unwrap())?.wait_with(idle)?;
/// assert_eq!(greet(&mut socket)?, 5);
/// # Ok::<(), Error>(())
/// ```
pub struct TcpSocket<'net, St: State, S: Sharing = Local> {
    handle: Handle<'net, S>,
    extra: St::Extra,
    state: PhantomData<fn() -> St>,
}

/// The receiving half of a connection.
pub type TcpReader<'net, S = Local> = TcpSocket<'net, ReadHalf, S>;

/// The sending half of a connection.
pub type TcpWriter<'net, S = Local> = TcpSocket<'net, WriteHalf, S>;

impl<'net, St: State<Extra = ()>, S: Sharing> TcpSocket<'net, St, S> {
    pub(crate) fn new(handle: Handle<'net, S>) -> Self {
        TcpSocket { handle, extra: (), state: PhantomData }
    }
}

impl<'net, St: State, S: Sharing> TcpSocket<'net, St, S> {
    /// The same socket in another state.
    fn into_state<Next: State<Extra = ()>>(self) -> TcpSocket<'net, Next, S> {
        self.into_state_with(())
    }

    /// The same socket in another state, with what it keeps there.
    fn into_state_with<Next: State>(self, extra: Next::Extra) -> TcpSocket<'net, Next, S> {
        TcpSocket { handle: self.handle, extra, state: PhantomData }
    }

    /// The stack the socket belongs to.
    pub fn net(&self) -> &'net Net<S> {
        self.handle.net
    }

    #[cfg(feature = "embedded-io")]
    pub(crate) fn slot(&self) -> SlotId {
        self.handle.slot
    }

    /// For those who see to it otherwise that one reads and one writes.
    #[cfg(feature = "embedded-io-async")]
    pub(crate) async fn until<R>(
        &self,
        interest: Ready,
        call: impl FnMut(&mut Core, SlotId) -> nb::Result<R, Error>,
    ) -> Result<R, Error> {
        self.handle.until(interest, call).await
    }

    /// Has `waker` called when the socket is ready for something of `interest`, or is over; at once
    /// if it is. For a thread that sleeps meanwhile, or an executor; somebody has to
    /// [run](Net::run) the stack, or poll it. It is called once, or a few times, and sometimes in
    /// vain: whoever is woken tries, and registers again before it sleeps.
    ///
    /// It holds one waker for the reader, who waits for [`Ready::RECEIVE`] (or
    /// [`Ready::ACCEPT`]), and one for the writer, who waits for [`Ready::SEND`] or
    /// [`Ready::FLUSHED`]; the last one counts.
    ///
    /// ```
    /// # use sockstate::{Config, Error, Heap, Ready, Stack, device::{self, Plug, StdClock}};
    /// # let (device, _far_end) = Plug::pair();
    /// # let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], 1);
    /// # let stack = Stack::shared(Heap::default(), device, StdClock::new(), config)?;
    /// # stack.add_address("192.168.69.1/24".parse().unwrap())?;
    /// let mut socket = stack.tcp()?.bind(80)?.listen(4)?;
    /// let waker = device::thread_waker();
    /// socket.wake_on(Ready::ACCEPT, &waker)?;
    /// // ... and `std::thread::park()`, if the call that would block does
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    #[cfg(feature = "async")]
    pub fn wake_on(&mut self, interest: Ready, waker: &Waker) -> Result<(), Error> {
        self.handle.wake_on(interest, waker)
    }
}

#[cfg(feature = "watch")]
impl<'net, St: State, S: Sharing> crate::Watchable<'net, S> for TcpSocket<'net, St, S> {
    fn handle(&self) -> Option<&Handle<'net, S>> {
        Some(&self.handle)
    }
}

impl<St: State, S: Sharing> fmt::Debug for TcpSocket<'_, St, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = crate::state::name::<St>();
        write!(f, "TcpSocket<{state}>(#{})", self.handle.slot)
    }
}

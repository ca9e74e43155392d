//! ICMP sockets: echo requests, and the replies to them.

use core::fmt;
use core::marker::PhantomData;
use core::net::IpAddr;
use core::num::NonZeroU8;
#[cfg(feature = "async")]
use core::task::Waker;

use super::Handle;
#[cfg(feature = "async")]
use super::outlast;
#[cfg(feature = "async")]
use crate::Ready;
use crate::socket::any::any_socket;
use crate::stack::{Local, Net, Sharing};
use crate::state::icmp::{CanBind, CanReceiveEcho, CanSendEcho, IsOpen};
use crate::state::{Bound, Closed, State};
use crate::{Error, Failed, Protocol};

/// An ICMP socket whose state is in its type: it asks hosts whether they are there (RFC 792, RFC
/// 4443 section 4), and hears their replies.
///
/// `Bound`, it has an identifier, which its requests carry and the replies to them repeat: replies
/// with another one are of no concern to it. Requests of others are not either: the stack answers
/// them by itself.
///
/// # Types
///
/// Nobody has to write the parameters; see [`TcpSocket`](crate::TcpSocket#types).
///
/// # Drop
///
/// Requests that were accepted are still sent, by later polls of the stack, and only then is the
/// slot free again. The identifier is free at once.
///
/// # Example
///
/// ```
/// # use sockstate::{Duration, Error, testing::Lab};
/// # let lab = Lab::new(1);
/// # let net = lab.near.net();
/// let mut socket = net.icmp()?.bind_any()?;
/// let start = net.now()?;
/// socket.send_echo("192.168.69.2".parse().unwrap(), 1, b"anybody there?").unwrap();
///
/// let mut data = [0; 64];
/// let reply = net.block_for(Duration::from_secs(1), || socket.receive_echo(&mut data))?;
/// assert_eq!((reply.seq_no, &data[..reply.len]), (1, &b"anybody there?"[..]));
/// println!("{} bytes from {} in {}", reply.len, reply.from, net.now()? - start);
/// # Ok::<(), Error>(())
/// ```
pub struct IcmpSocket<'net, St: State, S: Sharing = Local> {
    handle: Handle<'net, S>,
    state: PhantomData<fn() -> St>,
}

/// A reply to an echo request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Echo {
    /// The host that replied. Not the one that was asked, if that was an address of many.
    pub from: IpAddr,
    /// The sequence number of the request.
    pub seq_no: u16,
    /// The time to live (IPv4) or hop limit (IPv6) that was left of the reply's.
    pub hop_limit: u8,
    /// The size of the data in bytes.
    pub len: usize,
}

impl<S: Sharing> Net<S> {
    /// Opens an ICMP socket: takes one of the stack's ICMP slots.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfSlots`] if all are taken, or if the stack got no memory for any: see
    /// [`IcmpStorage`](crate::IcmpStorage). [`Error::Reentrant`].
    pub fn icmp(&self) -> Result<IcmpSocket<'_, Closed, S>, Error> {
        let slot = self.with_clock(|core| core.open(Protocol::Icmp))??;
        Ok(IcmpSocket { handle: Handle::new(self, slot), state: PhantomData })
    }
}

#[cfg(feature = "watch")]
impl<'net, St: State, S: Sharing> crate::Watchable<'net, S> for IcmpSocket<'net, St, S> {
    fn handle(&self) -> Option<&Handle<'net, S>> {
        Some(&self.handle)
    }
}

/// Transitions.
impl<'net, St: State, S: Sharing> IcmpSocket<'net, St, S> {
    /// The stack the socket belongs to.
    pub fn net(&self) -> &'net Net<S> {
        self.handle.net
    }

    /// Has `waker` called when the socket is ready for something of `interest`, or is over; at once
    /// if it is. For a thread that sleeps meanwhile, or an executor; somebody has to
    /// [run](Net::run) the stack, or poll it. It is called once, or a few times, and sometimes in
    /// vain: whoever is woken tries, and registers again before it sleeps.
    ///
    /// It holds one waker for who receives and one for who sends; the last one counts.
    ///
    /// ```
    /// # use sockstate::{Config, Error, Heap, Ready, Stack, device::{self, Plug, StdClock}};
    /// # let (device, _far_end) = Plug::pair();
    /// # let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], 1);
    /// # let stack = Stack::shared(Heap::default(), device, StdClock::new(), config)?;
    /// # stack.add_address("192.168.69.1/24".parse().unwrap())?;
    /// let mut socket = stack.icmp()?.bind(1)?;
    /// let waker = device::thread_waker();
    /// socket.wake_on(Ready::RECEIVE, &waker)?;
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

    /// Ties the socket to an identifier.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let socket = net.icmp()?.bind(0x1234)?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// With the socket: [`Error::AddressInUse`] if another socket has it, [`Error::Reentrant`].
    pub fn bind(self, ident: u16) -> Result<IcmpSocket<'net, Bound, S>, Failed<Self>>
    where
        St: CanBind,
    {
        self.bind_to(Some(ident))
    }

    /// Ties the socket to an identifier that no other socket has: a random one.
    ///
    /// # Errors
    ///
    /// With the socket: [`Error::Reentrant`].
    pub fn bind_any(self) -> Result<IcmpSocket<'net, Bound, S>, Failed<Self>>
    where
        St: CanBind,
    {
        self.bind_to(None)
    }

    fn bind_to(self, ident: Option<u16>) -> Result<IcmpSocket<'net, Bound, S>, Failed<Self>> {
        let (net, slot) = (self.handle.net, self.handle.slot);
        match net.with_core(|core| core.icmp_bind(slot, ident)).flatten() {
            Ok(()) => Ok(IcmpSocket { handle: self.handle, state: PhantomData }),
            Err(error) => Err(Failed::new(self, error)),
        }
    }
}

/// Sending and receiving.
impl<St: State, S: Sharing> IcmpSocket<'_, St, S> {
    /// Queues an echo request with this sequence number and data. The next poll sends it.
    ///
    /// A multicast or broadcast address asks many hosts at once; not all reply to that.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room. [`Error::DatagramTooLarge`], with what would fit: requests
    /// are not fragmented. [`Error::Unaddressable`] for an unspecified address,
    /// [`Error::AddressFamily`], [`Error::NoAddress`], [`Error::NoRoute`], [`Error::LinkDown`],
    /// [`Error::Reentrant`]. [`Error::TimedOut`], once, if requests sent before were given up
    /// because their next hop did not answer ([`Deadlines::unreachable`]).
    ///
    /// [`Deadlines::unreachable`]: crate::Deadlines::unreachable
    pub fn send_echo(&mut self, to: IpAddr, seq_no: u16, data: &[u8]) -> nb::Result<(), Error>
    where
        St: CanSendEcho,
    {
        let slot = self.handle.slot;
        self.handle.net.try_twice(|core| core.icmp_send(slot, to, seq_no, data))
    }

    /// Asks whether all requests have been handed to the device.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if not; [`Error::TimedOut`] if they were given up because their next hop did
    /// not answer; [`Error::LinkDown`] if they cannot be; [`Error::Reentrant`].
    pub fn flush(&mut self) -> nb::Result<(), Error>
    where
        St: IsOpen,
    {
        self.handle.net.try_twice(|core| core.flush(self.handle.slot))
    }

    /// Takes the next reply, whose data goes into the buffer. Its checksum was right.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none. [`Error::Truncated`], with the size of the data, if the
    /// buffer is too small: it is filled, and the rest of the reply is gone;
    /// [`next_len`](IcmpSocket::next_len) tells before. [`Error::LinkDown`], [`Error::TimedOut`]
    /// as with [`send_echo`](IcmpSocket::send_echo), [`Error::Reentrant`].
    pub fn receive_echo(&mut self, buffer: &mut [u8]) -> nb::Result<Echo, Error>
    where
        St: CanReceiveEcho,
    {
        self.handle.net.try_twice(|core| core.icmp_receive(self.handle.slot, buffer))
    }

    /// The size of the data of the next reply in bytes, if one waits.
    ///
    /// # Errors
    ///
    /// [`Error::LinkDown`], [`Error::TimedOut`] as with [`send_echo`](IcmpSocket::send_echo),
    /// [`Error::Reentrant`].
    pub fn next_len(&self) -> Result<Option<usize>, Error>
    where
        St: IsOpen,
    {
        self.handle.net.with_core(|core| core.icmp_waiting(self.handle.slot)).flatten()
    }
}

/// In tasks: the calls that would block, as futures. Somebody has to run the stack meanwhile:
/// [`Net::run_async`], say. Each may be dropped before it is done, and has then done nothing.
#[cfg(feature = "async")]
impl<St: State, S: Sharing> IcmpSocket<'_, St, S> {
    /// Queues an echo request: [`send_echo`](IcmpSocket::send_echo) in a task. Waits until there is
    /// room for it.
    ///
    /// # Errors
    ///
    /// Those of [`send_echo`](IcmpSocket::send_echo) but for `WouldBlock`.
    pub async fn send_echo_async(
        &mut self,
        to: IpAddr,
        seq_no: u16,
        data: &[u8],
    ) -> Result<(), Error>
    where
        St: CanSendEcho,
    {
        self.handle.until(Ready::SEND, |core, slot| core.icmp_send(slot, to, seq_no, data)).await
    }

    /// Waits until all requests have been handed to the device: [`flush`](IcmpSocket::flush) in a
    /// task.
    ///
    /// # Errors
    ///
    /// Those of [`flush`](IcmpSocket::flush) but for `WouldBlock`.
    pub async fn flush_async(&mut self) -> Result<(), Error>
    where
        St: IsOpen,
    {
        self.handle.until(Ready::FLUSHED, |core, slot| core.flush(slot)).await
    }

    /// Takes the next reply: [`receive_echo`](IcmpSocket::receive_echo) in a task. Waits until
    /// there is one.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let mut socket = net.icmp()?.bind_any()?;
    /// # lab.block_on(async {
    /// socket.send_echo_async("192.168.69.2".parse().unwrap(), 1, b"anybody there?").await?;
    /// let reply = socket.receive_echo_async(&mut [0; 64]).await?;
    /// # assert_eq!(reply.seq_no, 1);
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`receive_echo`](IcmpSocket::receive_echo) but for `WouldBlock` and
    /// [`Error::LinkDown`]: it waits until the link is up again.
    pub async fn receive_echo_async(&mut self, buffer: &mut [u8]) -> Result<Echo, Error>
    where
        St: CanReceiveEcho,
    {
        self.handle
            .until(Ready::RECEIVE, |core, slot| outlast(core.icmp_receive(slot, buffer)))
            .await
    }

    /// Waits until the socket is ready for something of `interest`, and says for what. For calls
    /// that have no future of their own: they may still block then, but seldom.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub async fn ready(&mut self, interest: Ready) -> Result<Ready, Error>
    where
        St: IsOpen,
    {
        self.handle.ready(interest).await
    }
}

/// Questions and options.
impl<St: State, S: Sharing> IcmpSocket<'_, St, S> {
    /// The identifier.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub fn ident(&self) -> Result<u16, Error>
    where
        St: IsOpen,
    {
        self.handle.net.with_core(|core| core.icmp_ident(self.handle.slot)).flatten()
    }

    /// The hop limit (IPv6) or time to live (IPv4) of the requests sent from now on, those that
    /// wait included; `None`, as at first, for 64.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub fn set_hop_limit(&mut self, limit: Option<NonZeroU8>) -> Result<(), Error>
    where
        St: IsOpen,
    {
        self.handle.net.with_core(|core| core.icmp_set_hop_limit(self.handle.slot, limit))
    }
}

impl<St: State, S: Sharing> fmt::Debug for IcmpSocket<'_, St, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = core::any::type_name::<St>().rsplit("::").next().unwrap_or_default();
        write!(f, "IcmpSocket<{state}>(#{})", self.handle.slot)
    }
}

any_socket! {
    /// An ICMP socket in any state: for fields of structs. As
    /// [`AnyTcpSocket`](crate::AnyTcpSocket).
    AnyIcmpSocket over IcmpSocket {
        /// Open, and no more.
        Closed,
        /// Bound to an identifier.
        Bound,
    }
}

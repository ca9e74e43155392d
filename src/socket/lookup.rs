//! Look-ups of names and addresses.

use core::fmt;
#[cfg(feature = "async")]
use core::future::{IntoFuture, poll_fn};
use core::net::IpAddr;
#[cfg(feature = "async")]
use core::task::{Context, Poll, Waker};

use smoltcp::time::Duration;

use super::Handle;
#[cfg(feature = "async")]
use super::pending;
#[cfg(feature = "async")]
use super::wait::{Awaited, Wait};
#[cfg(feature = "async")]
use crate::Ready;
use crate::addr::ip_address;
use crate::stack::core::Core;
use crate::stack::dns::{Answer, Wanted, reverse_name};
use crate::stack::slot::SlotId;
use crate::stack::{Local, Net, Sharing};
use crate::{AddrType, Error};

/// The name of a host, without a dot at its end: 253 bytes at most (RFC 1035 section 2.3.4). It
/// dereferences to a `&str`.
pub type HostName = heapless::String<253>;

/// The most addresses of one answer that are kept.
pub const MOST_ADDRESSES: usize = 4;

/// The addresses of a host, in the order of the answer: four at most, each once. It dereferences to
/// a slice.
pub type HostAddrs = heapless::Vec<IpAddr, MOST_ADDRESSES, u8>;

/// A look-up that is under way, or over.
enum Progress<'net, S: Sharing, R> {
    Asking(Handle<'net, S>),
    Over(Result<R, Error>),
}

impl<'net, S: Sharing, R: Clone> Progress<'net, S, R> {
    #[cfg(feature = "async")]
    fn wake_on(&self, waker: &Waker) -> Result<(), Error> {
        match self {
            Progress::Asking(handle) => handle.wake_on(Ready::RECEIVE, waker),
            Progress::Over(_) => {
                waker.wake_by_ref();
                Ok(())
            }
        }
    }

    /// As `poll`, in a task.
    #[cfg(feature = "async")]
    fn poll_in(
        &mut self,
        cx: &mut Context<'_>,
        ask: impl FnMut(&mut Core, SlotId) -> nb::Result<R, Error>,
    ) -> Poll<Result<R, Error>> {
        match self.poll(ask) {
            Err(nb::Error::WouldBlock) => match self.wake_on(cx.waker()) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
            over => pending(over),
        }
    }

    #[cfg(feature = "watch")]
    fn handle(&self) -> Option<&Handle<'net, S>> {
        match self {
            Progress::Asking(handle) => Some(handle),
            Progress::Over(_) => None,
        }
    }

    /// Once there is an answer, the slot is given back.
    fn poll(
        &mut self,
        mut ask: impl FnMut(&mut Core, SlotId) -> nb::Result<R, Error>,
    ) -> nb::Result<R, Error> {
        if let Progress::Asking(handle) = self {
            let slot = handle.slot;
            let result = match handle.net.try_twice_on_time(|core| ask(core, slot)) {
                Ok(found) => Ok(found),
                // These say nothing of the look-up.
                Err(nb::Error::WouldBlock) => return Err(nb::Error::WouldBlock),
                Err(nb::Error::Other(Error::Reentrant)) => return Err(Error::Reentrant.into()),
                Err(nb::Error::Other(error)) => Err(error),
            };
            *self = Progress::Over(result);
        }
        match self {
            Progress::Over(result) => Ok(result.clone()?),
            Progress::Asking(_) => Err(nb::Error::WouldBlock),
        }
    }
}

impl<S: Sharing> Net<S> {
    /// Begins to look up the address of a host.
    ///
    /// The name servers are asked one after the other, with pauses of 1.5, 3, 6 and 12 seconds
    /// from round to round, until one answers or
    /// [`Deadlines::lookup`](crate::Deadlines::lookup) is over. Aliases are followed within the
    /// answer (RFC 1034 section 3.6.2). Transaction number and port of each look-up are random (RFC
    /// 5452 section 4).
    ///
    /// With the feature `mdns`, names that end in `.local` are those that hosts of the link give
    /// themselves: no server is asked for them, but the hosts, all at once, by each IP version that
    /// the interface has an address of (RFC 6762 section 5.1), with the same pauses. Of
    /// [`AddrType::Either`] both kinds are asked for together then, and the first answer counts.
    ///
    /// Meanwhile it takes one of the stack's UDP slots, whose buffers should hold 512 bytes. The
    /// text of an address needs neither a slot nor a server: it is its own answer.
    ///
    /// ```
    /// # use sockstate::{AddrType, Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let address = net.lookup("192.168.69.2", AddrType::Either)?.wait()?;
    /// # assert_eq!(address, core::net::IpAddr::from([192, 168, 69, 2]));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`]. [`Error::NoNameServer`] if none is
    /// [set](Net::set_dns_servers). [`Error::AddressFamily`] for the text of an address of the
    /// other IP version, or for one that is not compiled in. [`Error::OutOfSlots`] if all UDP
    /// slots are taken. [`Error::NoAddress`], [`Error::NoRoute`], [`Error::LinkDown`] and
    /// [`Error::DatagramTooLarge`] if nobody can be asked. [`Error::Reentrant`].
    pub fn lookup<'n>(
        &self,
        host: &'n str,
        addr_type: AddrType,
    ) -> Result<Lookup<'_, 'n, S>, Error> {
        match literal(host, addr_type) {
            Some(known) => {
                Ok(Lookup { net: self, host, progress: Progress::Over(Ok(one(known?))) })
            }
            None => Ok(Lookup::asking(self.ask(host, Wanted::Addr(addr_type))?, host)),
        }
    }

    /// Begins to look up the name of the host that has an address (RFC 1035 section 3.5, RFC 3596
    /// section 2.5). Otherwise as [`lookup`](Net::lookup).
    ///
    /// ```
    /// use sockstate::{Error, HostName, Net};
    ///
    /// fn greet(net: &Net, client: core::net::SocketAddr) -> Result<HostName, Error> {
    ///     net.lookup_name(client.ip())?.wait()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`lookup`](Net::lookup).
    pub fn lookup_name(&self, addr: IpAddr) -> Result<NameLookup<'_, S>, Error> {
        Ok(NameLookup::asking(self.ask(&reverse_name(addr), Wanted::Name)?, addr))
    }

    fn ask(&self, name: &str, wanted: Wanted) -> Result<Handle<'_, S>, Error> {
        let slot = self.with_clock(|core| core.lookup_open(name, wanted))??;
        Ok(Handle::new(self, slot))
    }
}

/// Asks a look-up for the addresses of a host.
fn addrs_of(host: &str) -> impl FnMut(&mut Core, SlotId) -> nb::Result<HostAddrs, Error> {
    move |core, slot| match core.lookup_poll(slot, host, &mut [])? {
        Answer::Addrs(addrs) => Ok(addrs),
        Answer::Name(_) => Err(Error::NameNotFound.into()),
    }
}

/// Asks a look-up for the name of a host.
fn name_of(addr: IpAddr) -> impl FnMut(&mut Core, SlotId) -> nb::Result<HostName, Error> {
    let question = reverse_name(addr);
    move |core, slot| {
        let mut name = [0; 253];
        let Answer::Name(size) = core.lookup_poll(slot, &question, &mut name)? else {
            return Err(Error::NameNotFound.into());
        };
        let text = name.get(..size).and_then(|name| str::from_utf8(name).ok());
        let host = text.and_then(|text| HostName::try_from(text).ok());
        Ok(host.ok_or(Error::NameNotFound)?)
    }
}

/// A list of one address.
pub(crate) fn one(addr: IpAddr) -> HostAddrs {
    core::iter::once(addr).collect()
}

/// The address that a text is, if it is one.
pub(crate) fn literal(host: &str, addr_type: AddrType) -> Option<Result<IpAddr, Error>> {
    let bytes = host.as_bytes();
    // Most names are none at first sight: one of IPv4 ends with a digit, and in one of IPv6 the first
    // colon is behind four digits at most.
    let ends_with_digit = bytes.last().is_some_and(u8::is_ascii_digit);
    if !ends_with_digit && !bytes.iter().take(5).any(|byte| *byte == b':') {
        return None;
    }
    let addr: IpAddr = host.parse().ok()?;
    let is_wanted = match addr_type {
        AddrType::Ipv4 => addr.is_ipv4(),
        AddrType::Ipv6 => addr.is_ipv6(),
        AddrType::Either => true,
    };
    let is_known = ip_address(addr).is_ok();
    Some(if is_wanted && is_known { Ok(addr) } else { Err(Error::AddressFamily) })
}

/// A look-up of the address of a host; made by [`Net::lookup`].
///
/// It goes on as long as it is polled or waited for. Dropping it ends it and frees its slot.
///
/// ```
/// use sockstate::{AddrType, Error, Net, TcpSocket, state::Connected};
///
/// fn connect<'net>(
///     net: &'net Net,
///     host: &str,
///     port: u16,
/// ) -> Result<TcpSocket<'net, Connected>, Error> {
///     let addr = net.lookup(host, AddrType::Either)?.wait()?;
///     Ok(net.tcp()?.connect((addr, port).into())?.wait()?)
/// }
/// ```
pub struct Lookup<'net, 'n, S: Sharing = Local> {
    net: &'net Net<S>,
    host: &'n str,
    progress: Progress<'net, S, HostAddrs>,
}

impl<'net, 'n, S: Sharing> Lookup<'net, 'n, S> {
    pub(crate) fn asking(handle: Handle<'net, S>, host: &'n str) -> Self {
        Lookup { net: handle.net, host, progress: Progress::Asking(handle) }
    }

    /// Asks for the address: the first one of the answer. Once there is an answer, it stays.
    ///
    /// ```
    /// use core::net::IpAddr;
    /// use sockstate::{AddrType, Duration, Error, Net, nb};
    ///
    /// fn find_among_other_things(net: &Net) -> Result<IpAddr, Error> {
    ///     let mut lookup = net.lookup("broker.example", AddrType::Either)?;
    ///     loop {
    ///         match lookup.poll() {
    ///             Ok(addr) => return Ok(addr),
    ///             Err(nb::Error::Other(error)) => return Err(error),
    ///             Err(nb::Error::WouldBlock) => {} // time for the other things
    ///         }
    ///     }
    /// }
    ///
    /// fn find_soon(net: &Net) -> Result<IpAddr, Error> {
    ///     let mut lookup = net.lookup("broker.example", AddrType::Either)?;
    ///     net.block_for(Duration::from_secs(2), || lookup.poll())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// `WouldBlock` while there is no answer. [`Error::NameNotFound`], also for a name that has no
    /// address of this kind; [`Error::NameServerFailed`] if no server would answer;
    /// [`Error::TimedOut`] if none did; [`Error::NoNameServer`], [`Error::NoAddress`],
    /// [`Error::NoRoute`] and [`Error::LinkDown`] if no server can be asked any more;
    /// [`Error::Reentrant`].
    pub fn poll(&mut self) -> nb::Result<IpAddr, Error> {
        Ok(*self.poll_all()?.first().ok_or(Error::NameNotFound)?)
    }

    /// Asks for all addresses of the answer, [four](MOST_ADDRESSES) at most, in its order.
    /// Otherwise as [`poll`](Lookup::poll).
    ///
    /// # Errors
    ///
    /// Those of [`poll`](Lookup::poll).
    pub fn poll_all(&mut self) -> nb::Result<HostAddrs, Error> {
        self.progress.poll(addrs_of(self.host))
    }

    /// Has `waker` called, once, when it is worth [polling](Lookup::poll) again; at once if it is.
    /// For a thread that sleeps meanwhile, or an executor; somebody has to [run](Net::run) the
    /// stack, or poll it.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    #[cfg(feature = "async")]
    pub fn wake_on(&mut self, waker: &Waker) -> Result<(), Error> {
        self.progress.wake_on(waker)
    }

    /// Waits for the address, and does what [`Config::idle`](crate::Config::idle) says meanwhile.
    ///
    /// # Errors
    ///
    /// Those of [`poll`](Lookup::poll).
    pub fn wait(self) -> Result<IpAddr, Error> {
        let idle = self.net.idle_hook();
        self.wait_with(idle)
    }

    /// As [`wait`](Lookup::wait), with another way to pass the time.
    ///
    /// # Errors
    ///
    /// Those of [`poll`](Lookup::poll).
    pub fn wait_with(mut self, idle: impl FnMut(Option<Duration>)) -> Result<IpAddr, Error> {
        self.net.block_with(idle, || self.poll())
    }

    /// As [`wait`](Lookup::wait), for all addresses of the answer, [four](MOST_ADDRESSES) at most.
    ///
    /// ```
    /// # use sockstate::{AddrType, Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// for address in net.lookup("192.168.69.2", AddrType::Either)?.wait_all()? {
    ///     // the next one, if this one does not answer
    /// #   assert_eq!(address, core::net::IpAddr::from([192, 168, 69, 2]));
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`poll`](Lookup::poll).
    pub fn wait_all(mut self) -> Result<HostAddrs, Error> {
        let idle = self.net.idle_hook();
        self.net.block_with(idle, || self.poll_all())
    }
}

/// A look-up of the name of a host; made by [`Net::lookup_name`].
///
/// It goes on as long as it is polled or waited for. Dropping it ends it and frees its slot.
///
/// ```
/// use sockstate::{Error, Net};
///
/// fn is_our_gateway(net: &Net, addr: core::net::IpAddr) -> Result<bool, Error> {
///     let name = net.lookup_name(addr)?.wait()?;
///     Ok(name.ends_with(".gateways.example"))
/// }
/// ```
pub struct NameLookup<'net, S: Sharing = Local> {
    net: &'net Net<S>,
    addr: IpAddr,
    progress: Progress<'net, S, HostName>,
}

impl<'net, S: Sharing> NameLookup<'net, S> {
    pub(crate) fn asking(handle: Handle<'net, S>, addr: IpAddr) -> Self {
        NameLookup { net: handle.net, addr, progress: Progress::Asking(handle) }
    }

    /// Asks for the name. Once there is an answer, it stays.
    ///
    /// The name is the word of whoever the address belongs to, and may be anything that looks like
    /// a name.
    ///
    /// # Errors
    ///
    /// As [`Lookup::poll`].
    pub fn poll(&mut self) -> nb::Result<HostName, Error> {
        self.progress.poll(name_of(self.addr))
    }

    /// Has `waker` called, once, when it is worth [polling](NameLookup::poll) again; at once if it
    /// is. For a thread that sleeps meanwhile, or an executor; somebody has to [run](Net::run) the
    /// stack, or poll it.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    #[cfg(feature = "async")]
    pub fn wake_on(&mut self, waker: &Waker) -> Result<(), Error> {
        self.progress.wake_on(waker)
    }

    /// Waits for the name, and does what [`Config::idle`](crate::Config::idle) says meanwhile.
    ///
    /// # Errors
    ///
    /// Those of [`poll`](NameLookup::poll).
    pub fn wait(self) -> Result<HostName, Error> {
        let idle = self.net.idle_hook();
        self.wait_with(idle)
    }

    /// As [`wait`](NameLookup::wait), with another way to pass the time.
    ///
    /// # Errors
    ///
    /// Those of [`poll`](NameLookup::poll).
    pub fn wait_with(mut self, idle: impl FnMut(Option<Duration>)) -> Result<HostName, Error> {
        self.net.block_with(idle, || self.poll())
    }
}

#[cfg(feature = "async")]
impl<S: Sharing> Lookup<'_, '_, S> {
    /// Waits for all addresses of the answer, [four](MOST_ADDRESSES) at most:
    /// [`poll_all`](Lookup::poll_all) in a task. It may be dropped, and the look-up goes on. For
    /// the first address alone, await the look-up itself.
    ///
    /// ```
    /// use sockstate::{AddrType, Error, HostAddrs, Net};
    ///
    /// async fn find(net: &Net, host: &str) -> Result<HostAddrs, Error> {
    ///     net.lookup(host, AddrType::Either)?.poll_all_async().await
    /// }
    /// # let lab = sockstate::testing::Lab::new(1);
    /// # assert_eq!(lab.block_on(find(&lab.near, "192.168.69.2"))?.len(), 1);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`poll`](Lookup::poll) but for `WouldBlock`.
    pub async fn poll_all_async(&mut self) -> Result<HostAddrs, Error> {
        poll_fn(|cx| self.progress.poll_in(cx, addrs_of(self.host))).await
    }
}

#[cfg(feature = "async")]
impl<S: Sharing> Awaited for Lookup<'_, '_, S> {
    type Output = Result<IpAddr, Error>;
    type Reached = Result<HostAddrs, Error>;

    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Self::Reached> {
        self.progress.poll_in(cx, addrs_of(self.host))
    }

    fn into_output(self, reached: Self::Reached) -> Self::Output {
        reached?.first().copied().ok_or(Error::NameNotFound)
    }
}

/// [`wait`](Lookup::wait) in a task. Dropping the future ends the look-up.
///
/// ```
/// use core::net::IpAddr;
/// use sockstate::{AddrType, Error, Net};
///
/// async fn find(net: &Net, host: &str) -> Result<IpAddr, Error> {
///     net.lookup(host, AddrType::Either)?.await
/// }
/// # let lab = sockstate::testing::Lab::new(1);
/// # lab.block_on(find(&lab.near, "192.168.69.2"))?;
/// # Ok::<(), Error>(())
/// ```
#[cfg(feature = "async")]
impl<S: Sharing> IntoFuture for Lookup<'_, '_, S> {
    type Output = Result<IpAddr, Error>;
    type IntoFuture = Wait<Self>;

    fn into_future(self) -> Wait<Self> {
        Wait::new(self)
    }
}

#[cfg(feature = "async")]
impl<S: Sharing> Awaited for NameLookup<'_, S> {
    type Output = Result<HostName, Error>;
    type Reached = Result<HostName, Error>;

    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Self::Reached> {
        self.progress.poll_in(cx, name_of(self.addr))
    }

    fn into_output(self, reached: Self::Reached) -> Self::Output {
        reached
    }
}

/// [`wait`](NameLookup::wait) in a task. Dropping the future ends the look-up.
#[cfg(feature = "async")]
impl<S: Sharing> IntoFuture for NameLookup<'_, S> {
    type Output = Result<HostName, Error>;
    type IntoFuture = Wait<Self>;

    fn into_future(self) -> Wait<Self> {
        Wait::new(self)
    }
}

/// One that is over already is ready, and says so to none but [`poll`](Lookup::poll).
#[cfg(feature = "watch")]
impl<'net, S: Sharing> crate::Watchable<'net, S> for Lookup<'net, '_, S> {
    fn handle(&self) -> Option<&Handle<'net, S>> {
        self.progress.handle()
    }
}

#[cfg(feature = "watch")]
impl<'net, S: Sharing> crate::Watchable<'net, S> for NameLookup<'net, S> {
    fn handle(&self) -> Option<&Handle<'net, S>> {
        self.progress.handle()
    }
}

impl<S: Sharing> fmt::Debug for Lookup<'_, '_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lookup").field(&self.host).finish()
    }
}

impl<S: Sharing> fmt::Debug for NameLookup<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NameLookup").field(&self.addr).finish()
    }
}

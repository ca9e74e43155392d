//! The handle of the DHCP client.

use core::fmt;
#[cfg(feature = "async")]
use core::future::poll_fn;
#[cfg(feature = "async")]
use core::task::{Poll, Waker};

use smoltcp::time::Duration;

use crate::Error;
#[cfg(feature = "async")]
use crate::socket::pending;
use crate::stack::dhcp::{DhcpConfig, Lease};
use crate::stack::{Local, Net, Sharing};

impl<S: Sharing> Net<S> {
    /// Has a DHCP server give the interface an IPv4 address, a router and name servers (RFC 2131),
    /// or watches this if it is so already.
    ///
    /// It begins with the next poll, needs no slot, and goes on until [`Dhcp::stop`], also
    /// when nobody holds the handle: the stack renews the lease, and follows what the server says.
    ///
    /// - The leased address stands beside those that were added by hand. If it changes or is lost,
    ///   sockets that use it end with [`Error::AddressLost`].
    /// - A router set by [`set_gateway`](Net::set_gateway), and name servers set by
    ///   `set_dns_servers`, stay in force instead of those of the lease. With name servers,
    ///   setting none gives way to those of the lease; the router of the lease is set only when the
    ///   lease changes.
    /// - When the link comes back, a server is looked for anew. The lease stays meanwhile, until a
    ///   server grants another or it ends.
    ///
    /// UDP sockets cannot be bound to port 68 meanwhile. Whether another host has the address is
    /// not tried, and the server is not told when DHCP is stopped: the lease then ends by itself.
    ///
    /// ```
    /// use sockstate::{Duration, Error, Net};
    ///
    /// fn join(net: &Net) -> Result<(), Error> {
    ///     let mut dhcp = net.dhcp()?;
    ///     let lease = net.block_for(Duration::from_secs(30), || dhcp.poll())?;
    ///     // The handle may go now; the lease is renewed all the same.
    ///     Ok(())
    /// }
    /// # let lab = sockstate::testing::Lab::new(1);
    /// # lab.near.remove_address([192, 168, 69, 1].into())?;
    /// # assert_eq!(join(&lab.near), Err(Error::TimedOut)); // nobody serves
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::HardwareAddress`] on a medium other than Ethernet. [`Error::OutOfAddresses`] if
    /// the interface has no room for another address. [`Error::AddressInUse`] if a UDP socket is
    /// bound to port 68. [`Error::DatagramTooLarge`] if frames are too short for DHCP.
    /// [`Error::Reentrant`].
    pub fn dhcp(&self) -> Result<Dhcp<'_, S>, Error> {
        let seen = self.with_clock(|core| core.dhcp_watch())??;
        Ok(Dhcp { net: self, seen })
    }

    /// As [`dhcp`](Net::dhcp), with options of one's own.
    ///
    /// # Errors
    ///
    /// As [`dhcp`](Net::dhcp); [`Error::AddressInUse`] also if DHCP runs already, and
    /// [`Error::DatagramTooLarge`] if the options are too long.
    pub fn dhcp_with(&self, config: DhcpConfig) -> Result<Dhcp<'_, S>, Error> {
        let seen = self.with_clock(|core| core.dhcp_start(config))??;
        Ok(Dhcp { net: self, seen })
    }
}

/// A view of the DHCP client of a stack; made by [`Net::dhcp`].
///
/// There may be several, each of which is told of every change. Dropping one changes nothing. It is
/// no socket, and a `Watch` does not watch it: poll it beside that. What a lease does to sockets is
/// told by them.
///
/// ```
/// use sockstate::{Dhcp, Error, nb};
///
/// fn follow(dhcp: &mut Dhcp<'_>) -> Result<(), Error> {
///     match dhcp.poll() {
///         Ok(Some(lease)) => { /* there is a lease: lease.address, lease.router */ }
///         Ok(None) => { /* there is none any more */ }
///         Err(nb::Error::WouldBlock) => { /* as before */ }
///         Err(nb::Error::Other(error)) => return Err(error),
///     }
///     Ok(())
/// }
/// ```
pub struct Dhcp<'net, S: Sharing = Local> {
    net: &'net Net<S>,
    /// The number of changes when it was last asked.
    seen: u32,
}

impl<'net, S: Sharing> Dhcp<'net, S> {
    /// What the lease is now, once for each time that it has changed: taken, lost, or with
    /// another address, router, name server or server. Of several changes since the last call,
    /// only the last counts; a lease that was lost and taken again is told as a lease.
    ///
    /// A new handle is told of a lease that there is already.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfAddresses`] if a lease was granted for which the interface has no room any
    /// more; it is asked for again later. [`Error::OutOfRoutes`] if there is no room for its
    /// router. Each is told once. [`Error::WrongState`] after DHCP was stopped.
    /// [`Error::Reentrant`].
    pub fn poll(&mut self) -> nb::Result<Option<Lease>, Error> {
        let seen = self.seen;
        let (changes, lease) = self.net.try_twice_on_time(|core| match core.dhcp_state()? {
            (changes, _) if changes == seen => Err(nb::Error::WouldBlock),
            (changes, lease) => Ok((changes, lease.cloned())),
        })?;
        self.seen = changes;
        Ok(lease)
    }

    /// Has `waker` called, once, when [`poll`](Dhcp::poll) has something to tell; at once if it has.
    /// For a thread that sleeps meanwhile, or an executor; somebody has to [run](Net::run) the
    /// stack, or poll it. A stack keeps one such waker: of several handles, the last one's.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    #[cfg(feature = "async")]
    pub fn wake_on(&mut self, waker: &Waker) -> Result<(), Error> {
        self.net.with_core(|core| core.dhcp_wake_on(self.seen, waker))
    }

    /// Waits until there is a lease, with no time limit: a server may appear any time.
    /// [`Net::block_for`] on [`poll`](Dhcp::poll) has one.
    ///
    /// # Errors
    ///
    /// As [`poll`](Dhcp::poll).
    pub fn wait(&mut self) -> Result<Lease, Error> {
        self.wait_with(self.net.idle_hook())
    }

    /// As [`wait`](Dhcp::wait), with another way to pass the time.
    ///
    /// # Errors
    ///
    /// As [`poll`](Dhcp::poll).
    pub fn wait_with(&mut self, idle: impl FnMut(Option<Duration>)) -> Result<Lease, Error> {
        self.net.block_with(idle, || match self.poll() {
            // What was told before counts as well.
            Err(nb::Error::WouldBlock) => self.lease()?.ok_or(nb::Error::WouldBlock),
            told => told?.ok_or(nb::Error::WouldBlock),
        })
    }

    /// Waits until the lease has changed, and says what it is now: [`poll`](Dhcp::poll) in a task.
    /// One task waits at a time: of several handles, the last one's is woken.
    ///
    /// # Errors
    ///
    /// Those of [`poll`](Dhcp::poll) but for `WouldBlock`.
    #[cfg(feature = "async")]
    pub async fn poll_async(&mut self) -> Result<Option<Lease>, Error> {
        poll_fn(|cx| match self.poll() {
            Err(nb::Error::WouldBlock) => match self.wake_on(cx.waker()) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
            told => pending(told),
        })
        .await
    }

    /// Waits until there is a lease: [`wait`](Dhcp::wait) in a task. One task waits at a time, as
    /// with [`poll_async`](Dhcp::poll_async).
    ///
    /// ```
    /// use sockstate::{Error, Net};
    ///
    /// async fn set_up(net: &Net) -> Result<(), Error> {
    ///     let lease = net.dhcp()?.wait_async().await?;
    ///     println!("{}", lease.address);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`poll`](Dhcp::poll).
    #[cfg(feature = "async")]
    pub async fn wait_async(&mut self) -> Result<Lease, Error> {
        // What was told before counts as well.
        let mut told = self.lease()?;
        loop {
            match told {
                Some(lease) => return Ok(lease),
                None => told = self.poll_async().await?,
            }
        }
    }

    /// The lease, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn lease(&self) -> Result<Option<Lease>, Error> {
        self.net.with_clock(|core| core.dhcp_lease().cloned())
    }

    /// Ends DHCP: the leased address, router and name servers are taken away, and sockets that use
    /// the address end with [`Error::AddressLost`].
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn stop(self) -> Result<(), Error> {
        self.net.with_clock(|core| core.dhcp_stop())
    }

    /// The stack.
    pub fn net(&self) -> &'net Net<S> {
        self.net
    }
}

impl<S: Sharing> fmt::Debug for Dhcp<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dhcp").finish_non_exhaustive()
    }
}

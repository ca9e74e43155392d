//! Waiting for many sockets at once.

use core::fmt;
#[cfg(feature = "async")]
use core::future::poll_fn;
#[cfg(feature = "async")]
use core::task::{Poll, Waker};

use super::Handle;
#[cfg(feature = "async")]
use super::pending;
use crate::Error;
use crate::stack::ready::{Ready, WatchId};
use crate::stack::{Local, Net, Sharing};

/// A set of sockets, in any state and of any protocol, that says which of them are ready.
///
/// Each socket is put in under a key, a number of the caller's: its place in an array, say. From
/// then on [`event`](Watch::event) tells which are ready to receive, to send, to accept, or are
/// over. It looks only at sockets to which something happened, so that its cost does not grow with
/// the number of those that are idle, and it allocates nothing.
///
/// The end of a peer's stream is something to receive: it is told as [`Ready::RECEIVE`], and only when
/// nothing goes either way any more as [`Ready::ENDED`].
///
/// A socket is told of as long as it is ready (*level-triggered*): what is left over from one event
/// comes up with the next. So a socket is to be watched for [`Ready::SEND`] only while there is
/// something to send. The order is fair: it has its turn again after all the others.
///
/// A socket stays in the set through its states, until it is [removed](Watch::remove), closed or
/// dropped; nothing is told of it after that. A connection that a watched listener accepts is not
/// in the set of its own. A socket is in one set at a time. There are four sets to a stack.
///
/// # Example
///
/// An echo server for as many connections as its array has places, asleep until one is ready:
///
/// ```
/// use sockstate::{AnyTcpSocket, Error, Net, Ready, nb};
///
/// const LISTENER: u16 = u16::MAX;
///
/// fn serve(net: &Net) -> Result<(), Error> {
///     let mut listener = net.tcp()?.bind(7)?.listen(2)?;
///     let mut clients: [AnyTcpSocket; 4] = Default::default();
///     let mut watch = net.watch()?;
///     watch.add(&listener, LISTENER, Ready::ACCEPT)?;
///     loop {
///         let event = net.block(|| watch.event())?;
///         if event.key == LISTENER {
///             let Ok((client, _)) = listener.accept() else { continue };
///             let idle = |client: &AnyTcpSocket| matches!(client, AnyTcpSocket::Idle);
///             if let Some(place) = clients.iter().position(idle) {
///                 watch.add(&client, place as u16, Ready::RECEIVE)?;
///                 clients[place] = client.into();
///             }
///             continue;
///         }
///         let AnyTcpSocket::Connected(client) = &mut clients[usize::from(event.key)] else {
///             continue;
///         };
///         let mut buffer = [0; 64];
///         match client.receive(&mut buffer) {
///             Ok(n) => client.send_all(&buffer[..n])?,
///             Err(nb::Error::WouldBlock) => {}
///             Err(nb::Error::Other(_)) => drop(clients[usize::from(event.key)].take()),
///         }
///     }
/// }
/// ```
pub struct Watch<'net, S: Sharing = Local> {
    net: &'net Net<S>,
    id: WatchId,
    /// How many sockets of the list have not been looked at since the stack was polled.
    left: u16,
}

/// A socket is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The key under which the socket was put into the set.
    pub key: u16,
    /// What it is ready for, of what it is watched for; or that it is over. While the host of a
    /// socket is looked up, [`Ready::RECEIVE`] whatever it is watched for: it is to be polled.
    pub ready: Ready,
}

impl<S: Sharing> Net<S> {
    /// A set of sockets to wait for, empty at first.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfWatches`] if there are four. [`Error::Reentrant`].
    pub fn watch(&self) -> Result<Watch<'_, S>, Error> {
        let id = self.with_core(|core| core.watch_open())??;
        Ok(Watch { net: self, id, left: 0 })
    }
}

impl<'net, S: Sharing> Watch<'net, S> {
    /// Puts a socket into the set, under a key, to be told when it is ready for something of
    /// `interest`, or over. One that is in the set gets another key, another interest; one that
    /// was in another set leaves that.
    ///
    /// The halves of a connection share one place and one key: the reader's interest is in
    /// [`Ready::RECEIVE`], the writer's in [`Ready::SEND`] and [`Ready::FLUSHED`].
    ///
    /// # Errors
    ///
    /// [`Error::OtherStack`] for a socket of another stack. [`Error::AlreadyWatched`] for one half
    /// of a connection whose other half is in another set, or has another key.
    /// [`Error::Reentrant`].
    pub fn add(
        &mut self,
        socket: &impl Watchable<'net, S>,
        key: u16,
        interest: Ready,
    ) -> Result<(), Error> {
        if let Some(handle) = socket.handle() {
            if !core::ptr::addr_eq(handle.net, self.net) {
                return Err(Error::OtherStack);
            }
            let part = handle.ready_part();
            self.net.with_core(|core| {
                for (slot, interest) in handle.waits_for(interest) {
                    core.watch_add(slot, self.id, key, interest, part)?;
                }
                Ok::<(), Error>(())
            })??;
        }
        Ok(())
    }

    /// Takes a socket out of the set. Nothing happens to one that is not in it.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub fn remove(&mut self, socket: &impl Watchable<'net, S>) -> Result<(), Error> {
        match socket.handle().filter(|handle| core::ptr::addr_eq(handle.net, self.net)) {
            Some(handle) => self.net.with_core(|core| {
                for (slot, _) in handle.waits_for(Ready::NONE) {
                    core.watch_remove(slot, self.id, handle.ready_part());
                }
            }),
            None => Ok(()),
        }
    }

    /// Takes the next socket that is ready. Polls the stack whenever all that were ready have had
    /// their turn.
    ///
    /// ```
    /// # use sockstate::{Duration, Error, Ready, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// # let mut peer = lab.far.udp()?.connect("192.168.69.1:7".parse().unwrap())?;
    /// let mut one = net.udp()?.bind(7)?;
    /// let other = net.udp()?.bind(8)?;
    /// let mut watch = net.watch()?;
    /// watch.add(&one, 1, Ready::RECEIVE)?;
    /// watch.add(&other, 2, Ready::RECEIVE)?;
    /// # peer.send(b"hello").unwrap();
    /// # lab.run_for(Duration::from_millis(10));
    /// let event = net.block_for(Duration::from_secs(5), || watch.event())?;
    /// assert_eq!((event.key, event.ready), (1, Ready::RECEIVE));
    /// # one.receive_from(&mut [0; 8]).unwrap();
    /// # assert_eq!(watch.event(), Err(sockstate::nb::Error::WouldBlock));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `WouldBlock` if none is ready. [`Error::Reentrant`].
    pub fn event(&mut self) -> nb::Result<Event, Error> {
        loop {
            let polled = self.left == 0;
            if polled {
                self.net.poll()?;
                self.left = self.net.with_core(|core| core.watch_len(self.id))?;
            }
            while self.left > 0 {
                self.left -= 1;
                if let Some((key, ready)) = self.net.with_core(|core| core.watch_next(self.id))? {
                    return Ok(Event { key, ready });
                }
            }
            if polled {
                return Err(nb::Error::WouldBlock);
            }
        }
    }

    /// Takes the next socket that is ready: [`event`](Watch::event) in a task. It may be dropped, and
    /// nothing is missed.
    ///
    /// ```
    /// # use sockstate::{Duration, Error, Ready, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// # let mut peer = lab.far.udp()?.connect("192.168.69.1:7".parse().unwrap())?;
    /// let one = net.udp()?.bind(7)?;
    /// let mut watch = net.watch()?;
    /// watch.add(&one, 1, Ready::RECEIVE)?;
    /// # peer.send(b"hello").unwrap();
    /// # lab.block_on(async {
    /// let event = watch.event_async().await?;
    /// # assert_eq!((event.key, event.ready), (1, Ready::RECEIVE));
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    #[cfg(feature = "async")]
    pub async fn event_async(&mut self) -> Result<Event, Error> {
        poll_fn(|cx| match self.event() {
            Err(nb::Error::WouldBlock) => match self.wake_on(cx.waker()) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
            event => pending(event),
        })
        .await
    }

    /// Has `waker` called, once, when a socket of the set becomes ready; at once if one is. For a
    /// thread that sleeps meanwhile, or an executor.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    #[cfg(feature = "async")]
    pub fn wake_on(&mut self, waker: &Waker) -> Result<(), Error> {
        self.net.with_core(|core| core.watch_wake_on(self.id, waker))
    }
}

impl<S: Sharing> Drop for Watch<'_, S> {
    fn drop(&mut self) {
        self.net.end_watch(self.id);
    }
}

impl<S: Sharing> fmt::Debug for Watch<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.id).finish()
    }
}

/// What a [`Watch`] can watch: sockets in any state, their halves, and look-ups.
#[diagnostic::on_unimplemented(
    message = "a `Watch` cannot watch a `{Self}`",
    note = "it watches sockets, their halves and look-ups: `watch.add(&socket, key, Ready::RECEIVE)?`; poll anything else beside `event()`"
)]
pub trait Watchable<'net, S: Sharing> {
    #[doc(hidden)]
    fn handle(&self) -> Option<&Handle<'net, S>>;
}

impl<'net, S: Sharing, T: Watchable<'net, S>> Watchable<'net, S> for &T {
    fn handle(&self) -> Option<&Handle<'net, S>> {
        (**self).handle()
    }
}

impl<'net, S: Sharing, T: Watchable<'net, S>> Watchable<'net, S> for &mut T {
    fn handle(&self) -> Option<&Handle<'net, S>> {
        (**self).handle()
    }
}

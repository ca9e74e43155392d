//! The device and the clock: the only code that is compiled anew for every device.

use smoltcp::iface::{Interface, PollResult, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant;

use super::core::{Core, Sending};
#[cfg(feature = "tcp")]
use super::router::Said;
use super::statistics::{Counted, Traffic};

/// What tells the time.
///
/// The time starts anywhere from zero on (before that smoltcp finds no neighbour), never goes back,
/// and is read once in every poll, and by calls that begin, end or (in tasks) send something. Any
/// `FnMut() -> Instant` will do; with the feature `std`, so will `device::StdClock`.
///
/// ```
/// use sockstate::{Clock, Instant};
///
/// fn milliseconds_since_boot() -> i64 {
///     // a SysTick counter, say
/// #   7
/// }
///
/// let mut clock = || Instant::from_millis(milliseconds_since_boot());
/// assert_eq!(clock.now(), Instant::from_millis(7));
/// ```
pub trait Clock {
    /// The time now.
    fn now(&mut self) -> Instant;
}

impl<F: FnMut() -> Instant> Clock for F {
    fn now(&mut self) -> Instant {
        self()
    }
}

/// The device and the clock, without their types.
pub trait Drive {
    /// The time now.
    #[doc(hidden)]
    fn now(&mut self) -> Instant;
    /// Takes one frame in. False if there was none.
    #[doc(hidden)]
    fn ingress(&mut self, core: &mut Core) -> bool;
    /// Lets one slot send one frame, and says what became of it. `None` if no slot has one.
    #[doc(hidden)]
    fn egress(&mut self, core: &mut Core) -> Option<Sending>;
    /// What has gone through the device.
    #[doc(hidden)]
    fn traffic(&self) -> Traffic;
}

/// The device and the clock of a stack.
#[derive(Debug)]
pub struct Port<D, C> {
    pub(crate) device: D,
    pub(crate) clock: C,
    pub(crate) traffic: Traffic,
}

impl<D: Device, C: Clock> Drive for Port<D, C> {
    fn now(&mut self) -> Instant {
        self.clock.now()
    }

    fn ingress(&mut self, core: &mut Core) -> bool {
        let Some((rx, tx)) = self.device.receive(core.now) else { return false };
        let meta = rx.meta();
        rx.consume(|frame| {
            if !core.link_up {
                return;
            }
            self.traffic.received(frame.len());
            let tx = Counted { token: tx, traffic: &mut self.traffic, look: None };
            core.deliver(frame, |iface, set, now| {
                iface.poll_ingress_single(
                    now,
                    &mut OneFrame { frame: Some((frame, meta, tx)) },
                    set,
                );
            });
        });
        true
    }

    fn egress(&mut self, core: &mut Core) -> Option<Sending> {
        #[cfg(feature = "slaac")]
        if core.solicits() {
            return Some(self.solicit(core));
        }
        core.send_one(|iface, set, now, look| {
            let mut device = Watched {
                device: &mut self.device,
                traffic: &mut self.traffic,
                look,
                sending: Sending::Nothing,
            };
            match iface.poll_egress(now, &mut device, set) {
                PollResult::SocketStateChanged => Sending::Sent,
                PollResult::None => device.sending,
            }
        })
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }
}

#[cfg(feature = "slaac")]
impl<D: Device, C> Port<D, C> {
    /// Asks for routers.
    fn solicit(&mut self, core: &mut Core) -> Sending {
        let Some(token) = self.device.transmit(core.now) else {
            self.traffic.refused();
            return Sending::Refused;
        };
        let frame = core.solicitation();
        let token = Counted { token, traffic: &mut self.traffic, look: None };
        token.consume(frame.len(), |buffer| buffer.copy_from_slice(&frame));
        Sending::Sent
    }
}

/// A device with one frame in it, and the way out of the real device.
///
/// smoltcp asks a device for its frame; the router has it already, because it had to look at it
/// to know which socket to show.
struct OneFrame<'f, T> {
    frame: Option<(&'f [u8], PacketMeta, T)>,
}

impl<'f, T: TxToken> Device for OneFrame<'f, T> {
    type RxToken<'a>
        = Frame<'f>
    where
        Self: 'a;
    type TxToken<'a>
        = T
    where
        Self: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(Frame<'f>, T)> {
        let (frame, meta, tx) = self.frame.take()?;
        Some((Frame { frame, meta }, tx))
    }

    fn transmit(&mut self, _now: Instant) -> Option<T> {
        None
    }

    fn capabilities(&self) -> DeviceCapabilities {
        DeviceCapabilities::default()
    }
}

struct Frame<'f> {
    frame: &'f [u8],
    meta: PacketMeta,
}

impl RxToken for Frame<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }

    fn meta(&self) -> PacketMeta {
        self.meta
    }
}

/// The real device, noting what became of the wish to send.
///
/// smoltcp says that nothing was sent when there was nothing to send, when the device had no
/// room, and when the frame went into finding the neighbour instead: three cases with three
/// different sequels.
struct Watched<'d, D> {
    device: &'d mut D,
    traffic: &'d mut Traffic,
    look: &'d mut Look,
    sending: Sending,
}

/// A look at what one slot sends.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// How the frame is to be read, if that is wanted.
    pub(crate) medium: Option<Medium>,
    #[cfg(feature = "tcp")]
    pub(crate) said: Option<Said>,
    /// How long the frame was.
    pub(crate) len: usize,
    /// It may be a report of multicast groups, which is put right.
    #[cfg(all(feature = "multicast", feature = "proto-ipv6"))]
    pub(crate) mends: bool,
}

impl<D: Device> Device for Watched<'_, D> {
    type RxToken<'a>
        = D::RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Counted<'a, D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(D::RxToken<'_>, Self::TxToken<'_>)> {
        // It is asked for its frames before it is one of these.
        None
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let Some(token) = self.device.transmit(now) else {
            self.sending = Sending::Refused;
            self.traffic.refused();
            return None;
        };
        self.sending = Sending::Stalled;
        Some(Counted { token, traffic: self.traffic, look: Some(self.look) })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// Work on the interface and one set of sockets.
pub(crate) trait Work<R>:
    FnOnce(&mut Interface, &mut SocketSet<'static>, Instant) -> R
{
}
impl<R, F: FnOnce(&mut Interface, &mut SocketSet<'static>, Instant) -> R> Work<R> for F {}

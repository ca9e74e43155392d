//! What a stack counts.

use smoltcp::phy::TxToken;

use super::port::Look;

/// What has gone through a stack since it was made.
///
/// Frames are those of the device, and bytes all that the device was given of them, headers and
/// all. All counters wrap: what happened meanwhile is the difference of two readings, by
/// `wrapping_sub`.
///
/// How often TCP sent something twice is not among them, and neither are datagrams for which a
/// socket had no room: smoltcp does not tell.
///
/// ```
/// # use sockstate::{Error, testing::Lab};
/// # let lab = Lab::new(1);
/// # let net = lab.near.net();
/// let before = net.statistics()?;
/// # let _connection = lab.connection()?;
/// let after = net.statistics()?;
/// assert!(after.bytes_sent.wrapping_sub(before.bytes_sent) > 0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Statistics {
    /// Frames that the device had for the stack.
    pub frames_received: u32,
    /// Their bytes.
    pub bytes_received: u64,
    /// Frames that the device took.
    pub frames_sent: u32,
    /// Their bytes.
    pub bytes_sent: u64,
    /// How often the device had no room for a frame. It is asked again, so that one frame may
    /// count more than once.
    pub device_full: u32,
    /// Frames received that were for no socket: address resolution, ICMP, packets for other hosts or
    /// for ports that nobody has, and what could not be read.
    pub frames_for_nobody: u32,
    /// Frames received that were dropped unread, each of which its sender sends again: connection
    /// requests for a listener whose backlog is full (see [`Overflow`](crate::Overflow)), and one
    /// that crossed a request of this host that was not sent yet.
    pub frames_dropped: u32,
    /// ICMP errors received of which a socket was told: a connection attempt ended, a connected UDP
    /// socket or an ICMP socket has an [`Error`](crate::Error), or a look-up asks the next server.
    pub icmp_errors_taken: u32,
    /// ICMP errors received that were ignored: about an open connection, which goes on as if they
    /// had not come, or about packets that this host did not send, or damaged.
    pub icmp_errors_ignored: u32,
}

/// What the device is asked to count, as nobody else sees every frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    frames_received: u32,
    bytes_received: u64,
    frames_sent: u32,
    bytes_sent: u64,
    device_full: u32,
}

impl Traffic {
    pub(crate) fn received(&mut self, len: usize) {
        self.frames_received = self.frames_received.wrapping_add(1);
        self.bytes_received = self.bytes_received.wrapping_add(len as u64);
    }

    fn sent(&mut self, len: usize) {
        self.frames_sent = self.frames_sent.wrapping_add(1);
        self.bytes_sent = self.bytes_sent.wrapping_add(len as u64);
    }

    pub(crate) fn refused(&mut self) {
        self.device_full = self.device_full.wrapping_add(1);
    }
}

/// What the router counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) for_nobody: u32,
    pub(crate) dropped: u32,
    pub(crate) errors_taken: u32,
    pub(crate) errors_ignored: u32,
}

impl Statistics {
    pub(crate) const fn new(traffic: Traffic, counters: Counters) -> Self {
        Statistics {
            frames_received: traffic.frames_received,
            bytes_received: traffic.bytes_received,
            frames_sent: traffic.frames_sent,
            bytes_sent: traffic.bytes_sent,
            device_full: traffic.device_full,
            frames_for_nobody: counters.for_nobody,
            frames_dropped: counters.dropped,
            icmp_errors_taken: counters.errors_taken,
            icmp_errors_ignored: counters.errors_ignored,
        }
    }
}

/// The way out of the device, which counts what goes that way.
pub(crate) struct Counted<'t, T> {
    pub(crate) token: T,
    pub(crate) traffic: &'t mut Traffic,
    pub(crate) look: Option<&'t mut Look>,
}

impl<T: TxToken> TxToken for Counted<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.traffic.sent(len);
        #[allow(unused_mut, unused_variables)]
        let mut look = self.look;
        if let Some(look) = &mut look {
            look.len = len;
        }
        self.token.consume(len, |frame| {
            let result = f(frame);
            #[cfg(feature = "tcp")]
            if let Some(look) = &mut look
                && let Some(medium) = look.medium
            {
                look.said = super::router::said(medium, frame);
            }
            #[cfg(all(feature = "multicast", feature = "proto-ipv6"))]
            if let Some(look) = look
                && look.mends
            {
                super::groups::mend_report(look.medium, frame);
            }
            result
        })
    }

    fn set_meta(&mut self, meta: smoltcp::phy::PacketMeta) {
        self.token.set_meta(meta);
    }
}

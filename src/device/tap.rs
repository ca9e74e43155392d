//! Linux TAP interfaces.

#[cfg(feature = "async")]
use core::task::Waker;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
#[cfg(feature = "async")]
use std::task::Wake;
use std::vec;
use std::vec::Vec;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::{Duration, Instant};
use tun_rs::{DeviceBuilder, InterruptEvent, Layer, SyncDevice};

/// Bytes of an Ethernet header.
const HEADER: usize = 14;

/// A Linux TAP interface: the kernel at its other end is a neighbour of the stack.
///
/// Opens the interface of that name, or creates it, which needs `CAP_NET_ADMIN`. It is left down
/// or up as it was: `ip link set NAME up` is the kernel's side of the cable. While it is down,
/// frames to it are lost, as on a cable that is out.
///
/// ```no_run
/// use sockstate::{Config, Heap, Stack, device::{self, StdClock, Tap}};
///
/// let mut config = Config::ethernet([0x02, 0, 0, 0, 0, 1], 0x1234_5678_9abc_def0);
/// config.idle = device::sleep;
/// let stack = Stack::new(Heap::default(), Tap::open("tap0")?, StdClock::new(), config)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Tap {
    device: Arc<SyncDevice>,
    mtu: usize,
    rx: Vec<u8>,
    tx: Vec<u8>,
}

impl Tap {
    /// Opens the interface, or creates it.
    ///
    /// # Errors
    ///
    /// Those of the operating system: no permission, a name too long, an interface of another
    /// kind or in use.
    pub fn open(name: &str) -> io::Result<Self> {
        let device =
            DeviceBuilder::new().name(name).layer(Layer::L2).inherit_enable_state().build_sync()?;
        device.set_nonblocking(true)?;
        let mtu = usize::from(device.mtu()?) + HEADER;
        Ok(Tap { device: Arc::new(device), mtu, rx: vec![0; mtu], tx: vec![0; mtu] })
    }

    /// What lets a thread sleep until a frame arrives: to be taken before the stack takes the
    /// device.
    ///
    /// ```no_run
    /// use sockstate::{Config, Error, Heap, Stack, device::{StdClock, Tap}};
    ///
    /// let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], 0x1234_5678_9abc_def0);
    /// let tap = Tap::open("tap0")?;
    /// let doze = tap.doze()?;
    /// let stack = Stack::new(Heap::default(), tap, StdClock::new(), config)?;
    /// let mut socket = stack.udp()?.bind(7)?;
    /// let mut buffer = [0; 1472];
    /// let received = stack.block_with(|delay| doze.sleep(delay), || socket.receive_from(&mut buffer));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the operating system: out of descriptors.
    pub fn doze(&self) -> io::Result<Doze> {
        let device = Arc::clone(&self.device);
        Ok(Doze(Arc::new(Sleeper { device, event: InterruptEvent::new()? })))
    }
}

/// Sleeps until a frame arrives at a [`Tap`]; made by [`Tap::doze`].
#[derive(Clone)]
pub struct Doze(Arc<Sleeper>);

struct Sleeper {
    device: Arc<SyncDevice>,
    event: InterruptEvent,
}

impl Doze {
    /// Sleeps until a frame is there, the time is over (`None` for never), or the
    /// waker is called (`Doze::waker`); it may have been called before.
    ///
    /// It is for one thread: for the one that runs the stack (`Net::run`), if there is one. Another
    /// that slept in this way would not notice that the frame it waits for was taken in meanwhile;
    /// the others sleep in `device::park_until`.
    pub fn sleep(&self, limit: Option<Duration>) {
        let ended = self.0.device.wait_readable_intr_timeout(&self.0.event, limit.map(Into::into));
        // What ended it does not matter, as whoever slept looks for itself; unless nothing will,
        // because the interface is gone.
        if ended.is_err_and(|error| {
            !matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::TimedOut)
        }) {
            super::sleep(limit);
        }
        let _ = self.0.event.reset();
    }

    /// What ends the sleep, from any thread: for [`Net::run`](crate::Net::run).
    #[cfg(feature = "async")]
    pub fn waker(&self) -> Waker {
        Arc::clone(&self.0).into()
    }
}

#[cfg(feature = "async")]
impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        // It fails if it is set already.
        let _ = self.event.trigger();
    }
}

impl core::fmt::Debug for Doze {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Doze").finish_non_exhaustive()
    }
}

/// For an executor that waits for file descriptors: it is readable when a frame has arrived.
/// A duplicate (`try_clone_to_owned`) stays with the executor when the interface goes to the stack.
impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

impl core::fmt::Debug for Tap {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tap").field("mtu", &self.mtu).finish_non_exhaustive()
    }
}

impl phy::Device for Tap {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        // Any error means that there is no frame now: none has come, or the interface is down.
        let len = self.device.recv(&mut self.rx).ok()?;
        let frame = self.rx.get(..len)?;
        Some((RxToken { frame }, TxToken { device: &self.device, buffer: &mut self.tx }))
    }

    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_>> {
        Some(TxToken { device: &self.device, buffer: &mut self.tx })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ethernet;
        caps.max_transmission_unit = self.mtu;
        caps
    }
}

#[derive(Debug)]
pub struct RxToken<'a> {
    frame: &'a [u8],
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }
}

pub struct TxToken<'a> {
    device: &'a SyncDevice,
    buffer: &'a mut Vec<u8>,
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.buffer.resize(len, 0);
        let result = f(self.buffer);
        // A frame that the kernel does not take is lost, as on any network.
        let _ = self.device.send(self.buffer);
        result
    }
}

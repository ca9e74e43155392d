//! Linux TAP interfaces.

use std::io;
use std::vec;
use std::vec::Vec;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

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
    device: SyncDevice,
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
        Ok(Tap { device, mtu, rx: vec![0; mtu], tx: vec![0; mtu] })
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

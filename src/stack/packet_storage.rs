//! The memory of ICMP and raw sockets, which is lent beside that of TCP and UDP sockets.

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, vec, vec::Vec as List};
use core::sync::atomic::AtomicU8;

use heapless::Vec;
use smoltcp::iface::{SocketSet, SocketStorage};
#[cfg(feature = "icmp")]
use smoltcp::socket::icmp;
#[cfg(feature = "raw")]
use smoltcp::socket::raw;
use smoltcp::storage::{PacketBuffer, PacketMetadata};
#[cfg(feature = "icmp")]
use smoltcp::wire::IpAddress;

#[cfg(feature = "alloc")]
use super::Heap;
use super::Memory;
#[cfg(feature = "icmp")]
use super::icmp::{Echoes, Head};
#[cfg(feature = "raw")]
use super::raw::Tap;
use super::slot::Slot;
use super::storage::{Lent, MOST_SLOTS, fill};

/// The queues of one socket: ours for receiving (with `R` beside each packet), smoltcp's for
/// sending (with `T`).
#[derive(Debug)]
struct Queues<R: 'static, T: 'static, const BUF: usize, const PACKETS: usize> {
    set: Vec<SocketStorage<'static>, 1>,
    rx_meta: Vec<PacketMetadata<R>, PACKETS>,
    tx_meta: Vec<PacketMetadata<T>, PACKETS>,
    rx: [u8; BUF],
    tx: [u8; BUF],
}

/// An empty set, and the two queues.
type Parts<R, T> = (SocketSet<'static>, PacketBuffer<'static, R>, PacketBuffer<'static, T>);

impl<R, T, const BUF: usize, const PACKETS: usize> Queues<R, T, BUF, PACKETS> {
    const EMPTY: Self = Queues {
        set: Vec::new(),
        rx_meta: Vec::new(),
        tx_meta: Vec::new(),
        rx: [0; BUF],
        tx: [0; BUF],
    };

    fn parts(&'static mut self) -> Parts<R, T> {
        (
            SocketSet::new(fill(&mut self.set, || SocketStorage::EMPTY)),
            PacketBuffer::new(fill(&mut self.rx_meta, || PacketMetadata::EMPTY), &mut self.rx[..]),
            PacketBuffer::new(fill(&mut self.tx_meta, || PacketMetadata::EMPTY), &mut self.tx[..]),
        )
    }
}

#[cfg(feature = "alloc")]
fn parts_of<R, T>(bytes: usize, packets: usize) -> Parts<R, T> {
    fn buffer<H>(bytes: usize, packets: usize) -> PacketBuffer<'static, H> {
        let meta: List<_> = (0..packets).map(|_| PacketMetadata::EMPTY).collect();
        PacketBuffer::new(meta, vec![0; bytes])
    }
    (SocketSet::new(vec![]), buffer(bytes, packets), buffer(bytes, packets))
}

#[cfg(feature = "alloc")]
fn marks(slots: usize) -> Lent<AtomicU8> {
    Lent::Heap((0..slots).map(|_| AtomicU8::new(0)).collect())
}

/// The queue for receiving that smoltcp's own sockets get: none.
fn no_buffer<H>() -> PacketBuffer<'static, H> {
    PacketBuffer::new(&mut [][..], &mut [][..])
}

/// The first `len` of them.
fn first<T>(slice: &mut [T], len: usize) -> &mut [T] {
    slice.get_mut(..len).unwrap_or_default()
}

/// Memory for ICMP sockets, to be put into a `static`: for so many sockets at once, each with
/// `BUF` bytes and `PACKETS` messages in either direction.
///
/// A message to be sent takes its data and 8 bytes of header, one that was received only its
/// data. Before a stack uses it, it is all zeros, as [`Storage`](crate::Storage) is, to which it is
/// added:
///
/// ```
/// use sockstate::{IcmpStorage, Memory, Protocol, Storage};
/// use static_cell::ConstStaticCell;
///
/// static STORAGE: ConstStaticCell<Storage<4, 2>> = ConstStaticCell::new(Storage::new());
/// static ICMP: ConstStaticCell<IcmpStorage<1>> = ConstStaticCell::new(IcmpStorage::new());
///
/// let memory = Memory::from(STORAGE.take()).with_icmp(ICMP.take());
/// # use sockstate::{Config, Instant, Stack, device::Plug};
/// # let (device, _far) = Plug::pair();
/// # let config = Config::ethernet([2, 0, 0, 0, 0, 1], 1);
/// let stack = Stack::new(memory, device, || Instant::ZERO, config)?;
/// assert_eq!(stack.free_slots(Protocol::Icmp), Ok(1));
/// # Ok::<(), sockstate::Error>(())
/// ```
#[cfg(feature = "icmp")]
#[derive(Debug)]
pub struct IcmpStorage<const N: usize, const BUF: usize = 256, const PACKETS: usize = 4> {
    slots: Vec<Slot, N>,
    queues: [Queues<Head, IpAddress, BUF, PACKETS>; N],
    echoes: Vec<Echoes, N>,
    dropped: [AtomicU8; N],
}

#[cfg(feature = "icmp")]
impl<const N: usize, const BUF: usize, const PACKETS: usize> IcmpStorage<N, BUF, PACKETS> {
    /// Memory that is not in use yet.
    pub const fn new() -> Self {
        const { assert!(N <= MOST_SLOTS, "a stack has 65,534 sockets at most") };
        IcmpStorage {
            slots: Vec::new(),
            queues: [const { Queues::EMPTY }; N],
            echoes: Vec::new(),
            dropped: [const { AtomicU8::new(0) }; N],
        }
    }
}

#[cfg(feature = "icmp")]
impl<const N: usize, const BUF: usize, const PACKETS: usize> Default
    for IcmpStorage<N, BUF, PACKETS>
{
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "icmp")]
impl Memory {
    /// With memory for ICMP sockets, in the place of what there was for them before.
    ///
    /// Sockets beyond the 65,534th of the stack are left out: that is how many it can tell apart.
    pub fn with_icmp<const N: usize, const BUF: usize, const PACKETS: usize>(
        mut self,
        storage: &'static mut IcmpStorage<N, BUF, PACKETS>,
    ) -> Self {
        self.slots.icmp = Lent::none();
        let count = self.room().min(N);
        let slots = fill(&mut storage.slots, || Slot::EMPTY);
        for (slot, queues) in slots.iter_mut().zip(&mut storage.queues) {
            let (mut set, rx, tx) = queues.parts();
            set.add(icmp::Socket::new(no_buffer(), tx));
            slot.set = Some(set);
            // There is room for as many as there are slots.
            let _ = storage.echoes.push(Echoes::new(rx));
        }
        self.slots.icmp = Lent::Static(first(slots, count));
        self.slots.echoes = Lent::Static(first(&mut storage.echoes, count));
        self.icmp_dropped = Lent::Static(first(&mut storage.dropped, count));
        self
    }

    #[cfg(feature = "alloc")]
    pub(super) fn with_icmp_of(mut self, heap: &Heap) -> Self {
        let count = self.room().min(heap.icmp);
        let (slots, echoes): (List<_>, List<_>) = (0..count)
            .map(|_| {
                let (mut set, rx, tx) = parts_of(heap.icmp_buf, heap.icmp_packets);
                set.add(icmp::Socket::new(no_buffer(), tx));
                (Slot { set: Some(set), ..Slot::EMPTY }, Echoes::new(rx))
            })
            .unzip();
        self.slots.icmp = Lent::Heap(Box::from(slots));
        self.slots.echoes = Lent::Heap(Box::from(echoes));
        self.icmp_dropped = marks(count);
        self
    }
}

/// Memory for raw sockets, to be put into a `static`: for so many sockets at once, each with
/// `BUF` bytes and `PACKETS` packets in either direction. A packet takes all its bytes, those of
/// its header too.
///
/// Before a stack uses it, it is all zeros, as [`Storage`](crate::Storage) is, to which it is
/// added:
///
/// ```
/// use sockstate::{Memory, Protocol, RawStorage, Storage};
/// use static_cell::ConstStaticCell;
///
/// static STORAGE: ConstStaticCell<Storage<4, 2>> = ConstStaticCell::new(Storage::new());
/// static RAW: ConstStaticCell<RawStorage<2>> = ConstStaticCell::new(RawStorage::new());
///
/// let memory = Memory::from(STORAGE.take()).with_raw(RAW.take());
/// # use sockstate::{Config, Instant, Stack, device::Plug};
/// # let (device, _far) = Plug::pair();
/// # let config = Config::ethernet([2, 0, 0, 0, 0, 1], 1);
/// let stack = Stack::new(memory, device, || Instant::ZERO, config)?;
/// assert_eq!(stack.free_slots(Protocol::Raw), Ok(2));
/// # Ok::<(), sockstate::Error>(())
/// ```
#[cfg(feature = "raw")]
#[derive(Debug)]
pub struct RawStorage<const N: usize, const BUF: usize = 1536, const PACKETS: usize = 4> {
    slots: Vec<Slot, N>,
    queues: [Queues<(), (), BUF, PACKETS>; N],
    taps: Vec<Tap, N>,
    dropped: [AtomicU8; N],
}

#[cfg(feature = "raw")]
impl<const N: usize, const BUF: usize, const PACKETS: usize> RawStorage<N, BUF, PACKETS> {
    /// Memory that is not in use yet.
    pub const fn new() -> Self {
        const { assert!(N <= MOST_SLOTS, "a stack has 65,534 sockets at most") };
        RawStorage {
            slots: Vec::new(),
            queues: [const { Queues::EMPTY }; N],
            taps: Vec::new(),
            dropped: [const { AtomicU8::new(0) }; N],
        }
    }
}

#[cfg(feature = "raw")]
impl<const N: usize, const BUF: usize, const PACKETS: usize> Default
    for RawStorage<N, BUF, PACKETS>
{
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "raw")]
impl Memory {
    /// With memory for raw sockets, in the place of what there was for them before.
    ///
    /// Sockets beyond the 65,534th of the stack are left out: that is how many it can tell apart.
    pub fn with_raw<const N: usize, const BUF: usize, const PACKETS: usize>(
        mut self,
        storage: &'static mut RawStorage<N, BUF, PACKETS>,
    ) -> Self {
        self.slots.raw = Lent::none();
        let count = self.room().min(N);
        let slots = fill(&mut storage.slots, || Slot::EMPTY);
        for (slot, queues) in slots.iter_mut().zip(&mut storage.queues) {
            let (mut set, rx, tx) = queues.parts();
            set.add(raw::Socket::new(None, None, no_buffer(), tx));
            slot.set = Some(set);
            // There is room for as many as there are slots.
            let _ = storage.taps.push(Tap::new(rx));
        }
        self.slots.raw = Lent::Static(first(slots, count));
        self.slots.taps = Lent::Static(first(&mut storage.taps, count));
        self.raw_dropped = Lent::Static(first(&mut storage.dropped, count));
        self
    }

    #[cfg(feature = "alloc")]
    pub(super) fn with_raw_of(mut self, heap: &Heap) -> Self {
        let count = self.room().min(heap.raw);
        let (slots, taps): (List<_>, List<_>) = (0..count)
            .map(|_| {
                let (mut set, rx, tx) = parts_of(heap.raw_buf, heap.raw_packets);
                set.add(raw::Socket::new(None, None, no_buffer(), tx));
                (Slot { set: Some(set), ..Slot::EMPTY }, Tap::new(rx))
            })
            .unzip();
        self.slots.raw = Lent::Heap(Box::from(slots));
        self.slots.taps = Lent::Heap(Box::from(taps));
        self.raw_dropped = marks(count);
        self
    }
}

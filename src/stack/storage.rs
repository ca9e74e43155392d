//! The memory that a stack works with: lent to it, never allocated by it.

use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::slice::from_mut;
use core::sync::atomic::AtomicU8;

use heapless::Vec;
use smoltcp::iface::{SocketSet, SocketStorage};
#[cfg(feature = "tcp")]
use smoltcp::socket::tcp;
#[cfg(feature = "udp")]
use smoltcp::socket::udp;

#[cfg(feature = "udp")]
use super::peer::Peer;
use super::slot::Slot;

/// How many slots can be told apart; one number more stands for none.
pub(super) const MOST_SLOTS: usize = super::slot::NONE as usize - 1;

/// Memory for the sockets of a stack, to be put into a `static`.
///
/// Before a stack uses it, it is all zeros: it takes room in RAM, none in flash.
///
/// - `TCP`, `UDP`: how many sockets of each protocol can be open at once. A TCP listener takes as
///   many as its backlog, so that a server of `n` connections needs `n + 1` at least; a closed
///   connection keeps its one until all is delivered.
/// - `TCP_RX`, `TCP_TX`: bytes of the receive and of the send buffer of each TCP socket. The
///   receive buffer bounds what the peer may send without waiting; two full segments
///   (2 × 1,460 bytes) are a good least, one segment leads to a stop at every packet.
/// - `UDP_BUF`, `UDP_PACKETS`: bytes, and datagrams, that each UDP socket can hold in either
///   direction.
///
/// A program hands it over once, as a `&'static mut`. The `static_cell` crate gives one without
/// `unsafe`; so does `cortex_m::singleton!`.
///
/// ```
/// use sockstate::Storage;
/// use static_cell::ConstStaticCell;
///
/// static STORAGE: ConstStaticCell<Storage<4, 2>> = ConstStaticCell::new(Storage::new());
///
/// let storage = STORAGE.take();
/// # use sockstate::{Config, Instant, Stack, device::Plug};
/// # let (device, _far) = Plug::pair();
/// let stack = Stack::new(storage, device, || Instant::ZERO, Config::ethernet([2, 0, 0, 0, 0, 1], 1))?;
/// # Ok::<(), sockstate::Error>(())
/// ```
#[derive(Debug)]
pub struct Storage<
    const TCP: usize,
    const UDP: usize,
    const TCP_RX: usize = 2920,
    const TCP_TX: usize = 2920,
    const UDP_BUF: usize = 1472,
    const UDP_PACKETS: usize = 4,
> {
    tcp_slots: Vec<Slot, TCP>,
    udp_slots: Vec<Slot, UDP>,
    #[cfg(feature = "tcp")]
    tcp_sets: Vec<SocketStorage<'static>, TCP>,
    #[cfg(feature = "tcp")]
    tcp: [TcpMemory<TCP_RX, TCP_TX>; TCP],
    #[cfg(feature = "udp")]
    udp_sets: Vec<SocketStorage<'static>, UDP>,
    #[cfg(feature = "udp")]
    udp_meta: [Vec<Places<UDP_PACKETS>, UDP>; 2],
    #[cfg(feature = "udp")]
    udp: [UdpMemory<UDP_BUF>; UDP],
    #[cfg(feature = "udp")]
    peers: Vec<Peer, UDP>,
    #[cfg(feature = "dhcp")]
    dhcp: Vec<SocketStorage<'static>, 1>,
    tcp_dropped: [AtomicU8; TCP],
    udp_dropped: [AtomicU8; UDP],
}

#[cfg(feature = "tcp")]
#[derive(Debug)]
struct TcpMemory<const RX: usize, const TX: usize> {
    rx: [u8; RX],
    tx: [u8; TX],
}

#[cfg(feature = "udp")]
#[derive(Debug)]
struct UdpMemory<const BUF: usize> {
    rx: [u8; BUF],
    tx: [u8; BUF],
}

/// For the datagrams of one buffer.
#[cfg(feature = "udp")]
type Places<const PACKETS: usize> = [udp::PacketMetadata; PACKETS];

impl<
    const TCP: usize,
    const UDP: usize,
    const TCP_RX: usize,
    const TCP_TX: usize,
    const UDP_BUF: usize,
    const UDP_PACKETS: usize,
> Storage<TCP, UDP, TCP_RX, TCP_TX, UDP_BUF, UDP_PACKETS>
{
    /// Memory that is not in use yet.
    pub const fn new() -> Self {
        const { assert!(TCP + UDP <= MOST_SLOTS, "a stack has 65,534 sockets at most") };
        Storage {
            tcp_slots: Vec::new(),
            udp_slots: Vec::new(),
            #[cfg(feature = "tcp")]
            tcp_sets: Vec::new(),
            #[cfg(feature = "tcp")]
            tcp: [const { TcpMemory { rx: [0; TCP_RX], tx: [0; TCP_TX] } }; TCP],
            #[cfg(feature = "udp")]
            udp_sets: Vec::new(),
            #[cfg(feature = "udp")]
            udp_meta: [const { Vec::new() }; 2],
            #[cfg(feature = "udp")]
            udp: [const { UdpMemory { rx: [0; UDP_BUF], tx: [0; UDP_BUF] } }; UDP],
            #[cfg(feature = "udp")]
            peers: Vec::new(),
            #[cfg(feature = "dhcp")]
            dhcp: Vec::new(),
            tcp_dropped: [const { AtomicU8::new(0) }; TCP],
            udp_dropped: [const { AtomicU8::new(0) }; UDP],
        }
    }
}

impl<
    const TCP: usize,
    const UDP: usize,
    const TCP_RX: usize,
    const TCP_TX: usize,
    const UDP_BUF: usize,
    const UDP_PACKETS: usize,
> Default for Storage<TCP, UDP, TCP_RX, TCP_TX, UDP_BUF, UDP_PACKETS>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<
    const TCP: usize,
    const UDP: usize,
    const TCP_RX: usize,
    const TCP_TX: usize,
    const UDP_BUF: usize,
    const UDP_PACKETS: usize,
> From<&'static mut Storage<TCP, UDP, TCP_RX, TCP_TX, UDP_BUF, UDP_PACKETS>> for Memory
{
    fn from(storage: &'static mut Storage<TCP, UDP, TCP_RX, TCP_TX, UDP_BUF, UDP_PACKETS>) -> Self {
        #[cfg(feature = "tcp")]
        let tcp_slots = fill(&mut storage.tcp_slots, || Slot::EMPTY);
        #[cfg(feature = "tcp")]
        let tcp_sets = fill(&mut storage.tcp_sets, || SocketStorage::EMPTY).iter_mut();
        #[cfg(feature = "tcp")]
        for ((slot, memory), set) in tcp_slots.iter_mut().zip(&mut storage.tcp).zip(tcp_sets) {
            let mut set = SocketSet::new(from_mut(set));
            set.add(tcp::Socket::new(
                tcp::SocketBuffer::new(&mut memory.rx[..]),
                tcp::SocketBuffer::new(&mut memory.tx[..]),
            ));
            slot.set = Some(set);
        }
        #[cfg(feature = "udp")]
        let udp_slots = fill(&mut storage.udp_slots, || Slot::EMPTY);
        #[cfg(feature = "udp")]
        let udp_sets = fill(&mut storage.udp_sets, || SocketStorage::EMPTY).iter_mut();
        #[cfg(feature = "udp")]
        let [rx_meta, tx_meta] = storage
            .udp_meta
            .each_mut()
            .map(|meta| fill(meta, || [udp::PacketMetadata::EMPTY; UDP_PACKETS]).iter_mut());
        #[cfg(feature = "udp")]
        let udp_memory = storage.udp.iter_mut().zip(rx_meta).zip(tx_meta).zip(udp_sets);
        #[cfg(feature = "udp")]
        for (slot, (((memory, rx_meta), tx_meta), set)) in udp_slots.iter_mut().zip(udp_memory) {
            let mut set = SocketSet::new(from_mut(set));
            set.add(udp::Socket::new(
                udp::PacketBuffer::new(&mut rx_meta[..], &mut memory.rx[..]),
                udp::PacketBuffer::new(&mut tx_meta[..], &mut memory.tx[..]),
            ));
            slot.set = Some(set);
        }
        Memory {
            slots: SlotMemory {
                #[cfg(feature = "tcp")]
                tcp: Lent::Static(tcp_slots),
                #[cfg(feature = "udp")]
                udp: Lent::Static(udp_slots),
                #[cfg(feature = "udp")]
                peers: Lent::Static(fill(&mut storage.peers, || Peer::None)),
                #[cfg(feature = "dhcp")]
                dhcp: SocketSet::new(fill(&mut storage.dhcp, || SocketStorage::EMPTY)),
                ..SlotMemory::none()
            },
            #[cfg(feature = "tcp")]
            tcp_dropped: Lent::Static(&mut storage.tcp_dropped),
            #[cfg(feature = "udp")]
            udp_dropped: Lent::Static(&mut storage.udp_dropped),
            ..Memory::none()
        }
    }
}

/// As many as there is room for.
pub(super) fn fill<T, const N: usize>(memory: &mut Vec<T, N>, with: impl Fn() -> T) -> &mut [T] {
    while memory.push(with()).is_ok() {}
    memory
}

/// How much memory to take from the heap for the sockets of a stack. Features add fields: begin from
/// the default, or from [`Heap::DEFAULT`] in a constant.
///
/// ```
/// use sockstate::Heap;
///
/// let heap = Heap { tcp: 64, tcp_rx: 16 * 1024, ..Heap::default() };
/// ```
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug)]
pub struct Heap {
    /// TCP sockets that can be open at once.
    pub tcp: usize,
    /// UDP sockets that can be open at once.
    pub udp: usize,
    /// Bytes of each TCP receive buffer.
    pub tcp_rx: usize,
    /// Bytes of each TCP send buffer.
    pub tcp_tx: usize,
    /// Bytes of each UDP buffer, in either direction.
    pub udp_buf: usize,
    /// Datagrams in each UDP buffer, in either direction.
    pub udp_packets: usize,
    /// ICMP sockets that can be open at once.
    #[cfg(feature = "icmp")]
    pub icmp: usize,
    /// Bytes of each ICMP buffer, in either direction; see [`IcmpStorage`](crate::IcmpStorage).
    #[cfg(feature = "icmp")]
    pub icmp_buf: usize,
    /// Messages in each ICMP buffer, in either direction.
    #[cfg(feature = "icmp")]
    pub icmp_packets: usize,
    /// Raw sockets that can be open at once.
    #[cfg(feature = "raw")]
    pub raw: usize,
    /// Bytes of each raw buffer, in either direction; see [`RawStorage`](crate::RawStorage).
    #[cfg(feature = "raw")]
    pub raw_buf: usize,
    /// Packets in each raw buffer, in either direction.
    #[cfg(feature = "raw")]
    pub raw_packets: usize,
}

#[cfg(feature = "alloc")]
impl Heap {
    /// What [`Heap::default`] gives, for constants.
    pub const DEFAULT: Heap = Heap {
        tcp: 16,
        udp: 16,
        tcp_rx: 65_535,
        tcp_tx: 65_535,
        udp_buf: 65_535,
        udp_packets: 64,
        #[cfg(feature = "icmp")]
        icmp: 4,
        #[cfg(feature = "icmp")]
        icmp_buf: 16_384,
        #[cfg(feature = "icmp")]
        icmp_packets: 64,
        #[cfg(feature = "raw")]
        raw: 4,
        #[cfg(feature = "raw")]
        raw_buf: 65_535,
        #[cfg(feature = "raw")]
        raw_packets: 64,
    };
}

#[cfg(feature = "alloc")]
impl Default for Heap {
    /// 16 TCP and 16 UDP sockets, with 64 KiB of buffer in each direction; with their features,
    /// 4 ICMP sockets with 16 KiB, and 4 raw ones with 64 KiB.
    fn default() -> Self {
        Heap::DEFAULT
    }
}

#[cfg(feature = "alloc")]
impl From<Heap> for Memory {
    /// Sockets beyond the 65,534th are left out: that is how many a stack can tell apart.
    fn from(heap: Heap) -> Self {
        let tcp = heap.tcp.min(MOST_SLOTS);
        let heap = Heap { tcp, udp: heap.udp.min(MOST_SLOTS - tcp), ..heap };
        use alloc::{boxed::Box, vec};

        #[cfg(any(feature = "tcp", feature = "udp"))]
        fn slots(sets: impl Iterator<Item = SocketSet<'static>>) -> Lent<Slot> {
            Lent::Heap(sets.map(|set| Slot { set: Some(set), ..Slot::EMPTY }).collect())
        }
        #[cfg(any(feature = "tcp", feature = "udp"))]
        fn dropped(n: usize) -> Lent<AtomicU8> {
            Lent::Heap((0..n).map(|_| AtomicU8::new(0)).collect::<Box<[_]>>())
        }
        #[cfg(any(feature = "tcp", feature = "udp"))]
        fn boxed_set<'a, T: smoltcp::socket::AnySocket<'a>>(socket: T) -> SocketSet<'a> {
            let mut set = SocketSet::new(vec![]);
            set.add(socket);
            set
        }

        #[cfg(feature = "tcp")]
        let tcp = slots((0..heap.tcp).map(|_| {
            boxed_set(tcp::Socket::new(
                tcp::SocketBuffer::new(vec![0; heap.tcp_rx]),
                tcp::SocketBuffer::new(vec![0; heap.tcp_tx]),
            ))
        }));
        #[cfg(feature = "udp")]
        let udp = slots((0..heap.udp).map(|_| {
            let buffer = || {
                udp::PacketBuffer::new(
                    vec![udp::PacketMetadata::EMPTY; heap.udp_packets],
                    vec![0; heap.udp_buf],
                )
            };
            boxed_set(udp::Socket::new(buffer(), buffer()))
        }));
        let memory = Memory {
            #[cfg(feature = "tcp")]
            tcp_dropped: dropped(tcp.len()),
            #[cfg(feature = "udp")]
            udp_dropped: dropped(udp.len()),
            slots: SlotMemory {
                #[cfg(feature = "udp")]
                peers: Lent::Heap(vec![Peer::None; udp.len()].into_boxed_slice()),
                #[cfg(feature = "dhcp")]
                dhcp: SocketSet::new(vec![]),
                #[cfg(feature = "tcp")]
                tcp,
                #[cfg(feature = "udp")]
                udp,
                ..SlotMemory::none()
            },
            ..Memory::none()
        };
        #[cfg(feature = "icmp")]
        let memory = memory.with_icmp_of(&heap);
        #[cfg(feature = "raw")]
        let memory = memory.with_raw_of(&heap);
        memory
    }
}

/// Memory in the form the stack uses: made from a [`Storage`] or, with the feature `alloc`, from
/// a `Heap`.
pub struct Memory {
    pub(crate) slots: SlotMemory,
    pub(crate) tcp_dropped: LentTcp<AtomicU8>,
    pub(crate) udp_dropped: LentUdp<AtomicU8>,
    pub(crate) icmp_dropped: LentIcmp<AtomicU8>,
    pub(crate) raw_dropped: LentRaw<AtomicU8>,
}

impl Memory {
    /// For no socket at all.
    fn none() -> Memory {
        Memory {
            slots: SlotMemory::none(),
            tcp_dropped: LentTcp::none(),
            udp_dropped: LentUdp::none(),
            icmp_dropped: LentIcmp::none(),
            raw_dropped: LentRaw::none(),
        }
    }

    /// How many more slots a stack of this memory can tell apart.
    #[cfg(any(feature = "icmp", feature = "raw"))]
    pub(super) fn room(&self) -> usize {
        let SlotMemory { tcp, udp, icmp, raw, .. } = &self.slots;
        MOST_SLOTS.saturating_sub(tcp.len() + udp.len() + icmp.len() + raw.len())
    }
}

/// The part of the memory that lives behind the lock.
pub(crate) struct SlotMemory {
    pub(crate) tcp: LentTcp<Slot>,
    pub(crate) udp: LentUdp<Slot>,
    #[cfg(feature = "udp")]
    pub(crate) peers: Lent<Peer>,
    pub(crate) icmp: LentIcmp<Slot>,
    #[cfg(feature = "icmp")]
    pub(crate) echoes: Lent<super::icmp::Echoes>,
    pub(crate) raw: LentRaw<Slot>,
    #[cfg(feature = "raw")]
    pub(crate) taps: Lent<super::raw::Tap>,
    #[cfg(feature = "dhcp")]
    pub(crate) dhcp: SocketSet<'static>,
}

impl SlotMemory {
    fn none() -> SlotMemory {
        SlotMemory {
            tcp: LentTcp::none(),
            udp: LentUdp::none(),
            #[cfg(feature = "udp")]
            peers: Lent::none(),
            icmp: LentIcmp::none(),
            #[cfg(feature = "icmp")]
            echoes: Lent::none(),
            raw: LentRaw::none(),
            #[cfg(feature = "raw")]
            taps: Lent::none(),
            #[cfg(feature = "dhcp")]
            dhcp: SocketSet::new(&mut [][..]),
        }
    }
}

impl core::fmt::Debug for Memory {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Memory")
            .field("tcp", &self.slots.tcp.len())
            .field("udp", &self.slots.udp.len())
            .field("icmp", &self.slots.icmp.len())
            .field("raw", &self.slots.raw.len())
            .finish()
    }
}

/// A slice for as long as the stack lives.
pub(crate) enum Lent<T: 'static> {
    Static(&'static mut [T]),
    #[cfg(feature = "alloc")]
    Heap(alloc::boxed::Box<[T]>),
}

impl<T> Lent<T> {
    /// Nothing.
    pub(crate) fn none() -> Self {
        Lent::Static(&mut [])
    }
}

impl<T> Deref for Lent<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Lent::Static(slice) => slice,
            #[cfg(feature = "alloc")]
            Lent::Heap(slice) => slice,
        }
    }
}

impl<T> DerefMut for Lent<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Lent::Static(slice) => slice,
            #[cfg(feature = "alloc")]
            Lent::Heap(slice) => slice,
        }
    }
}

/// No slice, of sockets of a protocol that is left out: it takes no room.
// With all protocols, nobody makes one.
#[allow(dead_code)]
pub(crate) struct Absent<T>(PhantomData<T>);

#[allow(dead_code)]
impl<T> Absent<T> {
    pub(crate) fn none() -> Self {
        Absent(PhantomData)
    }
}

impl<T> Deref for Absent<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &[]
    }
}

impl<T> DerefMut for Absent<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut []
    }
}

#[cfg(feature = "tcp")]
pub(crate) type LentTcp<T> = Lent<T>;
#[cfg(not(feature = "tcp"))]
pub(crate) type LentTcp<T> = Absent<T>;
#[cfg(feature = "udp")]
pub(crate) type LentUdp<T> = Lent<T>;
#[cfg(not(feature = "udp"))]
pub(crate) type LentUdp<T> = Absent<T>;
#[cfg(feature = "icmp")]
pub(crate) type LentIcmp<T> = Lent<T>;
#[cfg(not(feature = "icmp"))]
pub(crate) type LentIcmp<T> = Absent<T>;
#[cfg(feature = "raw")]
pub(crate) type LentRaw<T> = Lent<T>;
#[cfg(not(feature = "raw"))]
pub(crate) type LentRaw<T> = Absent<T>;

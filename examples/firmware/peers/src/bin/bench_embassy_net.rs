//! The traffic of [`bench`], with embassy-net 0.9.1 at its near end: its runner is a task of embassy's
//! executor. What the near end waits for is polled beside it, once it was woken: that takes about
//! one percent less than a second task would.
#![no_std]
#![no_main]

use core::cell::RefCell;
use core::convert::Infallible;
use core::pin::pin;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use cortex_m_rt::entry;
use critical_section::Mutex;
use embassy_executor::{raw::Executor, task};
use embassy_net::tcp::TcpSocket;
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{
    Config, IpAddress, IpEndpoint, Ipv4Address, Ipv4Cidr, Runner, Stack, StackResources,
    StaticConfigV4,
};
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_time_driver::time_driver_impl;
use embassy_time_queue_utils::Queue;
use smoltcp::phy::Device as _;
use smoltcp::time::{Duration, Instant};
use sockstate_firmware::bench::{self, Near, Plug, Remote};
use sockstate_firmware::{HARDWARE_ADDR, SEED, semihosting::exit};
use sockstate_firmware_peers::capabilities;
use static_cell::{ConstStaticCell, StaticCell};

/// The near end's two, and the one for look-ups that the stack adds itself.
const SOCKETS: usize = 2 + cfg!(feature = "dns") as usize;

static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();
static EXECUTOR: StaticCell<Executor> = StaticCell::new();
static TCP: ConstStaticCell<[[u8; bench::TCP_BUFFER]; 2]> =
    ConstStaticCell::new([[0; bench::TCP_BUFFER]; 2]);
static UDP: ConstStaticCell<[[u8; bench::UDP_BUFFER]; 2]> =
    ConstStaticCell::new([[0; bench::UDP_BUFFER]; 2]);
static METADATA: ConstStaticCell<[[PacketMetadata; bench::DATAGRAMS]; 2]> =
    ConstStaticCell::new([[PacketMetadata::EMPTY; bench::DATAGRAMS]; 2]);

time_driver_impl!(static TIME: Time = Time { queue: Mutex::new(RefCell::new(Queue::new())) });

/// The task that waits for a frame, or for room for one.
static DEVICE_WAKER: Mutex<RefCell<Option<Waker>>> = Mutex::new(RefCell::new(None));
/// Whether a task of the executor is to be polled.
static IS_PENDED: AtomicBool = AtomicBool::new(false);
/// Whether what the near end waits for is to be polled.
static IS_WOKEN: AtomicBool = AtomicBool::new(false);

#[entry]
fn main() -> ! {
    let (device, far) = Plug::pair();
    let config = Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(Ipv4Address::from(bench::HOST), 24),
        gateway: None,
        dns_servers: Default::default(),
    });
    let resources = RESOURCES.init(StackResources::new());
    let (stack, runner) = embassy_net::new(Device(device), config, resources, SEED);
    let executor: &Executor = EXECUTOR.init(Executor::new(ptr::null_mut()));
    executor.spawner().spawn(run(runner).expect("a task"));
    let [rx, tx] = TCP.take();
    let tcp = Some(TcpSocket::new(stack, rx, tx));
    bench::run(Embassy { executor, stack, tcp, remote: Remote::new(far) });
    exit(Ok::<_, Infallible>(()))
}

#[task]
async fn run(mut runner: Runner<'static, Device>) {
    runner.run().await;
}

struct Embassy {
    executor: &'static Executor,
    stack: Stack<'static>,
    /// While it is not connected.
    tcp: Option<TcpSocket<'static>>,
    remote: Remote,
}

impl Embassy {
    /// Waits for a future, while the executor runs its task. Where neither has anything to do, it is
    /// the remote end's turn.
    fn block<R>(&mut self, future: impl Future<Output = R>) -> R {
        let mut future = pin!(future);
        let waker = waker();
        IS_WOKEN.store(true, Ordering::Relaxed);
        loop {
            if IS_WOKEN.swap(false, Ordering::Relaxed)
                && let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                return result;
            }
            IS_PENDED.store(false, Ordering::Relaxed);
            // SAFETY: nobody else calls it, and `pender` does not either.
            unsafe { self.executor.poll() };
            let delay = TIME.next_alarm();
            if !IS_WOKEN.load(Ordering::Relaxed) && !IS_PENDED.load(Ordering::Relaxed) {
                self.remote.run(delay);
                wake_task();
            }
        }
    }
}

/// Wakes whoever waits in [`Embassy::block`].
fn waker() -> Waker {
    const TABLE: RawWakerVTable = RawWakerVTable::new(
        |_| RawWaker::new(ptr::null(), &TABLE),
        |_| IS_WOKEN.store(true, Ordering::Relaxed),
        |_| IS_WOKEN.store(true, Ordering::Relaxed),
        |_| {},
    );
    // SAFETY: the functions of the table make no use of the pointer.
    unsafe { Waker::new(ptr::null(), &TABLE) }
}

#[unsafe(export_name = "__pender")]
fn pender(_executor: *mut ()) {
    IS_PENDED.store(true, Ordering::Relaxed);
}

/// Has the task woken once the remote end has run.
fn wake_later(cx: &Context) {
    critical_section::with(|cs| DEVICE_WAKER.replace(cs, Some(cx.waker().clone())));
}

/// What the interrupt of a device would do.
fn wake_task() {
    if let Some(waker) = critical_section::with(|cs| DEVICE_WAKER.take(cs)) {
        waker.wake();
    }
}

impl Near for Embassy {
    type Tcp = TcpSocket<'static>;
    type Udp = (UdpSocket<'static>, IpEndpoint);

    fn remote(&mut self) -> &mut Remote {
        &mut self.remote
    }

    fn connect(&mut self, port: u16) -> Self::Tcp {
        let mut tcp = self.tcp.take().expect("one connection at a time");
        self.block(tcp.connect(remote(port))).expect("a connection");
        tcp
    }

    fn send(&mut self, tcp: &mut Self::Tcp, data: &[u8]) -> usize {
        self.block(tcp.write(data)).expect("a connection")
    }

    fn receive(&mut self, tcp: &mut Self::Tcp, buffer: &mut [u8]) -> usize {
        self.block(tcp.read(buffer)).expect("a connection")
    }

    fn close(&mut self, mut tcp: Self::Tcp) {
        tcp.close();
        self.block(tcp.flush()).expect("our direction's end");
        assert_eq!(self.receive(&mut tcp, &mut [0]), 0);
        self.tcp = Some(tcp);
    }

    fn udp(&mut self, port: u16) -> Self::Udp {
        let ([rx, tx], [rx_metadata, tx_metadata]) = (UDP.take(), METADATA.take());
        let mut udp = UdpSocket::new(self.stack, rx_metadata, rx, tx_metadata, tx);
        udp.bind(0).expect("a port");
        (udp, remote(port))
    }

    fn ask(&mut self, udp: &mut Self::Udp, request: &[u8], answer: &mut [u8]) -> usize {
        let (udp, to) = udp;
        self.block(udp.send_to(request, *to)).expect("room");
        let (size, _) = self.block(udp.recv_from(answer)).expect("an answer");
        size
    }
}

fn remote(port: u16) -> IpEndpoint {
    IpEndpoint::new(IpAddress::Ipv4(Ipv4Address::from(bench::REMOTE_HOST)), port)
}

struct Time {
    queue: Mutex<RefCell<Queue>>,
}

impl Time {
    /// Wakes the tasks whose time has come, and says how long it is until the next one's.
    fn next_alarm(&self) -> Option<Duration> {
        let now = embassy_time_driver::Driver::now(self);
        let next = critical_section::with(|cs| self.queue.borrow_ref_mut(cs).next_expiration(now));
        (next != u64::MAX).then(|| Duration::from_micros(next - now))
    }
}

impl embassy_time_driver::Driver for Time {
    fn now(&self) -> u64 {
        bench::now().total_micros() as u64
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        // Only the task calls this: `block` asks for the next alarm afterwards.
        critical_section::with(|cs| self.queue.borrow_ref_mut(cs).schedule_wake(at, waker));
    }
}

/// The cable, for embassy-net.
struct Device(Plug<true>);

struct Frame(<Plug<true> as smoltcp::phy::Device>::RxToken<'static>);

struct Room(<Plug<true> as smoltcp::phy::Device>::TxToken<'static>);

impl Driver for Device {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Room;

    fn receive(&mut self, cx: &mut Context) -> Option<(Frame, Room)> {
        let received = self.0.receive(Instant::ZERO);
        if received.is_none() {
            wake_later(cx);
        }
        received.map(|(frame, room)| (Frame(frame), Room(room)))
    }

    fn transmit(&mut self, cx: &mut Context) -> Option<Room> {
        let room = self.0.transmit(Instant::ZERO);
        if room.is_none() {
            wake_later(cx);
        }
        room.map(Room)
    }

    fn link_state(&mut self, _cx: &mut Context) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        capabilities(&self.0)
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(HARDWARE_ADDR)
    }
}

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, read: F) -> R {
        self.0.consume_mut(read)
    }
}

impl TxToken for Room {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        smoltcp::phy::TxToken::consume(self.0, len, write)
    }
}

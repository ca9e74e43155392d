//! One stack, shared: the handler of the Ethernet's interrupt receives, and the main loop echoes
//! what comes to port 7, by UDP and by TCP, asleep until there was an interrupt. The datagram
//! `stop` ends it.
#![no_std]
#![no_main]

use core::cell::Cell;
use core::net::Ipv4Addr;
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m_rt::entry;
use critical_section::Mutex;
use sockstate::state::{Bound, Connected, Listening};
use sockstate::{
    Config, Duration, Error, Instant, IpCidr, Net, Shared, Stack, Storage, TcpSocket, UdpSocket, nb,
};
use sockstate_firmware::interrupts::{self, interrupt};
use sockstate_firmware::semihosting::exit;
use sockstate_firmware::{Ethernet, HARDWARE_ADDR, SEED, clock, say};
use static_cell::{ConstStaticCell, StaticCell};

type BoardStack = Stack<Ethernet, fn() -> Instant, Shared>;

// A listener needs a slot for itself.
static STORAGE: ConstStaticCell<Storage<2, 1, 1024, 1024, 512, 4>> =
    ConstStaticCell::new(Storage::new());

/// The stack, for the handler.
static NET: Mutex<Cell<Option<&'static Net<Shared>>>> = Mutex::new(Cell::new(None));
static INTERRUPTS: AtomicU32 = AtomicU32::new(0);

#[interrupt]
fn Ethernet() {
    if let Some(net) = critical_section::with(|cs| NET.borrow(cs).get()) {
        // It cannot fail: while the stack is locked, interrupts are off.
        let _ = net.poll();
    }
    interrupts::mask_if_full();
    INTERRUPTS.store(INTERRUPTS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    // The main loop may have looked at its sockets before, and be about to sleep.
    clock::send_event();
}

fn sleep(at_most: Option<Duration>) {
    interrupts::unmask();
    clock::sleep(at_most);
}

#[entry]
fn main() -> ! {
    exit(start().and_then(serve))
}

fn start() -> Result<&'static Net<Shared>, Error> {
    static STACK: StaticCell<BoardStack> = StaticCell::new();
    let mut config = Config::ethernet(HARDWARE_ADDR, SEED);
    config.idle = sleep;
    let (device, now) = (sockstate_firmware::start(), clock::now as fn() -> Instant);
    let net = STACK.init(Stack::shared(STORAGE.take(), device, now, config)?).net();
    net.add_address(IpCidr::new(Ipv4Addr::new(10, 0, 2, 15).into(), 24))?;
    critical_section::with(|cs| NET.borrow(cs).set(Some(net)));
    Ok(net)
}

fn serve(net: &Net<Shared>) -> Result<(), Error> {
    let mut datagrams = net.udp()?.bind(7)?;
    let mut listener = net.tcp()?.bind(7)?.listen(1)?;
    let mut client = None;
    say!("interrupt: ready");
    // To send may sleep as well: so both are looked at again after each echo.
    while net.block(|| match echo_datagram(&mut datagrams) {
        Err(nb::Error::WouldBlock) => echo_piece(&mut listener, &mut client),
        echoed => echoed,
    })? {}
    let interrupts = INTERRUPTS.load(Ordering::Relaxed);
    say!("interrupt: {} interrupts, {} wake-ups", interrupts, clock::wake_ups());
    say!("interrupt: done");
    Ok(())
}

/// Echoes a datagram. Whether to go on.
fn echo_datagram(socket: &mut UdpSocket<'_, Bound, Shared>) -> nb::Result<bool, Error> {
    let mut buffer = [0; 512];
    let (size, from) = socket.receive_from(&mut buffer)?;
    let datagram = &buffer[..size];
    if datagram == b"stop" {
        return Ok(false);
    }
    socket.net().block(|| socket.send_to(datagram, from))?;
    Ok(true)
}

/// Echoes a piece of the client's stream; where it ends, the next client may come. Goes on in any
/// case.
fn echo_piece<'net>(
    listener: &mut TcpSocket<'net, Listening, Shared>,
    client: &mut Option<TcpSocket<'net, Connected, Shared>>,
) -> nb::Result<bool, Error> {
    let Some(socket) = client else {
        let (accepted, _) = listener.accept().map_err(|error| error.map(Error::from))?;
        *client = Some(accepted);
        return Ok(true);
    };
    let mut buffer = [0; 512];
    match socket.receive(&mut buffer) {
        Ok(size) if socket.send_all(&buffer[..size]).is_ok() => {}
        Err(nb::Error::WouldBlock) => return Err(nb::Error::WouldBlock),
        _ => *client = None,
    }
    Ok(true)
}

//! Storage lent as a static: it works as heap storage does, and takes no room in flash.

use std::process::Command;

use sockstate::device::Plug;
use sockstate::{Config, Error, Instant, Protocol, Stack, Storage};
use static_cell::ConstStaticCell;

static SOCKSTATE_PROBE: ConstStaticCell<Storage<3, 2, 1460, 536, 512, 2>> =
    ConstStaticCell::new(Storage::new());

#[test]
fn a_stack_works_on_a_static() {
    let (device, _far) = Plug::pair();
    let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], 1);
    let stack = Stack::new(SOCKSTATE_PROBE.take(), device, || Instant::ZERO, config).unwrap();
    assert_eq!(stack.free_slots(Protocol::Tcp), Ok(3));
    assert_eq!(stack.free_slots(Protocol::Udp), Ok(2));
    let _sockets = [stack.tcp().unwrap(), stack.tcp().unwrap(), stack.tcp().unwrap()];
    assert_eq!(stack.tcp().unwrap_err(), Error::OutOfSlots(Protocol::Tcp));
    let mut socket = stack.udp().unwrap().bind(6000).unwrap();
    let remote = "255.255.255.255:7".parse().unwrap();
    stack.add_address("192.168.69.1/24".parse().unwrap()).unwrap();
    let too_large = socket.send_to(&[0; 513], remote).unwrap_err();
    assert_eq!(too_large, sockstate::nb::Error::Other(Error::DatagramTooLarge(512)));
    assert_eq!(socket.send_to(&[0; 512], remote), Ok(()));
}

static CONNECTED: ConstStaticCell<Storage<2, 3, 64, 64, 64, 2>> =
    ConstStaticCell::new(Storage::new());

/// Who a socket is connected to, and that it was dropped in a closure, is noted in the static.
#[test]
fn sockets_on_a_static_are_connected_and_dropped_in_a_closure() {
    let (device, _far) = Plug::pair();
    let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], 1);
    let stack = Stack::new(CONNECTED.take(), device, || Instant::ZERO, config).unwrap();
    stack.add_address("192.168.69.1/24".parse().unwrap()).unwrap();
    let remote = "192.168.69.2:7".parse().unwrap();
    let mut socket = stack.udp().unwrap().connect(remote).unwrap();
    assert_eq!(socket.remote_endpoint(), Ok(remote));
    assert_eq!(socket.send(b"hello"), Ok(()));

    let dropped = (stack.tcp().unwrap(), stack.udp().unwrap().bind(8).unwrap());
    socket
        .send_with(8, |_| {
            drop(dropped);
            8
        })
        .unwrap();
    let free = [Protocol::Tcp, Protocol::Udp].map(|protocol| stack.free_slots(protocol));
    assert_eq!(free, [Ok(2), Ok(2)]);
}

/// A static that is not all zeros is copied from flash at every start: as many bytes again.
#[test]
fn storage_is_all_zeros_before_it_is_used() {
    let program = std::env::current_exe().unwrap();
    let symbols = match Command::new("nm").arg(program).output() {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).unwrap(),
        failed if std::env::var_os("CI").is_none() => {
            println!("skipped: nm, of the binutils, is not there: {failed:?}");
            return;
        }
        failed => panic!("nm: {failed:?}"),
    };
    let probe = symbols
        .lines()
        .find(|line| line.contains("SOCKSTATE_PROBE"))
        .expect("the static is not in the program");
    // Address, section, name: `b` is memory that begins as zeros, `d` is copied.
    assert_eq!(probe.split_whitespace().nth(1), Some("b"), "{probe}");
}

//! Prints how much memory a socket and a stack take, beside what smoltcp has for them: lines of a
//! name, what sockstate takes, and what bare smoltcp takes. Buffers are whatever one wants, and do not
//! count.

use std::mem::size_of;

use sockstate::smoltcp::iface::{Interface, SocketSet, SocketStorage};
use sockstate::{Stack, Storage};

type Tcp<const SOCKETS: usize> = Storage<SOCKETS, 0, 0, 0, 0, 0>;
type Udp<const SOCKETS: usize> = Storage<0, SOCKETS, 0, 0, 0, 0>;

fn main() {
    // What the sizes of 8 sockets leave over at the end does not grow.
    let tcp = per_socket([size_of::<Tcp<8>>(), size_of::<Tcp<72>>(), size_of::<Tcp<136>>()]);
    let udp = per_socket([size_of::<Udp<8>>(), size_of::<Udp<72>>(), size_of::<Udp<136>>()]);
    // The device's own size is the same for both.
    let stack = size_of::<Stack<(), ()>>() + size_of::<Storage<0, 0, 0, 0, 0, 0>>();
    let bare = size_of::<Interface>() + size_of::<SocketSet>();
    let slot = size_of::<SocketStorage>();
    println!("tcp {tcp} {slot}\nudp {udp} {slot}\nfixed {stack} {bare}");
}

/// How much each of 64 sockets more takes.
fn per_socket([few, more, most]: [usize; 3]) -> usize {
    assert_eq!(most - more, more - few, "each takes the same");
    (more - few).div_ceil(64)
}

// must not compile: one thread that reads and one that writes need a half each, from `split`.
// expect: cannot borrow `socket` as mutable more than once at a time

use sockstate::state::Connected;
use sockstate::{Shared, TcpSocket};

fn in_two_threads(_one: impl FnOnce() + Send, _other: impl FnOnce() + Send) {}

fn misuse(mut socket: TcpSocket<'_, Connected, Shared>) {
    in_two_threads(
        || {
            let _ = socket.receive(&mut [0; 16]);
        },
        || {
            let _ = socket.send(b"hello");
        },
    );
}

fn main() {}

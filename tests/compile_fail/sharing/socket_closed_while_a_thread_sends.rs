// must not compile: closing takes the socket, which a thread has borrowed until its scope ends.
// expect: cannot move out of `socket` because it is borrowed

use std::thread;

use sockstate::state::Connected;
use sockstate::{Shared, TcpSocket};

fn misuse(mut socket: TcpSocket<'_, Connected, Shared>) {
    thread::scope(|threads| {
        threads.spawn(|| {
            let _ = socket.send(b"hello");
        });
        let _ = socket.close();
    });
}

fn main() {}

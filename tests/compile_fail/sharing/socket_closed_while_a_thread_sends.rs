// must not compile: closing takes the socket, which the thread's work has borrowed.
// expect: cannot move out of `socket` because it is borrowed

use sockstate::state::Connected;
use sockstate::{Shared, TcpSocket};

fn on_another_thread(_work: impl FnOnce() + Send) {}

fn misuse(mut socket: TcpSocket<'_, Connected, Shared>) {
    let send = || {
        let _ = socket.send(b"hello");
    };
    let _ = socket.close();
    on_another_thread(send);
}

fn main() {}

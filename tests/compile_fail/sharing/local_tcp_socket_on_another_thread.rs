// must not compile: the socket works on its stack, which has no lock between threads.
// expect: cannot be shared between threads safely

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn on_another_thread(_work: impl FnOnce() + Send) {}

fn misuse(mut socket: TcpSocket<'_, Connected>) {
    on_another_thread(move || {
        let _ = socket.send(b"hello");
    });
}

fn main() {}

// must not compile: the socket works on its stack, which has no lock between threads.
// expect: cannot be shared between threads safely

use sockstate::UdpSocket;
use sockstate::state::Bound;

fn on_another_thread(_work: impl FnOnce() + Send) {}

fn misuse(mut socket: UdpSocket<'_, Bound>) {
    on_another_thread(move || {
        let _ = socket.receive_from(&mut [0; 16]);
    });
}

fn main() {}

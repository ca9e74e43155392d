// must not compile: both halves work on one stack, which has no lock between threads.
// expect: cannot be shared between threads safely

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn on_another_thread(_work: impl FnOnce() + Send) {}

fn misuse(socket: TcpSocket<'_, Connected>) {
    let (mut reader, _writer) = socket.split();
    on_another_thread(move || {
        let _ = reader.receive(&mut [0; 16]);
    });
}

fn main() {}

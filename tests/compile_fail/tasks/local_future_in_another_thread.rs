// must not compile: the stack is for one thread, and so are the futures of its sockets.
// expect: cannot be sent between threads safely

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn spawn(_future: impl Future + Send) {}

fn misuse(mut socket: TcpSocket<'_, Connected>) {
    spawn(async move { socket.receive_async(&mut [0; 8]).await });
}

fn main() {}

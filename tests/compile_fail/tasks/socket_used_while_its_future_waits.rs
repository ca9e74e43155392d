// must not compile: who waits for data has the socket until then.
// expect: cannot borrow `socket` as mutable more than once at a time

use sockstate::TcpSocket;
use sockstate::state::Connected;

async fn misuse(mut socket: TcpSocket<'_, Connected>) {
    let mut buffer = [0; 8];
    let received = socket.receive_async(&mut buffer);
    let _ = socket.send(b"hello");
    let _ = received.await;
}

fn main() {}

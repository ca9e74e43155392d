// must not compile: there is nobody to send to.
// expect: a TCP socket in state `sockstate::state::Bound` cannot send

use sockstate::TcpSocket;
use sockstate::state::Bound;

async fn misuse(mut socket: TcpSocket<'_, Bound>) {
    let _ = socket.send_async(b"hello").await;
}

fn main() {}

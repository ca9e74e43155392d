// must not compile: a bound UDP socket waits for nothing.
// expect: UdpSocket<'_, Bound>` is not a future

use sockstate::UdpSocket;
use sockstate::state::Bound;

async fn misuse(socket: UdpSocket<'_, Bound>) {
    let _ = socket.await;
}

fn main() {}

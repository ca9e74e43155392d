// must not compile: this side has ended its direction.
// expect: `HalfClosed: tcp::CanSend`

use embedded_io_async::Write;
use sockstate::TcpSocket;
use sockstate::state::HalfClosed;

async fn misuse(mut socket: TcpSocket<'_, HalfClosed>) {
    let _ = socket.write(b"hello").await;
}

fn main() {}

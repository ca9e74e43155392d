// must not compile: `finish` gives the socket back itself if the close is still pending.

use sockstate::TcpSocket;
use sockstate::state::Closing;

fn misuse(socket: TcpSocket<'_, Closing>) {
    let _ = socket.finish();
    socket.abort();
}

fn main() {}

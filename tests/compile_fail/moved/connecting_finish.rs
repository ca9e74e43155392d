// must not compile: `finish` gives the socket back itself if the connection is still pending.

use sockstate::TcpSocket;
use sockstate::state::Connecting;

fn misuse(mut socket: TcpSocket<'_, Connecting>) {
    let _ = socket.finish();
    let _ = socket.poll();
}

fn main() {}

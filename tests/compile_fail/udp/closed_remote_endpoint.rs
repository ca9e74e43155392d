// must not compile: it has no peer whose address could be given.

use sockstate::UdpSocket;
use sockstate::state::Closed;

fn misuse(socket: &UdpSocket<'_, Closed>) {
    let _ = socket.remote_endpoint();
}

fn main() {}

// must not compile: it has no peer whose address could be given.

use sockstate::UdpSocket;
use sockstate::state::Bound;

fn misuse(socket: &UdpSocket<'_, Bound>) {
    let _ = socket.remote_endpoint();
}

fn main() {}

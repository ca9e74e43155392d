// must not compile: anybody may send to it, so that the sender has to be asked for.

use sockstate::UdpSocket;
use sockstate::state::Bound;

fn misuse(socket: &mut UdpSocket<'_, Bound>) {
    let _ = socket.recv_with(|data| data.len());
}

fn main() {}

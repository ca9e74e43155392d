// must not compile: it has no peer that could be left unnamed.

use sockstate::UdpSocket;
use sockstate::state::Bound;

fn misuse(socket: &mut UdpSocket<'_, Bound>) {
    let _ = socket.send_with(16, |buffer| buffer.len());
}

fn main() {}

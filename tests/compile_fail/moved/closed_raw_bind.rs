// must not compile: the socket that was bound is the one that `bind` returned.

use sockstate::{IpVersion, RawSocket};
use sockstate::state::Closed;

fn misuse(socket: RawSocket<'_, Closed>) {
    let _ = socket.bind(IpVersion::V4, 253);
    let _ = socket.bind(IpVersion::V6, 253);
}

fn main() {}

// must not compile: it has a protocol already.

use sockstate::{IpVersion, RawSocket};
use sockstate::state::Bound;

fn misuse(socket: RawSocket<'_, Bound>) {
    let _ = socket.bind(IpVersion::V4, 253);
}

fn main() {}

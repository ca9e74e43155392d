// must not compile: two threads that receive would tear the stream apart.
// expect: cannot borrow `reader` as mutable more than once at a time

use sockstate::{Shared, TcpReader};

fn in_two_threads(_one: impl FnOnce() + Send, _other: impl FnOnce() + Send) {}

fn misuse(mut reader: TcpReader<'_, Shared>) {
    in_two_threads(
        || {
            let _ = reader.receive(&mut [0; 16]);
        },
        || {
            let _ = reader.receive(&mut [0; 16]);
        },
    );
}

fn main() {}

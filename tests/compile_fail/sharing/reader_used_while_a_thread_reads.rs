// must not compile: a thread has borrowed the reader until its scope ends.
// expect: cannot borrow `reader` as mutable more than once at a time

use std::thread;

use sockstate::{Shared, TcpReader};

fn misuse(mut reader: TcpReader<'_, Shared>) {
    thread::scope(|threads| {
        threads.spawn(|| {
            let _ = reader.receive(&mut [0; 16]);
        });
        let _ = reader.receive(&mut [0; 16]);
    });
}

fn main() {}

// must not compile: a thread has borrowed the reader until its scope ends.
// expect: cannot move out of `reader` because it is borrowed

use std::thread;

use sockstate::{Shared, TcpReader, TcpWriter};

fn misuse(mut reader: TcpReader<'_, Shared>, writer: TcpWriter<'_, Shared>) {
    thread::scope(|threads| {
        threads.spawn(|| {
            let _ = reader.receive(&mut [0; 16]);
        });
        let _ = reader.reunite(writer);
    });
}

fn main() {}

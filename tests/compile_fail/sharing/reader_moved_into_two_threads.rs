// must not compile: a reader has one owner, which is the first thread.
// expect: use of moved value: `reader`

use std::thread;

use sockstate::{Shared, TcpReader};

fn misuse(mut reader: TcpReader<'static, Shared>) {
    thread::spawn(move || {
        let _ = reader.receive(&mut [0; 16]);
    });
    thread::spawn(move || {
        let _ = reader.receive(&mut [0; 16]);
    });
}

fn main() {}

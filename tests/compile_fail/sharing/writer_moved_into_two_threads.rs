// must not compile: a writer has one owner, which is the first thread.
// expect: use of moved value: `writer`

use std::thread;

use sockstate::{Shared, TcpWriter};

fn misuse(mut writer: TcpWriter<'static, Shared>) {
    thread::spawn(move || {
        let _ = writer.send(b"hello");
    });
    thread::spawn(move || {
        let _ = writer.send(b"world");
    });
}

fn main() {}

// must not compile: two threads that send would mix their bytes.
// expect: cannot borrow `writer` as mutable more than once at a time

use sockstate::{Shared, TcpWriter};

fn in_two_threads(_one: impl FnOnce() + Send, _other: impl FnOnce() + Send) {}

fn misuse(mut writer: TcpWriter<'_, Shared>) {
    in_two_threads(
        || {
            let _ = writer.send(b"hello");
        },
        || {
            let _ = writer.send(b"world");
        },
    );
}

fn main() {}

// must not compile: the thread's work has borrowed the reader.
// expect: cannot move out of `reader` because it is borrowed

use sockstate::{Shared, TcpReader, TcpWriter};

fn on_another_thread(_work: impl FnOnce() + Send) {}

fn misuse(mut reader: TcpReader<'_, Shared>, writer: TcpWriter<'_, Shared>) {
    let read = || {
        let _ = reader.receive(&mut [0; 16]);
    };
    let _ = reader.reunite(writer);
    on_another_thread(read);
}

fn main() {}

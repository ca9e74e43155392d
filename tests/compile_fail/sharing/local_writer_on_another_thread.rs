// must not compile: both halves work on one stack, which has no lock between threads.
// expect: cannot be shared between threads safely

use sockstate::TcpWriter;

fn on_another_thread(_work: impl FnOnce() + Send) {}

fn misuse(mut writer: TcpWriter<'_>) {
    on_another_thread(move || {
        let _ = writer.send(b"hello");
    });
}

fn main() {}

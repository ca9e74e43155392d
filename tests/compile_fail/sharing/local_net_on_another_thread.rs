// must not compile: a `Local` stack has no lock between threads.
// expect: cannot be shared between threads safely

use sockstate::Net;

fn on_another_thread(_work: impl FnOnce() + Send) {}

fn misuse(net: &Net) {
    on_another_thread(|| {
        let _ = net.poll();
    });
}

fn main() {}

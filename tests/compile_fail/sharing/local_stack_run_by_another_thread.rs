// must not compile: whoever runs the stack needs it to be shared, as do those who wait.
// expect: cannot be shared between threads safely

use std::ops::ControlFlow;

use sockstate::{Net, device};

fn on_another_thread(_work: impl FnOnce() + Send) {}

fn misuse(net: &Net) {
    on_another_thread(|| {
        let _ = net.run(&device::thread_waker(), |_| ControlFlow::Break(()));
    });
}

fn main() {}

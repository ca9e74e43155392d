// must not compile: the look-up works on its stack, which has no lock between threads.
// expect: cannot be shared between threads safely

use sockstate::Lookup;

fn on_another_thread(_work: impl FnOnce() + Send) {}

fn misuse(mut lookup: Lookup<'_, 'static>) {
    on_another_thread(move || {
        let _ = lookup.poll();
    });
}

fn main() {}

//! x

mod cable;
mod near;
mod remote;
mod time;
mod work;
mod world;

use near::Near;
use near::bare::{Bare, Documented, Tuned};
use near::typed::Typed;
use work::{Case, Work};

fn frames<N: Near>(case: Case) {
    let mut bench = case.begin::<N>();
    let f0 = bench.world.plug.frames();
    let t0 = time::now();
    let [_, times] = case.work.times();
    bench.run(times);
    println!("{:<30} {:?}: {} times, {} frames, {} us", N::NAME, case, times, bench.world.plug.frames() - f0, time::now() - t0);
}

fn run<N: Near>(work: &str, times: u32) {
    let work = *Work::ALL.iter().find(|w| format!("{w:?}") == work).unwrap();
    let mut bench = Case { work, idle: None }.begin::<N>();
    bench.run(times);
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [near, work, times] = &args[..] {
        let times = times.parse().unwrap();
        match near.as_str() {
            "docs" => run::<Bare<Documented>>(work, times),
            "tuned" => run::<Bare<Tuned>>(work, times),
            _ => run::<Typed>(work, times),
        }
        return;
    }
    for work in Work::ALL {
        let case = Case { work, idle: None };
        frames::<Bare<Documented>>(case);
        frames::<Bare<Tuned>>(case);
        frames::<Typed>(case);
    }
}

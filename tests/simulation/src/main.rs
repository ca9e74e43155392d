fn main() {
    let seed: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let n: u64 = std::env::args().nth(2).unwrap().parse().unwrap();
    let mut sum = sockstate_simulation::Stats::default();
    for seed in seed..seed + n {
        let plan = sockstate_simulation::Plan::random(seed);
        let out = sockstate_simulation::run(&plan);
        sum.add(&out.stats);
        if let Some(v) = out.violation {
            println!("seed {seed}: {v}");
            if std::env::args().nth(3).is_some() {
                let (plan, v) = sockstate_simulation::shrink(&plan, &v);
                println!("{plan}{v}");
                sockstate_simulation::run_and_print(&plan);
            }
        }
    }
    println!("{sum}");
}

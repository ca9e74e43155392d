//! What is printed, written and checked.

use std::error::Error;
use std::fs;

use sockstate_tables::Task;

use crate::results::{Extent, Programs, Results};
use crate::{gate, plot, table};

/// Measures, prints the tables and does what the rest of the command line says: see `scripts/bench`.
pub fn run(programs: &Programs, task: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut task = Task::of(task)?;
    let extent = match task {
        Task::Check(_) => Extent::Bounds,
        Task::Print | Task::Write(_) => Extent::Everything,
    };
    let results = Results::measured(programs, extent)?;
    let mut faults = vec![];
    let mut settle = |name: &str, table: String, differ: Option<Differ>| {
        println!("{name}\n\n{table}");
        // Exact numbers are another compiler's: what is compared depends on the table.
        match (differ, task.known(name)) {
            (Some(differ), Some(known)) => {
                let differences = differ(known);
                faults.extend(differences.into_iter().map(|it| format!("{name}: {it}")));
            }
            _ => faults.extend(task.settle(name, &table, str::to_owned).err()),
        }
    };

    let work = table::work(&results);
    settle("bench-work", work.clone(), Some(&|known| table::differences(known, &work)));
    settle("bench-frames", table::frames(&results), None);
    settle("bench-memory", table::memory(&results), None);
    if extent == Extent::Everything {
        settle("bench-idle", table::idle(&results), None);
        settle("bench-wall", table::wall(&results), None);
    }
    let bounds = gate::bounds(&results);
    settle("bench-bounds", gate::table(&bounds), Some(&|known| gate::faults(known, &bounds)));

    if let Task::Write(_) = task {
        fs::write("assets/bench-sockets.svg", plot::sockets(&results))?;
        fs::write("assets/bench-work.svg", plot::work(&results))?;
    }
    task.finish()?;
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

/// How the table that is known differs from the one that was measured.
type Differ<'a> = &'a dyn Fn(&str) -> Vec<String>;

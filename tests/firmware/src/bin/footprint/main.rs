//! What sockstate takes in firmware beside bare smoltcp: flash, RAM, stack, instructions, wake-ups
//! and panics. Prints a table, and says which bounds are not kept.
//!
//! ```sh
//! scripts/footprint
//! scripts/footprint --check README.md    # is the table there the same?
//! scripts/footprint --write README.md
//! ```
//!
//! Only `--check` fails where a bound is not kept, and not if the table in the file says so itself:
//! what is claimed must hold.

mod image;
mod measure;
mod servers;
mod table;

use std::env;
use std::error::Error;

use sockstate_tables::Task;

fn main() {
    // Apart from the rest: compilers may want the network that the images must not have.
    if env::args().skip(1).eq(["build"]) {
        return measure::build_all();
    }
    sockstate_tables::end(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut task = Task::from_arguments()?;
    servers::start()?;
    let rows = measure::all();
    let compiler = measure::compiler();
    let table = table::table(&compiler, &rows);
    print!("{table}");
    for row in rows.iter().filter(|row| row.is_kept() == Some(false)) {
        eprintln!("not kept: {}", row.what);
    }
    // With another compiler sizes are others. What is claimed of the bounds holds for all.
    let known = task.known("footprint");
    let mut faults = known.map_or_else(Vec::new, |known| table::broken_claims(known, &rows));
    let of_another = known.is_some_and(|known| !known.contains(&compiler));
    if of_another {
        eprintln!("not compared with the table of another compiler");
    }
    let part = |table: &str| if of_another { String::new() } else { table.to_owned() };
    faults.extend(task.settle("footprint", &table, part).err());
    task.finish()?;
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

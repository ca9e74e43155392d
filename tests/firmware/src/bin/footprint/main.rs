//! What sockstate takes in firmware beside bare smoltcp: flash, RAM, stack, instructions, wake-ups
//! and panics. Prints a table, and fails if a bound is not kept.
//!
//! ```sh
//! scripts/footprint
//! scripts/footprint --check README.md    # is the table there the same?
//! scripts/footprint --write README.md
//! ```

mod image;
mod measure;
mod servers;
mod table;

use std::env;
use std::error::Error;
use std::process::exit;

use sockstate_tables::Task;

fn main() {
    // Apart from the rest: compilers may want the network that the images must not have.
    if env::args().skip(1).eq(["build"]) {
        return measure::build_all();
    }
    if let Err(error) = run() {
        eprintln!("{error}");
        exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut task = Task::from_arguments()?;
    servers::start()?;
    let rows = measure::all();
    let compiler = measure::compiler();
    let table = table::table(&compiler, &rows);
    print!("{table}");
    // With another compiler sizes are others. The bounds hold for all.
    let of_another = task.known("footprint").is_some_and(|known| !known.contains(&compiler));
    if of_another {
        eprintln!("not compared with the table of another compiler");
    }
    let part = |table: &str| if of_another { String::new() } else { table.to_owned() };
    let mut faults: Vec<String> =
        task.settle("footprint", &table, part).err().into_iter().collect();
    task.finish()?;
    let broken = rows.iter().filter(|row| row.is_kept() == Some(false)).count();
    faults.extend((broken > 0).then(|| format!("{broken} bounds are not kept")));
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

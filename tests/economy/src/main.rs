//! Does all work on both stacks, and prints the table of what it has cost.
//!
//! ```sh
//! cargo run -p sockstate-economy
//! cargo run -p sockstate-economy -- --check README.md    # is the table there the same?
//! cargo run -p sockstate-economy -- --write README.md
//! ```

use std::error::Error;

use sockstate_economy::table::{Row, table};
use sockstate_economy::work::Case;
use sockstate_tables::Task;

fn main() {
    sockstate_tables::end(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut task = Task::from_arguments()?;
    let rows: Vec<Row> = Case::all().into_iter().map(Row::measured).collect();
    let table = table(&rows);
    print!("{table}");
    task.settle("economy", &table, str::to_owned)?;
    task.finish()
}

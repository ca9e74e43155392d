// must not compile: waiting takes the look-up, and gives its answer.
// expect: use of moved value

use sockstate::{Error, Lookup};

fn misuse(lookup: Lookup<'_, '_>) -> Result<(), Error> {
    lookup.wait()?;
    lookup.wait()?;
    Ok(())
}

fn main() {}

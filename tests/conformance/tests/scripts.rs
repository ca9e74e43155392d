//! Every script, each by its name.

use sockstate_conformance::{Script, run, run_known, scripts_in};

#[test]
fn the_stack_does_what_the_scripts_say() {
    let (paths, mut failed) = (scripts_in("scripts"), Vec::new());
    for path in &paths {
        let script = Script::read(path).unwrap_or_else(|error| panic!("{error}"));
        match run(&script) {
            Ok(_) => println!("ok      {} ({})", script.name, script.section),
            Err(failure) => {
                println!("FAILED  {failure}");
                failed.push(script.name);
            }
        }
    }
    assert!(failed.is_empty(), "{} of {} failed: {failed:#?}", failed.len(), paths.len());
}

#[test]
fn there_are_enough_scripts_and_each_checks_something() {
    let paths = scripts_in("scripts");
    assert!(paths.len() >= 60, "{} scripts", paths.len());
    let mut sentences = Vec::new();
    for path in &paths {
        // A script does not parse unless its head names an RFC and a section.
        let script = Script::read(path).unwrap_or_else(|error| panic!("{error}"));
        assert!(script.expectations() > 0, "{} expects nothing", script.name);
        sentences.push(script.sentence);
    }
    sentences.sort();
    sentences.dedup();
    assert_eq!(sentences.len(), paths.len(), "two scripts check the same");
}

#[test]
fn what_is_known_to_differ_still_does() {
    let (paths, mut failed) = (scripts_in("known"), Vec::new());
    for path in &paths {
        let script = Script::read(path).unwrap_or_else(|error| panic!("{error}"));
        match run_known(&script) {
            Ok(_) => println!("known   {} ({})", script.name, script.section),
            Err(why) => {
                println!("FAILED  {why}");
                failed.push(script.name);
            }
        }
    }
    assert!(failed.is_empty(), "{} of {} failed: {failed:#?}", failed.len(), paths.len());
}

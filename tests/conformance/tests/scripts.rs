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
        let text = std::fs::read_to_string(path).unwrap();
        let says_where = text.lines().nth(1).is_some_and(says_where);
        assert!(says_where, "{}: its second line is to say where", script.name);
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

/// `# smoltcp 0.14.0, src/socket/tcp.rs:844: what it does.`
fn says_where(line: &str) -> bool {
    ["# smoltcp 0.14.0, src/", "# sockstate, src/"]
        .iter()
        .find_map(|whose| line.strip_prefix(whose)?.split_once(": "))
        .and_then(|(place, _)| place.rsplit_once(".rs:"))
        .is_some_and(|(_, line)| line.parse::<u32>().is_ok())
}

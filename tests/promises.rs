//! The page of promises is true in so far as a program can tell: each promise names tests that are
//! there, each thing that is not promised names where more is said of it, and nothing stands twice.
//!
//! That a test asserts what its promise says is for its reader to see; that it passes, for the test.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../src/promises.md");
const MANIFEST: &str = include_str!("../Cargo.toml");

/// Above which heading the promises stand, and above which what is none.
const PROMISED: &str = "# What is promised";
const NOT_PROMISED: &str = "# What is not promised";

/// A row of a table: what it says, and the names of files, tests and headings in its last cell.
struct Row<'a> {
    says: &'a str,
    cells: usize,
    names: Vec<&'a str>,
}

/// The rows of all tables of a text, without their heads.
fn rows(text: &str) -> Vec<Row<'_>> {
    let lines: Vec<_> = text.lines().collect();
    let is_rule = |line: &&str| line.starts_with("|--");
    let mut rows = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("| ")) {
        if lines.get(at + 1).is_some_and(is_rule) {
            continue;
        }
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let names = cells[cells.len() - 1].split('`').skip(1).step_by(2).collect();
        rows.push(Row { says: cells[0], cells: cells.len(), names });
    }
    rows
}

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(file(path)).map_err(|_| format!("there is no file {path}"))
}

/// Whether a file is there, or what to say.
fn exists(path: &str) -> Result<(), String> {
    if file(path).is_file() { Ok(()) } else { Err(format!("there is no file {path}")) }
}

/// A test by its name: a function or case of a file, a step of CI, or a file that is one.
fn find_test(name: &str) -> Result<(), String> {
    if let Some(("scripts/ci", step)) = name.split_once("::") {
        let has_step = read("scripts/ci")?.contains(&format!("\nstep_{step}() {{"));
        return if has_step { Ok(()) } else { Err(format!("scripts/ci has no step {step}")) };
    }
    if let Some((path, function)) = name.split_once("::") {
        let source = read(path)?;
        let is_case = path.starts_with("tests/contract/src/cases/") && has_case(&source, function);
        let found = is_case || has_test(&source, function);
        return if found { Ok(()) } else { Err(format!("{path} has no test {function}")) };
    }
    if name.starts_with("tests/compile_fail/") && name.ends_with(".rs") {
        exists(&Path::new(name).with_extension("stderr").to_string_lossy())?;
    } else if !(name.starts_with("tests/conformance/scripts/") && name.ends_with(".tcp")
        || name.starts_with("scripts/"))
    {
        return Err(format!("{name} is no test"));
    }
    exists(name)
}

/// A function with the attribute of tests among what stands above it.
fn has_test(source: &str, function: &str) -> bool {
    let lines: Vec<_> = source.lines().map(str::trim_start).collect();
    let begins = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ")
            .and_then(|rest| rest.strip_prefix(function))
            .is_some_and(|rest| rest.starts_with('('))
    };
    lines.iter().enumerate().filter(|(_, line)| begins(line)).any(|(at, _)| {
        let mut above = lines[..at].iter().rev().take_while(|line| line.starts_with(['#', '/']));
        above.any(|line| *line == "#[test]")
    })
}

/// A case of the contract is listed with where it is from; that makes a test of it.
fn has_case(source: &str, function: &str) -> bool {
    source.lines().map(str::trim_start).any(|line| {
        line.strip_prefix(function)
            .is_some_and(|rest| rest.starts_with(' ') && rest.contains(" from \""))
    })
}

/// Where more is said of what is not promised: a file, or a heading of one, as GitHub links to it.
fn find_reference(name: &str) -> Result<(), String> {
    let Some((path, anchor)) = name.split_once('#') else { return exists(name) };
    let text = read(path)?;
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    if headings.any(|line| slug(line) == anchor) {
        Ok(())
    } else {
        Err(format!("{path} has no heading #{anchor}"))
    }
}

fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// What is wrong with a page.
fn problems(page: &str) -> Vec<String> {
    let Some((promised, not_promised)) =
        page.split_once(NOT_PROMISED).filter(|(before, _)| before.contains(PROMISED))
    else {
        return vec!["a part is missing".to_owned()];
    };
    let mut problems = Vec::new();
    let mut said = BTreeSet::new();
    let mut check = |text, cells, find: fn(&str) -> Result<(), String>| {
        for row in rows(text) {
            let mut complain = |what: &str| problems.push(format!("{}: {what}", row.says));
            if row.cells != cells {
                complain(&format!("{} cells, and not {cells}", row.cells));
            }
            if !said.insert(row.says.trim_end_matches('.').to_lowercase()) {
                complain("twice");
            }
            if row.names.is_empty() {
                complain("nothing behind it");
            }
            row.names.iter().filter_map(|name| find(name).err()).for_each(|what| complain(&what));
        }
    };
    check(promised, 3, find_test);
    check(not_promised, 2, find_reference);
    problems
}

#[test]
fn every_promise_has_its_tests_and_every_other_a_reference() {
    let problems = problems(PAGE);
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    let (promised, not_promised) = PAGE.split_once(NOT_PROMISED).unwrap();
    let counts = (rows(promised).len(), rows(not_promised).len());
    assert!(counts.0 >= 90 && counts.1 >= 20, "{counts:?} rows are left");
}

/// A difference to the RFCs that is known, and that the page is silent about.
#[test]
fn every_known_difference_is_told() {
    let told: BTreeSet<_> = rows(PAGE).into_iter().flat_map(|row| row.names).collect();
    let known = "tests/conformance/known";
    let names = |path: &str| -> Vec<String> {
        let entries = fs::read_dir(file(path)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    for topic in names(known) {
        for script in names(&format!("{known}/{topic}")) {
            let path = format!("{known}/{topic}/{script}");
            assert!(told.contains(&*path), "{path} is not on the page");
        }
    }
}

/// What the compiler holds the library to, and what none of its files may switch off.
#[test]
fn the_manifest_forbids_unsafe_code() {
    let (_, lints) = MANIFEST.split_once("[lints.rust]\n").unwrap();
    let lints: Vec<_> = lints.lines().take_while(|line| !line.starts_with('[')).collect();
    assert!(lints.contains(&r#"unsafe_code = "forbid""#), "{lints:?}");
}

/// A page of one promise and one thing that is none.
fn page(promise: &str, other: &str) -> String {
    format!(
        "# What is promised\n\n| promise | source | tests |\n|---|---|---|\n{promise}\n\n\
         # What is not promised\n\n| not promised | more |\n|---|---|\n{other}\n"
    )
}

const GOOD: &str = "| It holds. | RFC 1 | `tests/tcp.rs::half_closed_sockets_receive_on` |";
const OTHER: &str = "| It may not. | `design.md#the-objections` |";

#[track_caller]
fn assert_problems(page: &str, expected: &[&str]) {
    assert_eq!(problems(page), expected);
}

#[test]
fn a_page_that_is_right_passes() {
    assert_problems(&page(GOOD, OTHER), &[]);
    for name in [
        "tests/contract/src/cases/connect.rs::connect_after_a_refusal_succeeds",
        "src/stack/oracle/points.rs::both_ends_may_open_at_once",
        "tests/compile_fail/tcp/bound_send.rs",
        "tests/conformance/scripts/close/active.tcp",
        "scripts/ci::no_std",
        "scripts/bench",
    ] {
        assert_problems(&page(&format!("| It holds. | | `{name}` |"), OTHER), &[]);
    }
}

#[test]
fn a_promise_without_a_test_is_none() {
    let bad = page("| It holds. | RFC 1 | of course |", OTHER);
    assert_problems(&bad, &["It holds.: nothing behind it"]);
    assert_problems(&page("| It holds. | RFC 1 | |", OTHER), &["It holds.: nothing behind it"]);
    let bad = page("| It holds. | `tests/tcp.rs::half_closed_sockets_receive_on` |", OTHER);
    assert_problems(&bad, &["It holds.: 2 cells, and not 3"]);
}

#[test]
fn a_test_that_is_not_there_is_found() {
    for (name, problem) in [
        ("tests/no.rs::x", "there is no file tests/no.rs"),
        ("tests/tcp.rs::x", "tests/tcp.rs has no test x"),
        // The beginning of a name, a function that is no test, and one without its case.
        ("tests/tcp.rs::half_closed", "tests/tcp.rs has no test half_closed"),
        ("tests/tcp.rs::transfer", "tests/tcp.rs has no test transfer"),
        (
            "tests/contract/src/cases/connect.rs::nobody",
            "tests/contract/src/cases/connect.rs has no test nobody",
        ),
        ("tests/tcp.rs", "tests/tcp.rs is no test"),
        ("scripts/ci::x", "scripts/ci has no step x"),
        ("scripts/x", "there is no file scripts/x"),
        ("tests/compile_fail/tcp/x.rs", "there is no file tests/compile_fail/tcp/x.stderr"),
        (
            "tests/conformance/scripts/close/x.tcp",
            "there is no file tests/conformance/scripts/close/x.tcp",
        ),
        // What is known to be otherwise is no promise.
        (
            "tests/conformance/known/time_wait/short.tcp",
            "tests/conformance/known/time_wait/short.tcp is no test",
        ),
    ] {
        let bad = page(&format!("| It holds. | | `scripts/bench`, `{name}` |"), OTHER);
        assert_problems(&bad, &[&format!("It holds.: {problem}")]);
    }
}

#[test]
fn what_is_said_twice_is_found() {
    let bad = page(&format!("{GOOD}\n{GOOD}"), OTHER);
    assert_problems(&bad, &["It holds.: twice"]);
    let bad = page(GOOD, "| it holds | `design.md` |");
    assert_problems(&bad, &["it holds: twice"]);
}

#[test]
fn a_reference_that_leads_nowhere_is_found() {
    for (name, problem) in [
        ("", "nothing behind it"),
        ("`x.md`", "there is no file x.md"),
        ("`design.md#x`", "design.md has no heading #x"),
    ] {
        let bad = page(GOOD, &format!("| It may not. | {name} |"));
        assert_problems(&bad, &[&format!("It may not.: {problem}")]);
    }
}

#[test]
fn a_part_that_is_missing_is_found() {
    assert_problems(GOOD, &["a part is missing"]);
    assert_problems(&page(GOOD, OTHER).replace(PROMISED, "#"), &["a part is missing"]);
}

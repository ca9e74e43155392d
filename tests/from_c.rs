//! The page for those who come from C is complete: each function with its counterpart, its code, its
//! mistake, and the case that pins what the compiler says to that.
//!
//! The code itself is tested with the documentation.

use std::fs;
use std::path::Path;

/// The functions of the C module, and the one that waits for many sockets.
const FUNCTIONS: [&str; 15] = [
    "socket_open_tcp",
    "socket_open_udp",
    "socket_open_raw",
    "socket_bind",
    "socket_listen",
    "socket_connect",
    "socket_connect_by_hostname",
    "socket_accept",
    "socket_sendto",
    "socket_recvfrom",
    "socket_write",
    "socket_read",
    "socket_size",
    "socket_close",
    "chan_list_poll",
];

const PAGE: &str = include_str!("../src/from_c.md");

/// The rows of the table: function, counterpart, mistake, case.
fn rows() -> Vec<[&'static str; 4]> {
    let cells = |line: &'static str| -> Vec<_> {
        line.trim_matches('|').split('|').map(str::trim).collect()
    };
    PAGE.lines()
        .filter(|line| line.starts_with("| [`"))
        .map(|line| cells(line).try_into().expect("four cells"))
        .collect()
}

#[test]
fn every_function_has_a_row_and_a_section() {
    let rows = rows();
    let sections: Vec<_> = PAGE.split("\n## `").skip(1).collect();
    assert_eq!((rows.len(), sections.len()), (FUNCTIONS.len(), FUNCTIONS.len()));
    for (function, (row, section)) in FUNCTIONS.iter().zip(rows.iter().zip(sections)) {
        assert_eq!(row[0], format!("[`{function}`](#{function})"));
        assert!(section.starts_with(&format!("{function}`\n")), "{function} has no section");
        assert!(section.contains(&format!("`{function}(")), "{function} is not shown as in C");
        let blocks: Vec<_> = section.split("\n```").collect();
        let good = blocks.iter().filter(|block| block.starts_with('\n')).count();
        let bad = blocks.iter().filter(|block| block.starts_with("compile_fail,E0")).count();
        // The ends of both blocks begin as that of the good one does.
        assert_eq!((good, bad), (3, 1), "{function}: one way, one mistake");
    }
}

#[test]
fn every_counterpart_is_a_call_and_every_case_is_one() {
    for [function, counterpart, mistake, case] in rows() {
        let function = function.split('`').nth(1).unwrap();
        assert!(counterpart.contains("::"), "{function}: {counterpart}");
        assert!(!mistake.is_empty(), "{function}");
        let case = case.trim_matches('`');
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail").join(case);
        assert!(path.with_extension("rs").is_file(), "{case} is missing");
        let said =
            fs::read_to_string(path.with_extension("stderr")).expect("what the compiler says");
        let code = said.split("error[").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
        let section = PAGE.split(&format!("\n## `{function}`")).nth(1).unwrap();
        let fence = format!("```compile_fail,{code}\n");
        let shown = section.find("```compile_fail").unwrap();
        assert!(section[shown..].starts_with(&fence), "{function}: {case} is about {code}");
    }
}

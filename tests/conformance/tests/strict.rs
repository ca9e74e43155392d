//! What the runner and the parser do not let pass.

use sockstate_conformance::{Failure, Script, run, run_known, scripts_in};

const HANDSHAKE: &str = "\
# RFC 9293 3.5: A passive open.
+0 listen 80 backlog 1
+0 < S 0:0(0) win 8192 mss 1460
+0 > S. 0:0(0) ack 1 win 4096 mss 1460
+0 < . 1:1(0) ack 1 win 8192
+0 accept
";

fn failure(lines: &str) -> Box<Failure> {
    let script = Script::parse("test", &format!("{HANDSHAKE}{lines}")).unwrap();
    run(&script).expect_err("it does not fail")
}

fn assert_fails(lines: &str, line: usize, expected: &str, got: &str) {
    let failure = failure(lines);
    assert_eq!(
        (failure.line, &failure.expected[..], &failure.got[..]),
        (line, expected, got),
        "{failure}"
    );
}

#[test]
fn what_is_not_expected_fails() {
    // A segment that no line speaks of: at the end, before a call, and while time passes.
    const SENT: &str = "> P. 1:6(5) ack 1 win 4096 \"hello\"";
    assert_fails("+0 send \"hello\"", 7, "silence, at 0.000000", SENT);
    assert_fails("+0 send \"hello\"\n+0 flush -> WouldBlock", 8, "silence, at 0.000000", SENT);
    assert_fails("+0 send \"hello\"\n+1s silent", 8, "silence, at 0.000000", SENT);
    let acknowledges = "+0 < P. 1:6(5) ack 1 win 8192\n+9ms silent\n+1ms silent";
    assert_fails(acknowledges, 9, "silence, at 0.010000", "> . 1:1(0) ack 6 win 4091");
}

#[test]
fn what_is_expected_and_does_not_come_fails() {
    let line = "+0 > . 1:1(0) ack 1 win 4096";
    assert_fails(line, 7, line, "nothing");
    // Too early, and too late.
    let early = "+0 < P. 1:6(5) ack 1 win 8192\n+9ms > . 1:1(0) ack 6 win 4091";
    assert_fails(early, 8, "+9ms > . 1:1(0) ack 6 win 4091", "nothing");
    let late = "+0 < P. 1:6(5) ack 1 win 8192\n+11ms > . 1:1(0) ack 6 win 4091";
    assert_fails(late, 8, "silence, at 0.010000", "> . 1:1(0) ack 6 win 4091");
}

#[test]
fn every_field_of_a_segment_counts() {
    let sent = "> P. 1:6(5) ack 1 win 4096 \"hello\"";
    for wrong in [
        "> . 1:6(5) ack 1 win 4096 \"hello\"",
        "> F. 1:6(5) ack 1 win 4096 \"hello\"",
        "> P. 2:7(5) ack 1 win 4096 \"hello\"",
        "> P. 1:5(4) ack 1 win 4096 \"hell\"",
        "> P. 1:6(5) ack 2 win 4096 \"hello\"",
        "> P. 1:6(5) ack 1 win 4095 \"hello\"",
        "> P. 1:6(5) ack 1 win 4096 mss 1460 \"hello\"",
        "> P. 1:6(5) ack 1 win 4096 \"hullo\"",
        "> P. 1:6(5) ack 1 win 4096",
        "@b > P. 1:6(5) ack 1 win 4096 \"hello\"",
    ] {
        let line = format!("+0 {wrong}");
        assert_fails(&format!("+0 send \"hello\"\n{line}"), 8, &line, sent);
    }
}

#[test]
fn every_outcome_counts() {
    for (call, got) in [
        ("+0 receive \"hello\"", "WouldBlock"),
        ("+0 receive -> Error::Reset", "WouldBlock"),
        ("+0 send \"\" -> 1", "0"),
        ("+0 flush -> WouldBlock", "success"),
        ("+0 state CLOSE-WAIT", "ESTABLISHED"),
        ("+0 free 8", "6"),
        ("+0 accept", "WouldBlock"),
        ("+0 connected", "AnyTcpSocket(Connected) has no such call"),
        ("+0 @b flush", "`@b` has no socket"),
    ] {
        assert_fails(call, 7, call, got);
    }
}

#[test]
fn a_failure_shows_the_script_and_what_happened() {
    let shown = failure("+0 send \"hello\"\n+1s silent").to_string();
    for part in ["test:8", "expected silence", "got      > P. 1:6(5)", "0.000000  send \"hello\""] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
}

/// Each number that a script expects matters: with another one it fails at that line.
#[test]
fn an_altered_number_fails_every_script() {
    let mut altered = 0;
    for path in scripts_in("scripts") {
        let text = std::fs::read_to_string(&path).unwrap();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| line.contains("> ")) {
            let Some((before, rest)) = line.split_once(" ack ") else { continue };
            if !before.contains(" > ") {
                continue;
            }
            let (number, after) = rest.split_once(' ').unwrap_or((rest, ""));
            let number: i64 = number.parse().unwrap();
            let wrong = format!("{before} ack {} {after}", number + 1);
            let lines = text.lines().enumerate();
            let text: String = lines
                .map(|(other, line)| if other == at { wrong.clone() } else { line.into() } + "\n")
                .collect();
            let name = path.display().to_string();
            let failure = run(&Script::parse(&name, &text).unwrap()).expect_err("it does not fail");
            assert_eq!(failure.line, at + 1, "{failure}");
            altered += 1;
        }
    }
    println!("{altered} numbers altered");
    assert!(altered > 300, "{altered}");
}

#[test]
fn what_is_not_understood_is_refused_with_its_line() {
    for (line, reason) in [
        ("+0 lisen 80", "`lisen` is not a call"),
        ("0 accept", "a line begins with its time: `+0`, `+10ms`"),
        ("+10 accept", "`10` is not a time: `0`, `250us`, `10ms`, `1.5s`"),
        ("+0 accept now", "`now` is not understood here"),
        ("+0 < X 0:0(0) win 1", "`X` is neither a call nor the flags of a segment"),
        ("+0 < S 0:5(4) win 1", "from 0 to 5 are not 4 bytes"),
        ("+0 < S 0:0(0) ack 1 win 1", "`.` among the flags and `ack` go together"),
        ("+0 < S 0:0(0)", "only a RST may go without `win`"),
        ("+0 < S 0:0(0) win 65536", "`65536` is not a number that is possible here"),
        ("+0 < S 0:0(0) win 1 msss 1", "`msss` is not understood here"),
        ("+0 > . 1:1(0) ack 1 win 1 urg 1", "`urg` is not understood here"),
        ("+0 < P. 1:6(5) ack 1 win 1 \"hell\"", "the payload has 4 bytes and not 5"),
        ("+0 send \"hello", "a text without its closing quote"),
        ("+0 receive -> Error::Gone", "`Error::Gone` is not an outcome"),
        ("+0 state OPEN", "`OPEN` is not a state of RFC 9293"),
        ("config ipv6", "`config` belongs before the first line of what happens"),
    ] {
        let error = Script::parse("test.tcp", &format!("{HANDSHAKE}{line}")).unwrap_err();
        assert_eq!(error.to_string(), format!("test.tcp:7: {reason}"));
    }
    let error = Script::parse("test.tcp", "# RFC 9293 3.5: A.\nconfig ipv5").unwrap_err();
    assert_eq!(error.to_string(), "test.tcp:2: `ipv5` is nothing that can be configured");
}

#[test]
fn a_script_names_its_rfc_and_section() {
    for head in ["", "# RFC 9293: No section.", "# RFC 9293 3.x: S.", "# 9293 3: S.", "# A test."] {
        let error = Script::parse("test.tcp", &format!("{head}\n+0 silent")).unwrap_err();
        assert_eq!(error.line, 1, "{error}");
    }
    assert!(Script::parse("test.tcp", "# RFC 9293 3.5: A sentence.").is_err(), "without a line");
}

#[test]
fn a_difference_that_is_gone_or_another_is_noticed() {
    let known = |line: &str| {
        run_known(&Script::parse("test", &format!("{HANDSHAKE}+0 send \"a\"\n{line}")).unwrap())
    };
    assert!(known("+0 silent !! > P. 1:2(1) ack 1 win 4096").is_ok());
    for (line, why) in [
        ("+0 > P. 1:2(1) ack 1 win 4096 !! nothing", "test: it does not differ any more"),
        ("+0 silent !! > . 1:2(1) ack 1 win 4096", "not as it is known, line 8"),
        ("+0 silent\n+0 silent !! nothing", "not as it is known, line 9"),
        ("+0 > P. 1:2(1) ack 1 win 4096", "test: one line is to have a `!!`"),
    ] {
        let said = known(line).unwrap_err();
        assert!(said.starts_with(why), "{said}");
    }
    // And what is known to differ is no script among the others.
    assert!(failure("+0 silent !! nothing").expected.starts_with("no `!!`"));
}

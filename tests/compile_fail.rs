//! Misuse does not compile, and the compiler says why and what to do instead.
//!
//! Each file `tests/compile_fail/<group>/<case>.rs` holds one mistake, and says in its first line
//! why it is one; the file beside it holds what the compiler says, word for word. After a change
//! that is meant to alter the messages, `TRYBUILD=overwrite cargo test --test compile_fail` writes
//! them anew, for the toolchain that `rust-toolchain.toml` pins. What a message must say in any
//! case is written down here, and does not change with them.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fs, io};

use sockstate::state::{
    Bound, Closed, Closing, Connected, Connecting, HalfClosed, Listening, ReadHalf, Resolving,
    WriteHalf, icmp, raw, tcp, udp,
};

/// The states, and how the names of the cases spell them.
const STATES: [(&str, &str); 10] = [
    ("Closed", "closed"),
    ("Bound", "bound"),
    ("Listening", "listening"),
    ("Resolving<'_>", "resolving"),
    ("Connecting", "connecting"),
    ("Connected", "connected"),
    ("HalfClosed", "half_closed"),
    ("ReadHalf", "read_half"),
    ("WriteHalf", "write_half"),
    ("Closing", "closing"),
];

/// Whether a socket of a protocol can be in a state.
fn knows(protocol: &str, state: &str) -> bool {
    match protocol {
        "tcp" => true,
        "udp" => ["Closed", "Bound", "Resolving<'_>", "Connected"].contains(&state),
        _ => ["Closed", "Bound"].contains(&state),
    }
}

/// The calls that need a capability, and the states that have it.
struct Capability {
    protocol: &'static str,
    calls: &'static [&'static str],
    states: &'static [&'static str],
}

/// The table of capabilities, which does not compile if a state lacks one that it should have.
macro_rules! capabilities {
    ($($protocol:ident::$capability:ident: $($state:ty),+ => $($call:ident),+;)+) => {
        const CAPABILITIES: &[Capability] = &[$(Capability {
            protocol: stringify!($protocol),
            calls: &[$(stringify!($call)),+],
            states: &[$(stringify!($state)),+],
        }),+];

        const _: () = {
            $({
                const fn has<St: $protocol::$capability>() {}
                $(has::<$state>();)+
            })+
        };
    };
}

capabilities! {
    tcp::CanBind: Closed => bind;
    tcp::CanListen: Bound => listen;
    tcp::CanConnect: Closed, Bound => connect, connect_by_name;
    tcp::CanAccept: Listening => accept;
    tcp::CanWait: Resolving<'_>, Connecting, Closing => wait, wait_with, poll, finish;
    tcp::CanSend: Connected, WriteHalf => send, send_with, send_room;
    tcp::CanReceive: Connected, HalfClosed, ReadHalf => receive, peek, recv_with, receive_queue;
    tcp::CanShutdown: Connected => shutdown;
    tcp::CanSplit: Connected => split;
    tcp::CanClose: Connected, HalfClosed => close;
    tcp::CanAbort: Connected, HalfClosed, Closing => abort;
    tcp::HasPeer: Connecting, Connected, HalfClosed, ReadHalf, WriteHalf, Closing =>
        remote_endpoint, flush, send_queue, set_timeout, set_keep_alive, set_nagle, set_ack_delay,
        set_hop_limit;
    tcp::IsOpen: Bound, Listening, Connecting, Connected, HalfClosed, ReadHalf, WriteHalf, Closing =>
        local_endpoint;
    udp::CanBind: Closed => bind;
    udp::CanConnect: Closed, Bound => connect, connect_by_name;
    udp::CanWait: Resolving<'_> => wait, wait_with, poll, finish;
    udp::CanDisconnect: Connected => disconnect;
    udp::CanSendTo: Bound => send_to, send_to_with;
    udp::CanSend: Connected => send, send_with, remote_endpoint;
    udp::CanReceiveFrom: Bound => receive_from, recv_from_with;
    udp::CanReceive: Connected => receive, recv_with;
    udp::IsOpen: Bound, Connected => local_endpoint, flush, next_len, set_hop_limit;
    icmp::CanBind: Closed => bind, bind_any;
    icmp::CanSendEcho: Bound => send_echo;
    icmp::CanReceiveEcho: Bound => receive_echo;
    icmp::IsOpen: Bound => ident, flush, next_len, set_hop_limit;
    raw::CanBind: Closed => bind;
    raw::CanSendPacket: Bound => send, send_with;
    raw::CanReceivePacket: Bound => receive, recv_with;
    raw::IsOpen: Bound => flush, next_len;
}

/// One mistake.
struct Case {
    group: String,
    name: String,
    source: String,
    /// What the compiler says, with the states under their short names.
    said: String,
}

impl Case {
    /// The state and the call that the name of the case puts together.
    fn state_and_call(&self) -> Option<(&'static str, &str)> {
        STATES.iter().find_map(|(state, spelled)| {
            let call = self.name.strip_prefix(spelled)?.strip_prefix('_')?;
            Some((*state, call))
        })
    }

    /// What the second line of the source says to look for in the message.
    fn expected(&self) -> Option<String> {
        self.source.lines().nth(1)?.strip_prefix("// expect: ").map(short)
    }

    fn errors(&self) -> Vec<&str> {
        self.said.lines().filter(|line| line.starts_with("error")).collect()
    }

    /// What is wrong with the case or with its message.
    fn check(&self) -> Result<(), String> {
        let require = |holds: bool, what: &str| match holds {
            true => Ok(()),
            false => Err(what.to_owned()),
        };
        let reason = self.source.lines().next().unwrap_or_default();
        require(reason.starts_with("// must not compile: "), "no reason in the first line")?;
        // Line numbers of other files would change with every edit there.
        for place in self.said.lines().filter_map(place) {
            let (file, line) = place.split_once(':').unwrap_or((place, ""));
            require(
                file.starts_with("tests/compile_fail/") || line.is_empty(),
                "a line number outside of the case",
            )?;
            require(
                ["tests/compile_fail/", "src/", "$CARGO/", "$RUST/"]
                    .iter()
                    .any(|root| file.starts_with(root)),
                "a path of one machine",
            )?;
        }
        match self.group.as_str() {
            "tcp" | "udp" | "icmp" | "raw" => {
                let (state, call) = self.state_and_call().ok_or("no state in the name")?;
                require(
                    self.source.contains(&format!("Socket<'_, {state}>"))
                        && self.source.contains(&format!("socket.{call}(")),
                    "not the mistake that the name promises",
                )?;
                require(
                    matches!(self.errors()[..], [error] if error.starts_with("error[E0277]: ")
                        && error.contains(&format!(" in state `{state}` "))),
                    "not the one error that names the state",
                )?;
                require(
                    self.said.contains(&format!("^ this socket is `{state}`; ")),
                    "no label that names the state",
                )?;
                require(
                    self.said.lines().any(|line| {
                        line.trim_start().strip_prefix("= note: ").is_some_and(names_a_call)
                    }),
                    "no way out",
                )
            }
            "moved" => {
                let (state, _) = self.state_and_call().ok_or("no state in the name")?;
                require(
                    matches!(self.errors()[..], [error] if error.starts_with("error[E0382]: ")
                        && error.contains(" of moved value: ")),
                    "not the one error about the moved value",
                )?;
                require(
                    self.said.contains(&format!("Socket<'_, {state}>`, which does not implement")),
                    "no type that names the state",
                )?;
                require(self.said.contains("here after move"), "no place of the second use")
            }
            "sharing" | "sealed" | "tasks" => {
                let expected = self.expected().ok_or("nothing expected in the second line")?;
                require(!expected.is_empty() && self.said.contains(&expected), "not as expected")
            }
            _ => Err("an unknown group".to_owned()),
        }
    }
}

/// With the states under their short names. The compiler writes the path of a state if something
/// else in some crate has its name as well, as `std::ops::Bound` has.
fn short(text: &str) -> String {
    text.replace("sockstate::state::", "")
}

/// The place in a line of the compiler's that has one.
fn place(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("--> ").or_else(|| line.strip_prefix("::: "))
}

/// Whether something in backticks is a call or the name of a method.
fn names_a_call(text: &str) -> bool {
    text.split('`').skip(1).step_by(2).any(|quoted| {
        quoted.contains('(') || quoted.starts_with(|first: char| first.is_ascii_lowercase())
    })
}

fn in_manifest_dir(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// All cases. A file without its other half is an error.
fn cases() -> io::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for group in fs::read_dir(in_manifest_dir("tests/compile_fail"))? {
        let group = group?;
        for file in fs::read_dir(group.path())? {
            let source = file?.path().with_extension("rs");
            let stderr = source.with_extension("stderr");
            let read = |path: &Path| {
                fs::read_to_string(path)
                    .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
            };
            cases.push(Case {
                group: group.file_name().to_string_lossy().into_owned(),
                name: source.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
                source: read(&source)?,
                said: short(&read(&stderr)?),
            });
        }
    }
    // Each case was met twice, once for each of its files.
    cases.sort_by(|a, b| (&a.group, &a.name).cmp(&(&b.group, &b.name)));
    cases.dedup_by(|a, b| (&a.group, &a.name) == (&b.group, &b.name));
    Ok(cases)
}

#[test]
fn misuse_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*/*.rs");
}

#[test]
fn messages_name_the_state_and_the_way_out() -> Result<(), Box<dyn Error>> {
    let cases = cases()?;
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let wrong = case.check().err()?;
            Some(format!("{}/{}: {wrong}", case.group, case.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() >= 70, "only {} cases", cases.len());
    Ok(())
}

#[test]
fn every_state_has_a_capability_or_a_case() -> Result<(), Box<dyn Error>> {
    let cases = cases()?;
    for Capability { protocol, calls, states } in CAPABILITIES {
        for (state, spelled) in STATES {
            if !knows(protocol, state) {
                continue;
            }
            for (index, call) in calls.iter().enumerate() {
                let name = format!("{spelled}_{call}");
                let is_case = cases.iter().any(|case| case.group == *protocol && case.name == name);
                let may = states.contains(&state);
                assert!(!(is_case && may), "{protocol}/{name} is a case and allowed");
                // Calls that need the same capability need no more than one case each.
                assert!(is_case || may || index > 0, "{protocol}/{name} is no case");
            }
        }
        for call in *calls {
            assert!(
                cases.iter().any(|case| {
                    case.group == *protocol
                        && case.state_and_call().is_some_and(|(_, called)| called == *call)
                }),
                "{protocol} {call} has no case"
            );
        }
    }
    Ok(())
}

#[test]
fn the_gallery_quotes_the_compiler() -> Result<(), Box<dyn Error>> {
    let cases = cases()?;
    let gallery = fs::read_to_string(in_manifest_dir("examples/wrong.md"))?;
    let quotations: Vec<String> = gallery
        .split("```text\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .map(short)
        .collect();
    assert_eq!(quotations.len(), gallery.matches("\n## ").count(), "one quotation a mistake");
    for quotation in quotations {
        assert!(
            cases.iter().any(|case| quotation.lines().all(|line| case.said.contains(line))),
            "nowhere said:\n{quotation}"
        );
    }
    Ok(())
}

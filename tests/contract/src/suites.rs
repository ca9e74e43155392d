//! The suites: the cases for the traits of a crate, and the stacks that they are run on.

use sockstate::Net;

use crate::cases::{connect, edge, nal_async, names, streams};
use crate::stacks::{Edge, Nal};
use crate::worlds::{BlockingNet, InLab, OnKernel, Ours, Row, SmoltcpNal, StdNal, StdStreams};

/// A table.
pub struct Suite {
    /// What the marks around it are called.
    pub name: &'static str,
    /// The stacks, this crate's first, and the cases of each; of one that cannot be run, none.
    pub stacks: Vec<(&'static str, Option<Vec<Row>>)>,
}

/// All of them.
pub fn all() -> [Suite; 4] {
    [
        Suite {
            name: "contract",
            stacks: vec![
                ("sockstate", Some(Ours::rows())),
                ("smoltcp-nal 0.7", Some(SmoltcpNal::rows())),
                ("std-embedded-nal 0.4", StdNal::rows()),
            ],
        },
        Suite {
            name: "contract-io",
            stacks: vec![
                ("sockstate", Some(io())),
                ("std, by embedded-io-adapters 0.7", OnKernel::<StdStreams>::rows(streams::all())),
            ],
        },
        Suite {
            name: "contract-nal-async",
            stacks: vec![
                ("sockstate", Some(ours_by_nal())),
                ("std-embedded-nal-async 0.4", std_by_nal()),
            ],
        },
        Suite {
            name: "contract-edge-nal",
            stacks: vec![("sockstate", Some(ours_by_edge())), ("edge-nal-std 0.7", std_by_edge())],
        },
    ]
}

fn io() -> Vec<Row> {
    let mut rows = InLab::<BlockingNet>::rows(streams::all());
    rows.extend(InLab::<BlockingNet>::rows(streams::ready::cases()));
    rows
}

fn ours_by_nal() -> Vec<Row> {
    let mut rows = InLab::<Nal<&'static Net>>::rows(streams::all());
    rows.extend(InLab::<Nal<&'static Net>>::rows(streams::waiting::cases()));
    rows.extend(InLab::<Nal<&'static Net>>::rows(connect::cases()));
    rows.extend(InLab::<&'static Net>::rows(nal_async::connected::cases()));
    rows.extend(InLab::<&'static Net>::rows(nal_async::bound::cases()));
    rows.extend(InLab::<Nal<&'static Net>>::rows(names::cases()));
    rows
}

fn std_by_nal() -> Option<Vec<Row>> {
    use std_embedded_nal_async::Stack;
    let mut rows = OnKernel::<Nal<Stack>>::rows(streams::all())?;
    rows.extend(OnKernel::<Nal<Stack>>::rows(streams::waiting::cases())?);
    rows.extend(OnKernel::<Nal<Stack>>::rows(connect::cases())?);
    rows.extend(OnKernel::<Stack>::rows(nal_async::connected::cases())?);
    rows.extend(OnKernel::<Stack>::rows(nal_async::bound::cases())?);
    rows.extend(OnKernel::<Nal<Stack>>::rows(names::cases())?);
    Some(rows)
}

fn ours_by_edge() -> Vec<Row> {
    let mut rows = InLab::<Edge<&'static Net>>::rows(connect::cases());
    rows.extend(InLab::<&'static Net>::rows(edge::accept::cases()));
    rows.extend(InLab::<&'static Net>::rows(edge::parts::cases()));
    rows.extend(InLab::<&'static Net>::rows(edge::udp::cases()));
    rows.extend(InLab::<&'static Net>::rows(edge::multicast::cases()));
    rows.extend(InLab::<Edge<&'static Net>>::rows(names::cases()));
    rows
}

fn std_by_edge() -> Option<Vec<Row>> {
    use edge_nal_std::Stack;
    let mut rows = OnKernel::<Edge<Stack>>::rows(connect::cases())?;
    rows.extend(OnKernel::<Stack>::rows(edge::accept::cases())?);
    rows.extend(OnKernel::<Stack>::rows(edge::parts::cases())?);
    rows.extend(OnKernel::<Stack>::rows(edge::udp::cases())?);
    rows.extend(OnKernel::<Stack>::rows(edge::multicast::cases())?);
    rows.extend(OnKernel::<Edge<Stack>>::rows(names::cases())?);
    Some(rows)
}

#[test]
fn each_case_has_a_name_of_its_own_and_a_row() {
    for suite in all() {
        let (_, ours) = &suite.stacks[0];
        let ours: Vec<_> = ours.iter().flatten().map(|row| row.id).collect();
        for (place, id) in ours.iter().enumerate() {
            assert_eq!(ours.iter().position(|other| other == id), Some(place), "{id}");
        }
        for row in suite.stacks[1..].iter().filter_map(|(_, rows)| rows.as_ref()).flatten() {
            assert!(ours.contains(&row.id), "{}", row.id);
        }
    }
}

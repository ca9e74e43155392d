//! Plans that follow from a seed.

use sockstate::{AddrType, Overflow};

use super::{Act, Action, CALM_NODES, Kind, Limits, Node, Plan, Trouble, What};
use crate::net::Faults;
use crate::rng::Rng;

/// How long a plan is, in microseconds.
const MINUTE: u64 = 60_000_000;

/// Ports that listeners and dials have in common, so that they meet.
const PORTS: [u16; 3] = [80, 5_000, 50_000];

/// Ports that clients bind, so that the same connection is asked for again.
const CLIENT_PORTS: [u16; 2] = [6_000, 6_001];

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub begin: u64,
    pub end: u64,
    pub actions: u64,
}

impl Plan {
    pub fn random(seed: u64) -> Plan {
        let mut rng = Rng::for_purpose(seed, 1);
        let wild = rng.below(4);
        let count = rng.between(2, if wild == 0 { CALM_NODES as u64 } else { 8 }) as usize;
        let mut nodes: Vec<Node> = (0..count).map(|index| node(&mut rng, index, wild)).collect();
        if rng.chance(700) {
            let silence = rng.pick(&[0, 0, 100, 500, 1_000]);
            nodes[0].kind = Kind::NameServer { silence };
        }
        let load = Load { begin: 0, end: MINUTE, actions: rng.between(30, 400) };
        let actions = actions(&mut Rng::for_purpose(seed, 2), count, load);
        let troubles = if wild == 0 { 0 } else { rng.below(8) };
        let troubles = troubles_of(&mut Rng::for_purpose(seed, 3), count, troubles, MINUTE);
        Plan { seed, end: MINUTE, nodes, troubles, actions, plant: None }
    }
}

/// `wild` says how much goes wrong on its link: not at all, or more and more.
fn node(rng: &mut Rng, index: usize, wild: u64) -> Node {
    let is_ours = index == 0 || rng.chance(700);
    Node {
        kind: if is_ours { Kind::Ours } else { Kind::Stranger },
        mtu: rng.pick(&[1_514, 1_514, 1_294, 590]),
        link: link(rng, wild),
        tcp: rng.between(3, 24) as usize,
        udp: rng.between(2, 6) as usize,
        tcp_rx: rng.scaled(128, 8_192) as usize,
        tcp_tx: rng.scaled(128, 8_192) as usize,
        udp_buf: rng.between(600, 3_000) as usize,
        udp_packets: rng.between(1, 6) as usize,
        ahead: rng.below(1_000_000_000_000) as i64,
        limits: Limits {
            connect: rng.between(1_000, 20_000),
            handshake: rng.between(1_000, 10_000),
            unreachable: rng.between(2_000, 30_000),
            closing: rng.between(1_000, 20_000),
            lookup: rng.between(2_000, 10_000),
        },
        overflow: if rng.chance(500) { Overflow::Ignore } else { Overflow::Refuse },
    }
}

fn link(rng: &mut Rng, wild: u64) -> Faults {
    if wild == 0 {
        return Faults { delay: rng.scaled(1, 100_000), ..Faults::NONE };
    }
    let most = [0, 10, 50, 200][wild as usize];
    let mut chance = |one_in: u64| {
        if rng.below(one_in) == 0 { rng.below(most + 1) as u32 } else { 0 }
    };
    let (loss, duplication) = (chance(2), chance(3));
    let (reordering, corruption) = (chance(3), chance(4));
    Faults {
        loss,
        duplication,
        reordering,
        corruption,
        delay: rng.scaled(1, 100_000),
        jitter: if rng.chance(300) { rng.scaled(1, 50_000) } else { 0 },
        rate: if rng.chance(400) { rng.between(10_000, 1_000_000) } else { 0 },
        queue: rng.between(2, 64) as usize,
    }
}

/// What applications do, in the order of time.
pub(crate) fn actions(rng: &mut Rng, nodes: usize, load: Load) -> Vec<Action> {
    let mut actions = Vec::new();
    // First of all there is somebody to talk to.
    for node in 0..nodes {
        for port in [PORTS[0], rng.pick(&PORTS)] {
            let (backlog, script) = (rng.between(1, 3) as u16, rng.next());
            let time = rng.between(20_000_000, MINUTE);
            let act = Act::Listen { port, backlog, time, script };
            actions.push(Action { at: load.begin + rng.below(1_000), node, act });
        }
        let act = Act::Echo { port: rng.pick(&PORTS), time: rng.between(20_000_000, MINUTE) };
        actions.push(Action { at: load.begin + rng.below(1_000), node, act });
    }
    for _ in 0..load.actions {
        let node = rng.below(nodes as u64) as usize;
        let peer = (node + rng.between(1, nodes as u64 - 1) as usize) % nodes;
        let at = rng.between(load.begin, load.end);
        actions.push(Action { at, node, act: act(rng, nodes, peer) });
    }
    actions.sort_by_key(|action| action.at);
    actions
}

fn act(rng: &mut Rng, nodes: usize, peer: usize) -> Act {
    match rng.below(20) {
        0..2 => Act::Listen {
            port: rng.pick(&PORTS),
            backlog: rng.between(1, 4) as u16,
            time: rng.scaled(1_000, 30_000_000),
            script: rng.next(),
        },
        2..11 => Act::Dial {
            to: peer,
            v6: rng.chance(400),
            port: rng.pick(&PORTS),
            from: rng.chance(200).then(|| rng.pick(&CLIENT_PORTS)),
            by_name: rng.chance(200),
            patience: if rng.chance(150) { rng.scaled(1_000, 10_000_000) } else { MINUTE },
            script: rng.next(),
        },
        11 => Act::Hold { port: rng.pick(&PORTS), time: rng.scaled(1_000, 10_000_000) },
        12..14 => Act::Echo { port: rng.pick(&PORTS), time: rng.scaled(1_000, 30_000_000) },
        14..17 => Act::Talk {
            to: peer,
            v6: rng.chance(400),
            port: rng.pick(&PORTS),
            // One of those that others send to.
            from: rng.chance(500).then(|| rng.pick(&PORTS)),
            connects: rng.chance(500),
            count: rng.scaled(1, 200) as u32,
            pause: rng.scaled(1, 1_000_000),
            largest: rng.pick(&[8, 64, 500, 1_400]),
            time: rng.between(100_000, 20_000_000),
        },
        _ => Act::Lookup {
            of: rng.chance(850).then(|| rng.below(nodes as u64) as usize),
            kind: rng.pick(&[AddrType::Ipv4, AddrType::Ipv6, AddrType::Either]),
            patience: if rng.chance(200) { rng.scaled(1_000, 5_000_000) } else { MINUTE },
        },
    }
}

fn troubles_of(rng: &mut Rng, nodes: usize, count: u64, end: u64) -> Vec<Trouble> {
    let mut troubles: Vec<Trouble> = (0..count)
        .map(|_| {
            let node = rng.below(nodes as u64) as usize;
            let time = rng.scaled(1_000, 20_000_000);
            let what = match rng.below(5) {
                0 => What::Partition { nodes: rng.between(1, (1 << nodes) - 2) as u8, time },
                1 => What::Flap { node, time, told: rng.chance(500) },
                2 => What::Jump { node, by: rng.scaled(1_000, 10_000_000) },
                3 => What::Stop { node, time: time / 4 },
                _ => What::Address { node, v6: rng.chance(400) },
            };
            Trouble { at: rng.below(end), what }
        })
        .collect();
    troubles.sort_by_key(|trouble| trouble.at);
    troubles
}

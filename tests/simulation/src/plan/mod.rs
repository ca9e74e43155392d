//! What happens in a run: the nodes, what goes wrong, and what applications do. All that is random
//! about it is drawn before it begins, so that a plan can be shortened and run again.

mod random;
mod script;
mod text;

use sockstate::{AddrType, Overflow};

use crate::net::Faults;

pub(crate) use random::{Load, actions};
pub use script::{Ending, Script};

/// How many nodes a calm network has at most.
const CALM_NODES: usize = 4;

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Of what the network draws for each frame, and the stacks for themselves.
    pub seed: u64,
    /// When everybody goes home, in microseconds.
    pub end: u64,
    pub nodes: Vec<Node>,
    pub troubles: Vec<Trouble>,
    pub actions: Vec<Action>,
    /// What is done wrong on purpose.
    pub plant: Option<Plant>,
}

/// A host.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub kind: Kind,
    pub mtu: usize,
    pub link: Faults,
    pub tcp: usize,
    pub udp: usize,
    pub tcp_rx: usize,
    pub tcp_tx: usize,
    pub udp_buf: usize,
    pub udp_packets: usize,
    /// By how many microseconds its clock is ahead.
    pub ahead: i64,
    pub limits: Limits,
    pub overflow: Overflow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This library.
    Ours,
    /// This library, with a name server that leaves so many questions out of a thousand unanswered.
    NameServer { silence: u32 },
    /// Bare smoltcp.
    Stranger,
}

/// Time limits in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub connect: u64,
    pub handshake: u64,
    pub unreachable: u64,
    pub closing: u64,
    pub lookup: u64,
}

/// Something that goes wrong, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub at: u64,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// These nodes (a bit for each) and the others do not reach each other.
    Partition { nodes: u8, time: u64 },
    /// A link is down; its stack knows if it is `told`.
    Flap { node: usize, time: u64, told: bool },
    /// A clock goes ahead at once.
    Jump { node: usize, by: u64 },
    /// A clock stands still.
    Stop { node: usize, time: u64 },
    /// A node gets another address.
    Address { node: usize, v6: bool },
}

/// Something an application does, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    pub at: u64,
    pub node: usize,
    pub act: Act,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Accepts connections for a while, each with a script that is drawn from `script`.
    Listen { port: u16, backlog: u16, time: u64, script: u64 },
    /// Asks for a connection, and gives up after a while.
    Dial {
        to: usize,
        v6: bool,
        port: u16,
        from: Option<u16>,
        by_name: bool,
        patience: u64,
        script: u64,
    },
    /// Binds a TCP port for a while, and does nothing with it.
    Hold { port: u16, time: u64 },
    /// Answers datagrams for a while.
    Echo { port: u16, time: u64 },
    /// Sends datagrams, and receives what is answered.
    Talk {
        to: usize,
        v6: bool,
        port: u16,
        from: Option<u16>,
        connects: bool,
        count: u32,
        pause: u64,
        largest: u64,
        time: u64,
    },
    /// Asks for the address of a host, or of one that does not exist.
    Lookup { of: Option<usize>, kind: AddrType, patience: u64 },
}

/// What is done wrong on purpose, so that a test sees that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// A byte of a stream is another one than its key says.
    WrongByte,
    /// A sender that ends its stream has not sent all that it says it sent.
    EarlyEnd,
    /// A sender says that more was acknowledged than it sent.
    FalseReceipt,
    /// A datagram is sent of which nobody knows.
    StrangeDatagram,
    /// A name server gives the address of another host.
    WrongAnswer,
    /// Deadlines are half as long as the stack is told.
    Impatience,
    /// A TCP socket is forgotten and never dropped.
    LostSlot,
    /// A bound UDP socket is forgotten.
    LostPort,
    /// A look-up is forgotten.
    LostQuery,
    /// The network falls silent.
    Silence,
    /// A connection is taken for half closed when it is not.
    WrongState,
    /// Stacks are woken when twice the time has passed.
    Oversleep,
    /// A stack is always said to have something to do.
    Restless,
    /// An application panics.
    Panic,
}

impl Plant {
    pub const ALL: [(Plant, crate::Invariant); 14] = {
        use crate::Invariant as I;
        [
            (Plant::WrongByte, I::Stream),
            (Plant::EarlyEnd, I::End),
            (Plant::FalseReceipt, I::Delivered),
            (Plant::StrangeDatagram, I::Datagram),
            (Plant::WrongAnswer, I::Answer),
            (Plant::Impatience, I::Wait),
            (Plant::LostSlot, I::Slots),
            (Plant::LostPort, I::Ports),
            (Plant::LostQuery, I::Queries),
            (Plant::Silence, I::Calm),
            (Plant::WrongState, I::State),
            (Plant::Oversleep, I::Sleep),
            (Plant::Restless, I::Progress),
            (Plant::Panic, I::Panic),
        ]
    };
}

impl Plan {
    /// Whether nothing gets lost. More nodes than these do not fit into smoltcp's table of
    /// neighbours, and have to be found again and again.
    pub fn is_calm(&self) -> bool {
        let is_calm =
            |node: &Node| Faults { delay: 0, ..node.link } == Faults { delay: 0, ..Faults::NONE };
        self.nodes.len() <= CALM_NODES && self.troubles.is_empty() && self.nodes.iter().all(is_calm)
    }

    /// How much there is of it, for whoever makes it smaller.
    pub fn size(&self) -> usize {
        self.actions.len() + self.troubles.len() + self.nodes.len()
    }

    /// The TCP and UDP ports that its actions name.
    pub fn ports(&self) -> Vec<u16> {
        let mut ports: Vec<u16> =
            self.actions.iter().filter_map(|action| action.act.port()).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }
}

impl Act {
    fn port(&self) -> Option<u16> {
        match *self {
            Act::Listen { port, .. } | Act::Hold { port, .. } | Act::Echo { port, .. } => {
                Some(port)
            }
            Act::Dial { from, .. } | Act::Talk { from, .. } => from,
            _ => None,
        }
    }

    /// The other node that it is about.
    pub fn peer(&self) -> Option<usize> {
        match *self {
            Act::Dial { to, .. } | Act::Talk { to, .. } => Some(to),
            Act::Lookup { of, .. } => of,
            _ => None,
        }
    }

    pub fn set_peer(&mut self, peer: usize) {
        match self {
            Act::Dial { to, .. } | Act::Talk { to, .. } => *to = peer,
            Act::Lookup { of: Some(of), .. } => *of = peer,
            _ => {}
        }
    }
}

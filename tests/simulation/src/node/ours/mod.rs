//! A node with this library: its applications.

mod dials;
mod line;
mod listeners;
mod lookups;
mod names;
mod udp;

use std::rc::Rc;

use sockstate::{Duration, Error, Local, Net, Protocol, Stack, TcpSocket, state};

use self::dials::Dial;
use self::line::OurLine;
use self::listeners::Listener;
use self::lookups::Ask;
use self::names::NameServer;
use self::udp::Port;
use super::talk::{Patience, Talk};
use crate::checks::Violation;
use crate::cx::Cx;
use crate::net::{Device, NodeClock, Wire};
use crate::plan::{Act, Kind, Limits, Node, Plant, Script};

pub type OurStack = Stack<Device, NodeClock, Local>;

/// What the applications of a node hold.
pub struct Ours<'net> {
    net: &'net Net,
    wire: Rc<Wire>,
    limits: Limits,
    talks: Vec<Talk<OurLine<'net>>>,
    dials: Vec<Dial<'net>>,
    listeners: Vec<Listener<'net>>,
    /// Bound sockets, and until when they are.
    holds: Vec<(TcpSocket<'net, state::Bound>, u64)>,
    ports: Vec<Port<'net>>,
    asks: Vec<Ask<'net>>,
    names: Option<NameServer<'net>>,
}

impl<'net> Ours<'net> {
    pub fn new(stack: &'net OurStack, wire: Rc<Wire>, node: &Node) -> Self {
        let net = stack.net();
        let names = match node.kind {
            Kind::NameServer { silence } => Some(NameServer::new(net, silence)),
            _ => None,
        };
        Ours {
            net,
            wire,
            limits: node.limits,
            talks: Vec::new(),
            dials: Vec::new(),
            listeners: Vec::new(),
            holds: Vec::new(),
            ports: Vec::new(),
            asks: Vec::new(),
            names,
        }
    }

    /// Begins something.
    pub fn act(&mut self, act: &Act, cx: &mut Cx<'_>) -> Result<(), Violation> {
        if cx.has(Plant::Panic) {
            panic!("as it was asked to");
        }
        let begun = match *act {
            Act::Listen { port, backlog, time, script } => {
                let listener = Listener::open(self.net, (port, backlog), cx.now + time, script);
                listener.map(|listener| self.listeners.push(listener))
            }
            Act::Dial { .. } => self.dial(act, cx),
            Act::Hold { port, time } => self.hold(port, cx.now + time),
            Act::Echo { port, time } => {
                Port::echo(self.net, port, cx.now + time).map(|port| self.ports.push(port))
            }
            Act::Talk { .. } => Port::talk(self.net, act, cx).map(|port| self.ports.push(port)),
            Act::Lookup { of, kind, patience } => {
                let ask = Ask::begin(self.net, of, kind, cx.now + patience, cx);
                ask.map(|ask| self.asks.push(ask))
            }
        };
        if let Err(error) = begun {
            cx.note(format_args!("{act}: {error}"));
            cx.shared.stats.without_room += 1;
        }
        Ok(())
    }

    fn dial(&mut self, act: &Act, cx: &mut Cx<'_>) -> Result<(), Error> {
        let dial = Dial::begin(self.net, act, cx)?;
        self.dials.push(dial);
        Ok(())
    }

    fn hold(&mut self, port: u16, until: u64) -> Result<(), Error> {
        self.holds.push((self.net.tcp()?.bind(port)?, until));
        Ok(())
    }

    /// Gives every application its turn.
    pub fn step(&mut self, cx: &mut Cx<'_>) -> Result<(), Violation> {
        self.step_listeners(cx)?;
        self.step_dials(cx)?;
        retain(&mut self.talks, |talk| talk.step(cx))?;
        retain(&mut self.ports, |port| port.step(self.limits.unreachable, cx))?;
        retain(&mut self.asks, |ask| ask.step(self.limits.lookup, cx))?;
        retain(&mut self.holds, |(_, until)| {
            cx.wake_at(*until);
            Ok(cx.now >= *until)
        })?;
        match &mut self.names {
            Some(names) => names.step(cx),
            None => Ok(()),
        }
    }

    fn begin_talk(
        &mut self,
        socket: TcpSocket<'net, state::Connected>,
        script: Script,
        cx: &mut Cx<'_>,
    ) -> Result<(), Violation> {
        let ends = || -> Result<_, Error> {
            let local = socket.local_endpoint()?;
            let Some(addr) = local.addr else { return Err(Error::WrongState) };
            Ok(((addr, local.port).into(), socket.remote_endpoint()?))
        };
        let (local, remote) = match ends() {
            Ok(ends) => ends,
            Err(error) => {
                let text = format!("a connection without ends: {error}");
                return cx.fails(crate::Invariant::State, text);
            }
        };
        let line = OurLine::new(socket, self.wire.clone(), local, remote);
        let Limits { unreachable, closing, .. } = self.limits;
        let patience = Some(Patience { unreachable, closing });
        self.talks.push(Talk::new(line, (local, remote), script, patience, cx));
        Ok(())
    }

    /// Drops all that is held, but what the plant says.
    pub fn leave(&mut self, plant: Option<Plant>) {
        self.talks.clear();
        self.dials.clear();
        self.listeners.clear();
        self.holds.clear();
        self.ports.clear();
        self.asks.clear();
        self.names = None;
        match plant {
            Some(Plant::LostSlot) => std::mem::forget(self.net.tcp()),
            Some(Plant::LostPort) => std::mem::forget(self.net.udp().map(|udp| udp.bind(53))),
            Some(Plant::LostQuery) => {
                std::mem::forget(self.net.lookup(crate::name_of(None), sockstate::AddrType::Ipv4));
            }
            _ => {}
        }
    }

    pub fn free_slots(&self) -> [usize; 2] {
        [Protocol::Tcp, Protocol::Udp].map(|protocol| self.net.free_slots(protocol).unwrap_or(0))
    }
}

/// The longest that a closed connection keeps its slot.
pub fn longest_wait(limits: &Limits) -> Duration {
    // smoltcp keeps TIME-WAIT for ten seconds.
    const TIME_WAIT: u64 = 10_000;
    let Limits { connect, handshake, unreachable, closing, lookup } = *limits;
    let longest = [connect, handshake, unreachable, closing, lookup].into_iter().max();
    Duration::from_millis(longest.unwrap_or(0) + TIME_WAIT + 2_000)
}

/// Gives each its turn, and drops those that say they are over.
fn retain<T>(
    of: &mut Vec<T>,
    mut step: impl FnMut(&mut T) -> Result<bool, Violation>,
) -> Result<(), Violation> {
    let mut index = 0;
    while let Some(item) = of.get_mut(index) {
        if step(item)? {
            of.swap_remove(index);
        } else {
            index += 1;
        }
    }
    Ok(())
}

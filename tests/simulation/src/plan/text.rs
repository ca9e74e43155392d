//! Plans as text.

use std::fmt;

use super::{Act, Action, Kind, Node, Plan, Script, Trouble, What};
use crate::Time;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {} long", self.seed, Time(self.end))?;
        for (index, node) in self.nodes.iter().enumerate() {
            writeln!(f, "node {index}: {node}")?;
        }
        for trouble in &self.troubles {
            writeln!(f, "{trouble}")?;
        }
        for action in &self.actions {
            writeln!(f, "{action}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Ours => write!(f, "sockstate"),
            Kind::NameServer { silence } => {
                write!(f, "sockstate with a name server, {silence}‰ silent")
            }
            Kind::Stranger => write!(f, "smoltcp"),
        }?;
        write!(
            f,
            ", MTU {}, {} TCP of {}+{} bytes, {} UDP of {} bytes and {} datagrams",
            self.mtu, self.tcp, self.tcp_rx, self.tcp_tx, self.udp, self.udp_buf, self.udp_packets
        )?;
        let limits = self.limits;
        write!(
            f,
            "; limits: connect {}, handshake {}, unreachable {}, closing {}, lookup {} ms, {:?}",
            limits.connect,
            limits.handshake,
            limits.unreachable,
            limits.closing,
            limits.lookup,
            self.overflow
        )?;
        write!(f, "; link: {}", self.link)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", Time(self.at))?;
        match self.what {
            What::Partition { nodes, time } => {
                let apart: Vec<u32> = (0..8).filter(|node| nodes & 1 << node != 0).collect();
                write!(f, "nodes {apart:?} are apart for {}", Time(time))
            }
            What::Flap { node, time, told } => {
                let told = if told { ", and it is told" } else { "" };
                write!(f, "node {node}: the link is down for {}{told}", Time(time))
            }
            What::Jump { node, by } => write!(f, "node {node}: the clock jumps by {}", Time(by)),
            What::Stop { node, time } => {
                write!(f, "node {node}: the clock stands still for {}", Time(time))
            }
            What::Address { node, v6 } => {
                write!(f, "node {node}: another address of IPv{}", if v6 { 6 } else { 4 })
            }
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} node {}: {}", Time(self.at), self.node, self.act)
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = |v6: bool| if v6 { "IPv6" } else { "IPv4" };
        match *self {
            Act::Listen { port, backlog, time, script } => write!(
                f,
                "listen at {port} with {backlog} for {}; first: {}",
                Time(time),
                Script::random(script)
            ),
            Act::Dial { to, v6, port, from, by_name, patience, script } => {
                let how = if by_name { "by name" } else { version(v6) };
                write!(f, "connect to node {to}, port {port}, {how}")?;
                if let Some(from) = from {
                    write!(f, " from port {from}")?;
                }
                write!(f, ", for {} at most; {}", Time(patience), Script::random(script))
            }
            Act::Hold { port, time } => write!(f, "bind TCP port {port} for {}", Time(time)),
            Act::Echo { port, time } => write!(f, "answer datagrams at {port} for {}", Time(time)),
            Act::Talk { to, v6, port, from, connects, count, pause, largest, time } => {
                let how = if connects { "connected" } else { "bound" };
                let from = from.map_or("any port".into(), |from| format!("port {from}"));
                write!(
                    f,
                    "{how}, {count} datagrams of up to {largest} bytes from {from} to node {to}, \
                     port {port}, {}, every {}, for {} at most",
                    version(v6),
                    Time(pause),
                    Time(time)
                )
            }
            Act::Lookup { of, kind, patience } => {
                let host = crate::name_of(of);
                write!(f, "look up {host}, {kind:?}, for {} at most", Time(patience))
            }
        }
    }
}

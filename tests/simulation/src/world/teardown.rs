//! The end of a run: everybody goes home, the network heals, time passes; then all must be as it
//! was at first.

use sockstate::{AddrType, Duration, Net, Protocol};

use super::World;
use super::host::Inside;
use crate::checks::{Invariant, Violation};
use crate::node::ours::longest_wait;
use crate::plan::Node;

/// The port of name servers, which every run may have used.
const NAMES: u16 = 53;

impl World<'_> {
    /// Ends everything, and sees what is left.
    pub fn end(&mut self) -> Result<(), Violation> {
        self.leave();
        let longest = self.hosts.iter().map(|host| longest_wait(&host.plan.limits)).max();
        let longest = longest.unwrap_or(Duration::ZERO).total_micros();
        self.run_until(self.now + longest)?;
        for node in 0..self.hosts.len() {
            self.check_host(node)?;
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.switch.heal();
        self.events.clear();
        for host in &mut self.hosts {
            host.clock.go_on(self.now);
            host.clock.set(self.now);
            match &mut host.inside {
                Inside::Ours(_, ours) => ours.leave(self.shared.plant),
                Inside::Stranger(stranger) => stranger.leave(),
            }
            host.tell_link(true);
            (host.wake, host.probe) = (Some(self.now), None);
        }
    }

    fn check_host(&mut self, node: usize) -> Result<(), Violation> {
        let host = &self.hosts[node];
        host.clock.set(self.now);
        let Inside::Ours(stack, _) = &host.inside else { return Ok(()) };
        let stack = *stack;
        let mut ports = self.shared.streams.ports_of(node);
        ports.extend(self.hosts[node].ports.iter());
        ports.push(NAMES);
        ports.sort_unstable();
        ports.dedup();
        let checks = &mut self.shared.stats.checks;
        for invariant in [Invariant::Ports, Invariant::Queries, Invariant::Slots] {
            checks.count(invariant);
        }
        let lost = lost_port(stack, &ports).map(|text| (Invariant::Ports, text));
        // Nobody asks itself.
        let server = self.shared.addresses.of(usize::from(node == 0), false);
        stack.set_dns_servers(&[server]).expect("it is one that can be asked");
        let lost = lost.or_else(|| Some((Invariant::Queries, lost_query(stack, &host.plan)?)));
        let lost = lost.or_else(|| Some((Invariant::Slots, lost_slot(stack, &host.plan)?)));
        let lost = lost.or_else(|| {
            let delay = stack.poll_delay()?;
            Some((Invariant::Slots, format!("something is left to be done in {delay}")))
        });
        match lost {
            Some((invariant, text)) => self.violation(invariant, node, &text),
            None => Ok(()),
        }
    }
}

/// Binds every port again. One that cannot be.
fn lost_port(net: &Net, ports: &[u16]) -> Option<String> {
    for port in ports.iter().copied() {
        let tcp = net.tcp().ok()?.bind(port).map(drop);
        let udp = net.udp().ok()?.bind(port).map(drop);
        for (protocol, bound) in [
            (Protocol::Tcp, tcp.map_err(|e| e.error())),
            (Protocol::Udp, udp.map_err(|e| e.error())),
        ] {
            if let Err(error) = bound {
                return Some(format!("{protocol} port {port} cannot be bound: {error}"));
            }
        }
    }
    None
}

/// Begins as many look-ups as there are slots for.
fn lost_query(net: &Net, node: &Node) -> Option<String> {
    let ask = || net.lookup(crate::name_of(None), AddrType::Either);
    let asks: Vec<_> = (0..node.udp).map_while(|_| ask().ok()).collect();
    let (begun, more) = (asks.len(), ask());
    (begun != node.udp || more.is_ok())
        .then(|| format!("{begun} look-ups of {}, then {:?}", node.udp, more.err()))
}

/// Opens as many sockets as there are slots for.
fn lost_slot(net: &Net, node: &Node) -> Option<String> {
    let free = [Protocol::Tcp, Protocol::Udp].map(|protocol| net.free_slots(protocol));
    let tcp: Vec<_> = (0..=node.tcp).map_while(|_| net.tcp().ok()).collect();
    let udp: Vec<_> = (0..=node.udp).map_while(|_| net.udp().ok()).collect();
    let opened = [tcp.len(), udp.len()];
    let all = [node.tcp, node.udp];
    (opened != all || free != all.map(Ok))
        .then(|| format!("of {all:?} slots {free:?} are free, and {opened:?} could be opened"))
}

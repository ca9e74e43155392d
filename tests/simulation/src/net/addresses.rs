//! Who has which address: two of each IP version belong to each node, of which it has one at a
//! time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use sockstate::IpCidr;

const FIRST: u8 = 10;
const OTHER: u8 = 100;

/// Which of its two addresses each node has now.
#[derive(Clone, Debug)]
pub struct Addresses {
    has_other: Vec<[bool; 2]>,
}

impl Addresses {
    pub fn new(nodes: usize) -> Self {
        Addresses { has_other: vec![[false; 2]; nodes] }
    }

    pub fn nodes(&self) -> usize {
        self.has_other.len()
    }

    pub fn of(&self, node: usize, v6: bool) -> IpAddr {
        let other = self.has_other[node][usize::from(v6)];
        let host = FIRST + node as u8 + if other { OTHER } else { 0 };
        if v6 {
            Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, host.into()).into()
        } else {
            Ipv4Addr::new(10, 0, 0, host).into()
        }
    }

    pub fn endpoint(&self, node: usize, v6: bool, port: u16) -> SocketAddr {
        SocketAddr::new(self.of(node, v6), port)
    }

    pub fn network(&self, node: usize, v6: bool) -> IpCidr {
        IpCidr::new(self.of(node, v6).into(), if v6 { 64 } else { 24 })
    }

    /// Gives a node its other address.
    pub fn change(&mut self, node: usize, v6: bool) {
        let other = &mut self.has_other[node][usize::from(v6)];
        *other = !*other;
    }
}

/// The node that an address belongs to, whether it has it now or not.
pub fn owner(addr: IpAddr) -> usize {
    match addr {
        IpAddr::V4(addr) => node_of(addr.octets()[3]),
        IpAddr::V6(addr) => node_of(addr.octets()[15]),
    }
}

/// The node that an address belongs to, if it is one of those that nodes have.
pub(super) fn node_with(addr: &[u8]) -> Option<usize> {
    let (host, network) = addr.split_last()?;
    let has_network = match network {
        [10, 0, 0] => true,
        [0xfd, rest @ ..] => rest.iter().all(|byte| *byte == 0),
        _ => false,
    };
    has_network.then(|| node_of(*host))
}

fn node_of(host: u8) -> usize {
    usize::from((host % OTHER).wrapping_sub(FIRST))
}

//! Names of hosts on the same link, which answer for themselves: multicast DNS (RFC 6762).
//!
//! Of that, what section 5.1 calls one-shot queries: the question goes to a group, from any port
//! but the group's own, and whoever has the name answers to that port alone (section 6.7). So no
//! group is joined, and nothing is kept that the network would have to be told of.

use smoltcp::wire::{IpAddress, IpEndpoint};

use super::Query;
use super::message::Question;
use crate::Error;
use crate::stack::core::Core;
use crate::stack::slot::SlotId;

/// The port of the group, and of its answers.
const PORT: u16 = 5_353;

#[cfg(feature = "proto-ipv4")]
const GROUP_V4: IpAddress = IpAddress::v4(224, 0, 0, 251);
#[cfg(feature = "proto-ipv6")]
const GROUP_V6: IpAddress = IpAddress::v6(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// Whether a name is one that hosts of the link have given themselves (RFC 6762 section 3).
pub(super) fn is_local(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    cfg!(feature = "mdns")
        && name.rsplit_once('.').is_some_and(|(_, domain)| domain.eq_ignore_ascii_case("local"))
}

impl Core {
    /// Asks the hosts of the link, by each IP version that the interface has an address of.
    pub(super) fn ask_locally(
        &mut self,
        id: SlotId,
        query: Query,
        question: &mut Question,
    ) -> Result<(), Error> {
        let groups = [
            #[cfg(feature = "proto-ipv4")]
            GROUP_V4,
            #[cfg(feature = "proto-ipv6")]
            GROUP_V6,
        ];
        let mut asked = Err(Error::NoAddress);
        for group in groups {
            let sent = self.send_questions(id, query, question, IpEndpoint::new(group, PORT));
            if asked.is_err() {
                asked = sent;
            }
        }
        asked
    }

    /// Whether an answer can be one of a host of the link: from the port of the group, and not
    /// from beyond a router (RFC 6762 section 11).
    pub(super) fn may_answer_locally(&self, remote: IpEndpoint) -> bool {
        let is_link_local = match remote.addr {
            #[cfg(feature = "proto-ipv6")]
            IpAddress::Ipv6(addr) => addr.is_unicast_link_local(),
            #[cfg(feature = "proto-ipv4")]
            IpAddress::Ipv4(_) => false,
        };
        let is_on_link =
            || self.iface.ip_addrs().iter().any(|cidr| cidr.contains_addr(&remote.addr));
        remote.port == PORT && (is_link_local || is_on_link())
    }
}

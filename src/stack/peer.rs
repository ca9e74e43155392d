//! Whom a UDP socket talks to.

use smoltcp::wire::IpEndpoint;

/// Whom a UDP socket talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Everyone.
    None,
    /// Everyone; this was the last one sent to. embedded-nal's `send` goes there.
    #[cfg(feature = "embedded-nal")]
    Last(IpEndpoint),
    /// Only this one.
    Only(IpEndpoint),
    /// One whose address is being looked up: until then the look-up is what is waited for.
    #[cfg(feature = "dns")]
    Sought,
    /// Name servers: it is a look-up.
    #[cfg(feature = "dns")]
    NameServer(super::dns::Query),
}

impl Peer {
    /// Whether a socket with this peer is to have what came from there.
    pub(super) fn has_sent(self, from: IpEndpoint) -> bool {
        !matches!(self, Peer::Only(peer) if peer != from)
    }
}

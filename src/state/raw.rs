//! What a raw socket may do in which state.

use super::*;

capability! {
    /// May be bound to an IP version and a protocol: `Closed`.
    CanBind for Closed =>
    "a raw socket in state `{Self}` cannot be bound",
    "this socket is `{Self}`; only a `Closed` one can be bound",
    "take a new one: `net.raw()?.bind(version, protocol)?`"
}
capability! {
    /// May send packets: `Bound`.
    CanSendPacket for Bound =>
    "a raw socket in state `{Self}` cannot send",
    "this socket is `{Self}`; only a `Bound` one has a protocol to send",
    "bind it first: `net.raw()?.bind(version, protocol)?`"
}
capability! {
    /// May receive packets: `Bound`.
    CanReceivePacket for Bound =>
    "a raw socket in state `{Self}` cannot receive",
    "this socket is `{Self}`; only a `Bound` one has a protocol to receive",
    "bind it first: `net.raw()?.bind(version, protocol)?`"
}
capability! {
    /// Has a protocol: `Bound`.
    IsOpen for Bound =>
    "a raw socket in state `{Self}` has no protocol",
    "this socket is `{Self}`; it neither sends nor receives yet",
    "bind it first: `net.raw()?.bind(version, protocol)?`"
}

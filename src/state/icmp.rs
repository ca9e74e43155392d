//! What an ICMP socket may do in which state.

use super::*;

capability! {
    /// May be bound to an identifier: `Closed`.
    CanBind for Closed =>
    "an ICMP socket in state `{Self}` cannot be bound",
    "this socket is `{Self}`; only a `Closed` one can be bound",
    "take a new one: `net.icmp()?.bind(ident)?`"
}
capability! {
    /// May send echo requests: `Bound`.
    CanSendEcho for Bound =>
    "an ICMP socket in state `{Self}` cannot send",
    "this socket is `{Self}`; only a `Bound` one has an identifier to send with",
    "bind it first: `net.icmp()?.bind(ident)?`, or to any identifier: `net.icmp()?.bind_any()?`"
}
capability! {
    /// May receive replies: `Bound`.
    CanReceiveEcho for Bound =>
    "an ICMP socket in state `{Self}` cannot receive",
    "this socket is `{Self}`; only a `Bound` one has an identifier that replies name",
    "bind it first: `net.icmp()?.bind(ident)?`, or to any identifier: `net.icmp()?.bind_any()?`"
}
capability! {
    /// Has an identifier: `Bound`.
    IsOpen for Bound =>
    "an ICMP socket in state `{Self}` has no identifier",
    "this socket is `{Self}`; it neither sends nor receives yet",
    "bind it first: `net.icmp()?.bind(ident)?`, or to any identifier: `net.icmp()?.bind_any()?`"
}

//! The states of a socket, what each of them may do, and what the compiler says when it may not.
//!
//! # TCP
//!
//! ```text
//!              bind              listen
//!   Closed ───────────▶ Bound ───────────▶ Listening ──accept──▶ Connected (a new socket)
//!     │  ▲                │
//!     │  │ failed         │ connect
//!     │  └───────────┐    ▼
//!     └─ connect ─▶ Connecting ──────────▶ Connected ──shutdown──▶ HalfClosed
//!                       ▲                   │    │ ▲                   │
//!                Resolving            split │    │ │ reunite           │
//!                       ▲                   ▼    │ │                   │ close
//!      connect_by_name  │  ReadHalf + WriteHalf ─┼─┘                   ▼
//!       from Closed or Bound                     └──────close──────▶ Closing ──▶ Closed
//! ```
//!
//! These are the states an *application* drives. They follow the connection states of
//! [RFC 9293 section 3.3.2]: `Resolving` comes before all of them, `Connecting` covers SYN-SENT,
//! `Listening` covers LISTEN and SYN-RECEIVED, `Connected` begins with ESTABLISHED or CLOSE-WAIT,
//! `HalfClosed` covers what follows this side's FIN while receiving is still wanted, `Closing` what
//! follows it when it is not. What the peer or the network does (a FIN, a RST, silence, a lost
//! address) is not in the type: it arrives as an
//! [`Error`](crate::Error) of the next call, and that error says why the connection ended.
//!
//! # UDP
//!
//! ```text
//!              bind             connect
//!   Closed ───────────▶ Bound ◀─────────▶ Connected
//!     │                       disconnect   ▲     ▲
//!     ├─────────────── connect ────────────┘     │
//!     │                                          │
//!     └─ connect_by_name ─▶ Resolving ───────────┘
//!        (or from Bound)
//! ```
//!
//! # ICMP and raw
//!
//! ```text
//!             bind
//!   Closed ───────────▶ Bound
//! ```
//!
//! [RFC 9293 section 3.3.2]: https://www.rfc-editor.org/rfc/rfc9293.html#section-3.3.2

#[cfg(feature = "dns")]
use crate::socket::resolution::Resolution;
#[cfg(feature = "tcp")]
use crate::stack::candidates::Candidates;

/// Without TCP, nothing is connected.
#[cfg(not(feature = "tcp"))]
type Candidates = ();

mod sealed {
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot become a state of a socket",
        note = "the set of states is closed: what a socket may do is for the stack to say"
    )]
    pub trait Sealed {}
}

/// A state of a socket; implemented by the types of this module and by nothing else.
///
/// The states are never built: they only mark what a socket may do.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a state of a socket",
    note = "the states are `Closed`, `Bound`, `Listening`, `Resolving`, `Connecting`, `Connected`, `HalfClosed`, `ReadHalf`, `WriteHalf` and `Closing`; the set is closed"
)]
pub trait State: sealed::Sealed {
    /// The state that waiting in this one leads to: another one for `Resolving`, `Connecting` and
    /// `Closing`.
    // Not a part of `CanWait`: a method whose return type asks for the bound is one that the
    // compiler does not find (E0599), instead of saying what the bound has to say (E0277).
    type Next: State;
    /// What a socket keeps in this state, beside its slot.
    #[doc(hidden)]
    type Extra: Send + Sync + Unpin;
}

/// The name of a state.
pub(crate) fn name<St: State>() -> &'static str {
    let path = core::any::type_name::<St>();
    let (path, _) = path.split_once('<').unwrap_or((path, ""));
    path.rsplit("::").next().unwrap_or_default()
}

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident $(with $extra:ty)? => $next:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $name {}
            impl sealed::Sealed for $name {}
            #[diagnostic::do_not_recommend]
            impl State for $name {
                type Next = $next;
                type Extra = states!(@extra $($extra)?);
            }
        )*
    };
    (@extra) => { () };
    (@extra $extra:ty) => { $extra };
}

states! {
    /// Open, with a slot of the stack, and tied to no address yet.
    Closed => Closed;
    /// Tied to a local port, or to a local address and port. ICMP: to an identifier; raw: to an IP
    /// version and protocol.
    Bound => Bound;
    /// TCP only: taking in connections. It keeps the size of its backlog.
    Listening with u16 => Listening;
    /// TCP only: a SYN is on its way, the peer has not answered yet.
    Connecting with Candidates => Connected;
    /// Tied to one peer. TCP: both directions are open from this side.
    Connected => Connected;
    /// TCP only: this side has sent its FIN and may still receive.
    HalfClosed => HalfClosed;
    /// TCP only: the receiving half of a split connection.
    ReadHalf => ReadHalf;
    /// TCP only: the sending half of a split connection.
    WriteHalf => WriteHalf;
    /// TCP only: closed by the application; what was sent is still being delivered.
    Closing => Closed;
}

/// The addresses of the host to connect to are being looked up, by the name that the caller keeps.
///
/// It leads to `Connecting` for TCP, and for UDP to `Connected`.
#[cfg(feature = "dns")]
#[derive(Debug)]
pub struct Resolving<'n>(core::convert::Infallible, core::marker::PhantomData<&'n str>);

#[cfg(feature = "dns")]
impl sealed::Sealed for Resolving<'_> {}

#[cfg(feature = "dns")]
#[diagnostic::do_not_recommend]
impl<'n> State for Resolving<'n> {
    #[cfg(feature = "tcp")]
    type Next = Connecting;
    #[cfg(not(feature = "tcp"))]
    type Next = Connected;
    type Extra = Resolution<'n>;
}

/// Defines a capability: a trait that a method asks of the state, and what to do without it.
///
/// The message names the states that have it, better than the compiler's list of the impls (with
/// this macro around each) could: hence `do_not_recommend`.
macro_rules! capability {
    ($(#[$doc:meta])* $name:ident $(keeping $extra:ident)? for $($state:ident),+ => $message:literal, $label:literal, $note:literal) => {
        $(#[$doc])*
        #[diagnostic::on_unimplemented(message = $message, label = $label, note = $note)]
        pub trait $name: State $(<Extra = $extra>)? {}
        $(
            #[diagnostic::do_not_recommend]
            impl $name for $state {}
        )+
    };
}

/// What a TCP socket may do in which state.
#[cfg(feature = "tcp")]
pub mod tcp {
    use super::*;
    use crate::Error;
    use crate::stack::core::Core;
    use crate::stack::slot::SlotId;

    capability! {
        /// May be bound to a local port: `Closed`.
        CanBind for Closed =>
        "a TCP socket in state `{Self}` cannot be bound",
        "this socket is `{Self}`; only a `Closed` one can be bound",
        "take a new one: `net.tcp()?.bind(port)?`"
    }
    capability! {
        /// May listen: `Bound`.
        CanListen for Bound =>
        "a TCP socket in state `{Self}` cannot listen",
        "this socket is `{Self}`; only a `Bound` one can listen",
        "bind it first: `net.tcp()?.bind(port)?.listen(backlog)?`"
    }
    capability! {
        /// May connect: `Closed` (an ephemeral port is taken) and `Bound`.
        CanConnect for Closed, Bound =>
        "a TCP socket in state `{Self}` cannot connect",
        "this socket is `{Self}`; only a `Closed` or a `Bound` one can connect",
        "take a new one for a new connection: `net.tcp()?.connect(remote)?`"
    }
    capability! {
        /// May accept connections: `Listening`.
        CanAccept keeping u16 for Listening =>
        "a TCP socket in state `{Self}` cannot accept connections",
        "this socket is `{Self}`; only a `Listening` one can accept",
        "make a listener of it: `net.tcp()?.bind(port)?.listen(backlog)?`, then `accept()`"
    }
    capability! {
        /// Has a local address: all but `Closed`.
        IsOpen for Bound, Listening, Connecting, Connected, HalfClosed, ReadHalf, WriteHalf, Closing =>
        "a TCP socket in state `{Self}` has no local address",
        "this socket is `{Self}`; it has neither an address nor a port yet",
        "bind it first: `net.tcp()?.bind(port)?`, or connect it: `net.tcp()?.connect(remote)?`"
    }

    /// May be polled or waited for until the next state is reached: `Resolving`, `Connecting` and
    /// `Closing`.
    #[diagnostic::on_unimplemented(
        message = "a TCP socket in state `{Self}` has nothing to wait for",
        label = "this socket is `{Self}`; only a `Resolving`, a `Connecting` or a `Closing` one can be waited for",
        note = "`Closed` or `Bound`: first `connect(remote)?` or `connect_by_name(host, port)?`; `Connected` or `Listening`: call its operations, with `net.block(|| ..)` around one that would block"
    )]
    pub trait CanWait: State {
        #[doc(hidden)]
        fn check(
            core: &mut Core,
            slot: SlotId,
            lookup: &mut SlotId,
            extra: &mut Self::Extra,
        ) -> nb::Result<(), Error>;
        /// Does what is to be done when the next state is reached.
        #[doc(hidden)]
        fn leave(
            core: &mut Core,
            slot: &mut SlotId,
            extra: &mut Self::Extra,
        ) -> Result<<Self::Next as State>::Extra, Error>;
    }

    #[cfg(feature = "dns")]
    #[diagnostic::do_not_recommend]
    impl CanWait for Resolving<'_> {
        fn check(
            core: &mut Core,
            slot: SlotId,
            lookup: &mut SlotId,
            resolution: &mut Self::Extra,
        ) -> nb::Result<(), Error> {
            resolution.poll(core, slot, lookup)
        }

        fn leave(
            core: &mut Core,
            slot: &mut SlotId,
            resolution: &mut Self::Extra,
        ) -> Result<Candidates, Error> {
            core.tcp_connect_host(*slot, resolution)
        }
    }

    #[diagnostic::do_not_recommend]
    impl CanWait for Connecting {
        fn check(
            core: &mut Core,
            slot: SlotId,
            _: &mut SlotId,
            candidates: &mut Self::Extra,
        ) -> nb::Result<(), Error> {
            core.tcp_connected_to_any(slot, candidates)
        }

        fn leave(_: &mut Core, _: &mut SlotId, _: &mut Self::Extra) -> Result<(), Error> {
            Ok(())
        }
    }

    #[diagnostic::do_not_recommend]
    impl CanWait for Closing {
        fn check(
            core: &mut Core,
            slot: SlotId,
            _: &mut SlotId,
            (): &mut Self::Extra,
        ) -> nb::Result<(), Error> {
            core.tcp_closed(slot)
        }

        /// Makes the slot fit for another connection.
        fn leave(core: &mut Core, slot: &mut SlotId, (): &mut Self::Extra) -> Result<(), Error> {
            *slot = core.tcp_renew(*slot);
            Ok(())
        }
    }

    capability! {
        /// May send: `Connected` and `WriteHalf`.
        CanSend for Connected, WriteHalf =>
        "a TCP socket in state `{Self}` cannot send",
        "this socket is `{Self}`; only a `Connected` one (or its `WriteHalf`) can send",
        "`Closed` or `Bound`: `socket.connect(remote)?.wait()?`; `Resolving`: `wait()?.wait()?`; `Connecting`: `wait()?`; `Listening`: `accept()`; `ReadHalf`: use the `WriteHalf`; after `shutdown` or `close` nothing more can be sent; in a task, `.await` in place of `.wait()`"
    }
    capability! {
        /// May receive: `Connected`, `HalfClosed` and `ReadHalf`.
        CanReceive for Connected, HalfClosed, ReadHalf =>
        "a TCP socket in state `{Self}` cannot receive",
        "this socket is `{Self}`; only a `Connected` or `HalfClosed` one (or its `ReadHalf`) can receive",
        "`Closed` or `Bound`: `socket.connect(remote)?.wait()?`; `Resolving`: `wait()?.wait()?`; `Connecting`: `wait()?`; `Listening`: `accept()`; `WriteHalf`: use the `ReadHalf`; after `close` nothing more can be received; in a task, `.await` in place of `.wait()`"
    }
    capability! {
        /// Has a peer: `Connecting`, `Connected`, `HalfClosed`, `ReadHalf`, `WriteHalf` and `Closing`.
        HasPeer for Connecting, Connected, HalfClosed, ReadHalf, WriteHalf, Closing =>
        "a TCP socket in state `{Self}` has no peer",
        "this socket is `{Self}`; it is not connected to anyone",
        "connect first: `socket.connect(remote)?.wait()?`, or `accept()` on a listener"
    }
    capability! {
        /// May end its sending direction and go on receiving: `Connected`.
        CanShutdown for Connected =>
        "a TCP socket in state `{Self}` cannot be shut down for sending",
        "this socket is `{Self}`; only a `Connected` one has a sending direction to end",
        "connect first: `socket.connect(remote)?.wait()?`; a `WriteHalf` is shut down by dropping it"
    }
    capability! {
        /// May be split into a reader and a writer: `Connected`.
        CanSplit for Connected =>
        "a TCP socket in state `{Self}` cannot be split",
        "this socket is `{Self}`; only a `Connected` one has two directions to split",
        "connect first: `socket.connect(remote)?.wait()?`, or `accept()` on a listener"
    }
    capability! {
        /// May be closed gracefully: `Connected` and `HalfClosed`.
        CanClose for Connected, HalfClosed =>
        "a TCP socket in state `{Self}` cannot be closed gracefully",
        "this socket is `{Self}`; only a `Connected` or a `HalfClosed` one is a whole connection to close",
        "drop the socket to give it back; a half is closed by dropping it, or together with the other half after `reunite`"
    }
    capability! {
        /// May be aborted with a RST: `Connected`, `HalfClosed` and `Closing`.
        CanAbort for Connected, HalfClosed, Closing =>
        "a TCP socket in state `{Self}` cannot be aborted",
        "this socket is `{Self}`; there is no connection to reset",
        "drop the socket to give it back; halves are aborted after `reunite`"
    }
}

#[cfg(feature = "icmp")]
pub mod icmp;
#[cfg(feature = "raw")]
pub mod raw;

/// What a UDP socket may do in which state.
#[cfg(feature = "udp")]
pub mod udp {
    use super::*;
    #[cfg(feature = "dns")]
    use crate::Error;
    #[cfg(feature = "dns")]
    use crate::stack::core::Core;
    #[cfg(feature = "dns")]
    use crate::stack::slot::SlotId;

    capability! {
        /// May be bound to a local port: `Closed`.
        CanBind for Closed =>
        "a UDP socket in state `{Self}` cannot be bound",
        "this socket is `{Self}`; only a `Closed` one can be bound",
        "take a new one: `net.udp()?.bind(port)?`"
    }
    capability! {
        /// May be tied to one peer: `Closed` (an ephemeral port is taken) and `Bound`.
        CanConnect for Closed, Bound =>
        "a UDP socket in state `{Self}` cannot connect",
        "this socket is `{Self}`; only a `Closed` or a `Bound` one can connect",
        "give up the peer first: `socket.disconnect()`, then `connect(remote)?`"
    }
    capability! {
        /// May send to any destination: `Bound`.
        CanSendTo for Bound =>
        "a UDP socket in state `{Self}` cannot `send_to`",
        "this socket is `{Self}`; only a `Bound` one names a destination with each datagram",
        "bind it first: `net.udp()?.bind(port)?`; a `Connected` one uses `send`, or `disconnect()` to become `Bound`"
    }
    capability! {
        /// Has a peer, and may send to it: `Connected`.
        CanSend for Connected =>
        "a UDP socket in state `{Self}` has no peer to `send` to",
        "this socket is `{Self}`; only a `Connected` one has a peer",
        "connect first: `socket.connect(remote)?`; `Resolving`: `wait()?`; or name the destination with `send_to` once it is `Bound`"
    }
    capability! {
        /// May receive from anyone: `Bound`.
        CanReceiveFrom for Bound =>
        "a UDP socket in state `{Self}` cannot `receive_from`",
        "this socket is `{Self}`; only a `Bound` one receives from anyone",
        "bind it first: `net.udp()?.bind(port)?`; a `Connected` one uses `receive`"
    }
    capability! {
        /// May receive from its peer: `Connected`.
        CanReceive for Connected =>
        "a UDP socket in state `{Self}` cannot `receive`",
        "this socket is `{Self}`; only a `Connected` one has a peer to receive from",
        "connect first: `socket.connect(remote)?`; `Resolving`: `wait()?`; or use `receive_from` once it is `Bound`"
    }
    capability! {
        /// Has a local port: `Bound` and `Connected`.
        IsOpen for Bound, Connected =>
        "a UDP socket in state `{Self}` has no local port",
        "this socket is `{Self}`; it neither sends nor receives yet",
        "bind it first: `net.udp()?.bind(port)?`, or connect it: `net.udp()?.connect(remote)?`; `Resolving`: `wait()?`"
    }
    /// May be polled or waited for until it is connected: `Resolving`.
    #[cfg(feature = "dns")]
    #[diagnostic::on_unimplemented(
        message = "a UDP socket in state `{Self}` has nothing to wait for",
        label = "this socket is `{Self}`; only a `Resolving` one can be waited for",
        note = "only `connect_by_name(host, port)?` has to be waited for; `Bound` or `Connected`: call its operations, with `net.block(|| ..)` around one that would block"
    )]
    pub trait CanWait: State {
        #[doc(hidden)]
        fn check(
            core: &mut Core,
            slot: SlotId,
            lookup: &mut SlotId,
            extra: &mut Self::Extra,
        ) -> nb::Result<(), Error>;
        #[doc(hidden)]
        fn leave(core: &mut Core, slot: SlotId, extra: &mut Self::Extra) -> Result<(), Error>;
    }

    #[cfg(feature = "dns")]
    #[diagnostic::do_not_recommend]
    impl CanWait for Resolving<'_> {
        fn check(
            core: &mut Core,
            slot: SlotId,
            lookup: &mut SlotId,
            resolution: &mut Self::Extra,
        ) -> nb::Result<(), Error> {
            resolution.poll(core, slot, lookup)
        }

        fn leave(core: &mut Core, slot: SlotId, resolution: &mut Self::Extra) -> Result<(), Error> {
            core.udp_connect_host(slot, resolution)
        }
    }

    capability! {
        /// May give up its peer: `Connected`.
        CanDisconnect for Connected =>
        "a UDP socket in state `{Self}` cannot be disconnected",
        "this socket is `{Self}`; it has no peer to give up",
        "only a socket that went through `connect(remote)?` has a peer"
    }
}

//! The contracts of embedded-nal 0.9, embedded-io 0.7 and embedded-io-async 0.7, embedded-nal-async
//! 0.9 and edge-nal 0.7: what their traits promise and what clients of them expect, as named cases
//! that run on any stack that implements them.
//!
//! A [`Case`] is generic over its world: the stack under test, the far end it talks to, and the
//! passing of time. That is a [`World`] for the calls of `nb`, and [`Tasks`](tasks::Tasks) for all
//! others. Each case looks at one thing. Elsewhere an `Ok(0)`, or an error for "nothing yet", is
//! taken for the `WouldBlock` it should be, so that one fault shows in one row of a table.

pub mod cases;
pub mod far;
pub mod stacks;
pub mod suites;
pub mod table;
pub mod tasks;
pub mod worlds;

use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use embedded_nal::nb;

use far::{Board, Order};

/// What a case gives: nothing if the contract was held, else a short reason.
pub type Outcome<T = ()> = Result<T, String>;

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The address of the stack under test.
    pub const fn near(self) -> IpAddr {
        self.host(1)
    }

    /// The address of the far end.
    pub const fn far(self) -> IpAddr {
        self.host(2)
    }

    /// An address that nobody has.
    pub const fn nobody(self) -> IpAddr {
        self.host(9)
    }

    const fn host(self, host: u8) -> IpAddr {
        match self {
            Family::V4 => IpAddr::V4(Ipv4Addr::new(192, 168, 69, host)),
            Family::V6 => IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, host as u16)),
        }
    }
}

/// A port of the far end.
pub fn far(port: u16) -> SocketAddr {
    SocketAddr::new(Family::V4.far(), port)
}

/// A port of the stack under test.
pub fn near(port: u16) -> SocketAddr {
    SocketAddr::new(Family::V4.near(), port)
}

/// What a case needs of the stack under test; an operating system has what it has.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// TCP sockets that can be open at once.
    pub tcp: usize,
    /// UDP sockets that can be open at once.
    pub udp: usize,
    /// Whether it knows a name server.
    pub name_server: bool,
    /// Whether the cable is to be without faults in any case, for lack of a second try.
    pub no_faults: bool,
}

impl Setup {
    /// Enough for most.
    pub const USUAL: Setup = Setup { tcp: 8, udp: 4, name_server: true, no_faults: false };
    /// One socket of each protocol.
    pub const ONE: Setup = Setup { tcp: 1, udp: 1, ..Setup::USUAL };
    /// For a RST that is sent once, and to one who sends nothing.
    pub const RESET: Setup = Setup { no_faults: true, ..Setup::USUAL };
    /// The same, with one socket.
    pub const ONE_RESET: Setup = Setup { no_faults: true, ..Setup::ONE };
    /// Nobody to ask for names.
    pub const NO_NAME_SERVER: Setup = Setup { name_server: false, ..Setup::USUAL };
}

/// Where a case runs.
pub trait World {
    /// The stack under test.
    type Stack;

    /// How long a case waits for something that should happen.
    const PATIENCE: Duration;

    /// The stack under test.
    fn stack(&mut self) -> &mut Self::Stack;

    /// Tells the far end what to do. It has done so when this returns.
    fn order(&mut self, order: Order) -> Outcome;

    /// Looks at what the far end has seen.
    fn look<R>(&self, look: impl FnOnce(&Board) -> R) -> R;

    /// The time since the case began.
    fn now(&self) -> Duration;

    /// Lets a millisecond pass, in which the far end works. Polls the stack under test if a
    /// program that uses it would have to.
    fn pass(&mut self);

    /// As `pass`, without polling the stack under test in any case.
    fn pass_unpolled(&mut self);
}

/// The same world, in which nobody polls the stack under test.
pub struct Unpolled<'w, W>(pub &'w mut W);

impl<W: World> World for Unpolled<'_, W> {
    type Stack = W::Stack;

    const PATIENCE: Duration = W::PATIENCE;

    fn stack(&mut self) -> &mut W::Stack {
        self.0.stack()
    }

    fn order(&mut self, order: Order) -> Outcome {
        self.0.order(order)
    }

    fn look<R>(&self, look: impl FnOnce(&Board) -> R) -> R {
        self.0.look(look)
    }

    fn now(&self) -> Duration {
        self.0.now()
    }

    fn pass(&mut self) {
        self.0.pass_unpolled();
    }

    fn pass_unpolled(&mut self) {
        self.0.pass_unpolled();
    }
}

/// A promise, or an expectation.
pub struct Case<W> {
    /// What must hold, as an identifier.
    pub id: &'static str,
    /// Whose word it is: a method of a trait, or a client crate.
    pub from: &'static str,
    /// What it needs.
    pub setup: Setup,
    /// Tries it.
    pub run: fn(&mut W) -> Outcome,
}

/// Asks again and again, while time passes, until there is an answer.
pub fn until<W: World, T>(
    world: &mut W,
    what: &str,
    mut ask: impl FnMut(&mut W) -> Option<T>,
) -> Outcome<T> {
    let end = world.now() + W::PATIENCE;
    loop {
        if let Some(answer) = ask(world) {
            return Ok(answer);
        }
        if world.now() >= end {
            return Err(no_answer(what, W::PATIENCE));
        }
        world.pass();
    }
}

/// Repeats a call of the stack until it no longer would block.
pub fn settled<W: World, R, E>(
    world: &mut W,
    what: &str,
    mut call: impl FnMut(&mut W::Stack) -> nb::Result<R, E>,
) -> Outcome<Result<R, E>> {
    until(world, what, |world| match call(world.stack()) {
        Ok(result) => Some(Ok(result)),
        Err(nb::Error::WouldBlock) => None,
        Err(nb::Error::Other(error)) => Some(Err(error)),
    })
}

/// Repeats a call of the stack until it succeeds; an error is not what the case is about.
pub fn done<W: World, R, E: Debug>(
    world: &mut W,
    what: &str,
    call: impl FnMut(&mut W::Stack) -> nb::Result<R, E>,
) -> Outcome<R> {
    settled(world, &format!("answer from {what}"), call)?.map_err(|error| failed(what, &error))
}

/// Waits until the board shows something.
pub fn shown<W: World>(world: &mut W, what: &str, mut seen: impl FnMut(&Board) -> bool) -> Outcome {
    until(world, what, |world| world.look(&mut seen).then_some(()))
}

/// The reason if something is not so.
pub fn ensure(so: bool, otherwise: &str) -> Outcome {
    if so { Ok(()) } else { Err(otherwise.to_owned()) }
}

/// The reason if a call failed that should not.
pub fn failed(what: &str, error: &impl Debug) -> String {
    format!("{what}: {}", word(error))
}

/// The reason if something did not happen in the time that the case waits.
fn no_answer(what: &str, patience: Duration) -> String {
    match patience.as_secs() {
        seconds if seconds >= 60 => format!("no {what} in {} min", seconds / 60),
        seconds => format!("no {what} in {seconds} s"),
    }
}

/// An error in one word: its kind if the operating system says more, what is within if it is
/// wrapped.
fn word(error: &impl Debug) -> String {
    let text = format!("{error:?}");
    let word = match text.split_once("kind: ") {
        Some((_, kind)) => kind,
        None => {
            text.rsplit('(').find(|part| part.starts_with(char::is_alphabetic)).unwrap_or(&text)
        }
    };
    word.chars().take_while(|c| c.is_alphanumeric()).collect()
}

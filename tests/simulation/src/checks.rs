//! What must hold, and what is said when it does not.

use std::fmt;

macro_rules! invariants {
    ($($(#[$doc:meta])* $name:ident: $text:literal,)*) => {
        /// What must hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Invariant { $($(#[$doc])* $name,)* }

        impl Invariant {
            pub const ALL: &[Invariant] = &[$(Invariant::$name,)*];

            pub fn text(self) -> &'static str {
                match self { $(Invariant::$name => $text,)* }
            }
        }
    };
}

invariants! {
    /// What is received of a stream is what was sent on it, from the first byte on.
    Stream: "bytes are those that were sent, in order",
    /// The end of a stream comes after its last byte, and only if the sender ended it.
    End: "a stream ends after its last byte",
    /// What the peer acknowledged can be received.
    Delivered: "what was acknowledged is received",
    /// A datagram is received whole, by the one it was sent to, from the one who sent it, and once.
    Datagram: "datagrams are whole, and for whom they were sent",
    /// An answer to a look-up is one of the addresses of the host that was asked for.
    Answer: "look-ups find the host that was asked for",
    /// Whatever waits for a peer ends at its deadline.
    Wait: "every wait ends at its deadline",
    /// After all is closed every slot is free, and can be taken.
    Slots: "no slot is lost",
    /// After all is closed every port that was used can be bound.
    Ports: "no port is lost",
    /// After all is closed there can be as many look-ups as slots.
    Queries: "no query is lost",
    /// On a network on which nothing is lost no connection is given up: its peer has answered.
    Calm: "no peer is given up on a network that loses nothing",
    /// The state in the type fits that of the connection underneath, and what may be done in it.
    State: "typed states agree with the stack's",
    /// Before the time that a stack said it may sleep, it has nothing to do.
    Sleep: "no stack sleeps past its work",
    /// A stack that says it has something to do does it.
    Progress: "no stack is busy with nothing",
    /// Nothing panics.
    Panic: "nothing panics",
}

/// Something did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub invariant: Invariant,
    /// When, in microseconds.
    pub at: u64,
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rule, text) = (self.invariant.text(), &self.text);
        write!(f, "{} broken: \"{rule}\": {text}", crate::Time(self.at))
    }
}

/// How often each was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks([u64; Invariant::ALL.len()]);

impl Checks {
    pub fn count(&mut self, invariant: Invariant) {
        self.0[invariant as usize] += 1;
    }

    pub fn of(&self, invariant: Invariant) -> u64 {
        self.0[invariant as usize]
    }

    pub fn add(&mut self, other: &Checks) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
    }
}

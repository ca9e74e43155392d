//! Asking: whom, how often, and how long for an answer.

use smoltcp::time::Duration;
use smoltcp::wire::IpEndpoint;

use super::message::Question;
use super::{PORT, Query};
use crate::Error;
use crate::addr::socket_addr;
use crate::stack::core::{Core, later};
use crate::stack::peer::Peer;
use crate::stack::slot::{NEVER, SlotId};

/// How many milliseconds a server has for its answer at first. Each round through the servers
/// takes twice as long as the one before, up to eight times this.
///
/// It is longer than the stack keeps quiet after it asked for a neighbour, and than those wait
/// whose turn it is then: otherwise a server that is gone would take every turn.
const FIRST_WAIT: u32 = 1_500;
const MOST_DOUBLINGS: u8 = 3;

impl Core {
    /// Asks anew. Apart, because most look-ups never do.
    #[cold]
    pub(super) fn ask_again(&mut self, id: SlotId, query: Query, name: &str) -> Result<(), Error> {
        let mut question = Question::EMPTY;
        question.write(name, query.id, !query.local)?;
        // The question before may still wait for a next hop that does not answer.
        self.udp_clear(id);
        self.ask(id, query, &mut question)
    }

    /// Sends the question to the server whose turn it is, or else to the next one that may answer
    /// and that there is a way to, and sets the alarm. The hosts of the link are asked all at once.
    pub(super) fn ask(
        &mut self,
        id: SlotId,
        mut query: Query,
        question: &mut Question,
    ) -> Result<(), Error> {
        if query.local {
            self.ask_locally(id, query, question)?;
        } else {
            self.ask_in_turn(id, query, question)?;
        }
        query.left = query.left.saturating_add(self.unused(id, query));
        let wait = self.wait(query);
        if query.left != u32::MAX {
            query.left -= wait;
        }
        query.tries += 1;
        let round = self.round(query);
        // Never 0; but a division would be a place that can panic.
        if query.tries.checked_div(round).is_some_and(|rounds| rounds > MOST_DOUBLINGS) {
            // One round less is the same turn, and as long a wait.
            query.tries -= round;
        }
        query.rung = 0;
        query.hurried = false;
        self.set_peer(id, Peer::NameServer(query));
        self.set_deadline(id, later(self.now, Duration::from_millis(wait.into())));
        Ok(())
    }

    fn ask_in_turn(
        &mut self,
        id: SlotId,
        query: Query,
        question: &mut Question,
    ) -> Result<(), Error> {
        let servers = self.name_servers.len();
        let mut place = usize::from(query.tries).checked_rem(servers).unwrap_or(0);
        let mut asked = Err(Error::NoNameServer);
        for _ in 0..servers {
            let server = self.name_servers.get(place).filter(|_| !query.has_failed(place));
            if let Some(server) = server {
                asked = self.send_questions(id, query, question, IpEndpoint::new(*server, PORT));
            }
            if asked.is_ok() {
                break;
            }
            place = if place + 1 < servers { place + 1 } else { 0 };
        }
        asked
    }

    /// How many turns there are until the first one who was asked is asked again.
    pub(super) fn round(&self, query: Query) -> u8 {
        if query.local { 1 } else { self.name_servers.len().max(1) as u8 }
    }

    /// The milliseconds to the alarm, if that has not rung.
    fn unused(&self, id: SlotId, query: Query) -> u32 {
        match self.slot(id).map(|slot| slot.deadline) {
            Some(NEVER) | None => 0,
            Some(alarm) if query.rung > 0 || alarm < self.now => 0,
            Some(alarm) => (alarm - self.now).total_millis() as u32,
        }
    }

    /// Sends the question, or both of them.
    pub(super) fn send_questions(
        &mut self,
        id: SlotId,
        query: Query,
        question: &mut Question,
        server: IpEndpoint,
    ) -> Result<(), Error> {
        self.send_question(id, question.of(query.record), server)?;
        if let Some(record) = query.or_else.filter(|_| query.both) {
            // Without room for two, the second one is asked when there is an answer to the first.
            let _ = self.send_question(id, question.of(record), server);
        }
        Ok(())
    }

    fn send_question(
        &mut self,
        id: SlotId,
        question: &[u8],
        server: IpEndpoint,
    ) -> Result<(), Error> {
        match self.udp_send(id, socket_addr(server), question) {
            Ok(()) => Ok(()),
            Err(nb::Error::Other(error)) => Err(error),
            // Nothing is queued: there is no room for any datagram.
            Err(nb::Error::WouldBlock) => Err(Error::DatagramTooLarge(0)),
        }
    }

    /// How long the answer to one of the questions is waited for, in milliseconds.
    fn wait(&self, query: Query) -> u32 {
        let round = query.tries.checked_div(self.round(query)).unwrap_or(0);
        (FIRST_WAIT << round.min(MOST_DOUBLINGS)).min(query.left)
    }
}

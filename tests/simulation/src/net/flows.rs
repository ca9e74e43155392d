//! What a device knows of the connections whose frames it has seen lately.

use std::cell::RefCell;
use std::collections::BTreeMap;

use sockstate::{Duration, Instant};

use super::frame::{Flow, Segment};

/// How many are known before some are forgotten.
const MANY: usize = 512;

/// How long ago their last frame was.
const LONG_AGO: Duration = Duration::from_secs(300);

/// The connections whose frames a device has seen lately.
#[derive(Debug, Default)]
pub struct Flows(RefCell<BTreeMap<Flow, Known>>);

#[derive(Clone, Copy, Debug)]
struct Known {
    seen_at: Instant,
    heard: Option<Last>,
    sent_at: Option<Instant>,
    /// The same, but for probes.
    spoke_at: Option<Instant>,
    /// Where the window ends that this side has granted, as smoltcp keeps it in mind.
    edge: Option<u32>,
    /// Where what this side has sent ends.
    sent_to: u32,
    /// The same, of all that it has sent, with its FIN.
    ends: Option<u32>,
    /// Where what has arrived ends, as this side was told.
    arrived_to: Option<u32>,
}

/// The last frame that was heard of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    pub at: Instant,
    /// It closed the window.
    pub is_full: bool,
}

impl Flows {
    pub fn heard(&self, flow: Flow) -> Option<Last> {
        self.0.borrow().get(&flow)?.heard
    }

    /// When the last frame of a connection was sent.
    pub fn sent_at(&self, flow: Flow) -> Option<Instant> {
        self.0.borrow().get(&flow)?.sent_at
    }

    /// When the last frame was sent that was no probe.
    pub fn spoke_at(&self, flow: Flow) -> Option<Instant> {
        self.0.borrow().get(&flow)?.spoke_at
    }

    /// A segment was sent.
    pub fn note_sent(&self, segment: &Segment, at: Instant) {
        let end = segment.seq.wrapping_add(segment.len as u32);
        self.with(segment.flow, at, |known| {
            known.sent_at = Some(at);
            // smoltcp does not keep in mind what it says in probes (`socket/tcp.rs:2810`).
            let was_asked = known.heard.is_some_and(|last| last.is_full);
            let is_probe = segment.len == 1 && (was_asked || is_behind(known.sent_to, segment.seq));
            if !is_probe {
                known.spoke_at = Some(at);
                known.edge = segment.ack.map(|ack| ack.wrapping_add(segment.window.into()));
                known.sent_to = end;
                let ends = end.wrapping_add(segment.is_fin.into());
                if known.ends.is_none_or(|before| is_behind(ends, before)) {
                    known.ends = Some(ends);
                }
            }
        });
    }

    /// A segment has arrived.
    pub fn note_heard(&self, segment: &Segment, at: Instant) {
        let last = Last { at, is_full: segment.window == 0 };
        self.with(segment.flow, at, |known| {
            known.heard = Some(last);
            known.arrived_to = segment.ack;
        });
    }

    /// Whether a segment ends the stream behind the end of the window.
    ///
    /// smoltcp 0.14 cuts it to the window, and takes its FIN for the end of what is left
    /// (`socket/tcp.rs:1869` asks for the beginning of the segment alone): the bytes between are
    /// lost. It sends such segments, too: what it sends again after three duplicate ACKs is not
    /// held against the window (`socket/tcp.rs:2634`).
    pub fn is_end_beyond_window(&self, segment: &Segment) -> bool {
        let ends = segment.seq.wrapping_add(segment.len as u32);
        let edge = self.0.borrow().get(&segment.flow).and_then(|known| known.edge);
        let is_beyond = edge.is_some_and(|edge| is_behind(ends, edge));
        segment.is_fin && segment.len > 0 && is_beyond
    }

    /// Whether a segment that is sent is a keep-alive probe whose byte is none of the stream's, yet at
    /// a place of the stream that is still to arrive.
    ///
    /// smoltcp 0.14 stops its timer when a closed window opens (`socket/tcp.rs:2203`), though what it
    /// sent beyond that window is not acknowledged, sends nothing again from then on, and then
    /// takes the connection for idle (`socket/tcp.rs:2746`).
    pub fn is_probe_within_stream(&self, segment: &Segment) -> bool {
        let flows = self.0.borrow();
        let Some(known) = flows.get(&segment.flow) else { return false };
        let is_keep_alive = segment.len == 1
            && segment.first_byte == Some(0)
            && known.ends == Some(segment.seq.wrapping_add(1));
        let was_asked = known.heard.is_some_and(|last| last.is_full);
        let arrives = known.arrived_to.is_some_and(|to| is_behind(segment.seq, to));
        is_keep_alive && !was_asked && arrives
    }

    pub fn release(&self) {
        self.0.take();
    }

    fn with(&self, flow: Flow, at: Instant, change: impl FnOnce(&mut Known)) {
        let flows = &mut *self.0.borrow_mut();
        if flows.len() > MANY {
            flows.retain(|_, known| known.seen_at + LONG_AGO > at);
        }
        let known = flows.entry(flow).or_insert(Known {
            seen_at: at,
            heard: None,
            sent_at: None,
            spoke_at: None,
            edge: None,
            sent_to: 0,
            ends: None,
            arrived_to: None,
        });
        known.seen_at = at;
        change(known);
    }
}

/// Whether one sequence number comes after another.
fn is_behind(one: u32, other: u32) -> bool {
    (one.wrapping_sub(other) as i32) > 0
}

//! What the interface has to do beside its sockets, and when. Each is a feature of its own; without
//! any, nothing of this is left.

use smoltcp::time::Duration;

use super::core::{Core, Sending};

impl Core {
    /// Whether the interface is to have a turn to send before any slot has.
    pub(crate) fn has_chores(&self) -> bool {
        #[cfg(feature = "multicast")]
        if self.groups.want_a_turn(self.now) {
            return true;
        }
        false
    }

    /// What became of that turn.
    pub(crate) fn chores_had_a_turn(&mut self, sending: Sending) {
        #[cfg(feature = "multicast")]
        self.groups_had_a_turn(sending);
        #[cfg(not(feature = "multicast"))]
        let _ = sending;
    }

    /// How long there is nothing of this to do.
    pub(crate) fn delay_of_chores(&self) -> Option<Duration> {
        let delays: [Option<Duration>; 3] = [
            #[cfg(feature = "multicast")]
            self.groups.delay(self.now),
            #[cfg(not(feature = "multicast"))]
            None,
            #[cfg(feature = "slaac")]
            self.slaac.delay(self.now),
            #[cfg(not(feature = "slaac"))]
            None,
            #[cfg(feature = "dhcp")]
            self.dhcp.delay(self.now),
            #[cfg(not(feature = "dhcp"))]
            None,
        ];
        delays.into_iter().flatten().min()
    }

    /// The addresses of the interface have changed.
    pub(crate) fn chores_changed(&mut self) {
        #[cfg(feature = "multicast")]
        self.groups_changed();
    }

    /// The link is up again.
    pub(crate) fn chores_begin_anew(&mut self) {
        // What ended meanwhile is not to be used for a moment.
        #[cfg(feature = "slaac")]
        {
            self.solicits();
            self.slaac_begin();
        }
        #[cfg(feature = "multicast")]
        self.report_groups_again();
        #[cfg(feature = "dhcp")]
        self.dhcp_restart();
    }
}

/// There is no client that could have a turn.
#[cfg(not(feature = "dhcp"))]
impl Core {
    pub(super) fn dhcp_is_due(&self) -> bool {
        false
    }
}

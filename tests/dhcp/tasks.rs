//! Leases that tasks wait for.

use super::common::drive::{Stop, drive, finish, sweep};
use super::*;

#[test]
fn a_lease_is_waited_for_and_may_be_given_up() {
    sweep(|stop| {
        let lab = lab();
        let server = Server::new(&lab.far);
        let mut dhcp = lab.near.dhcp().unwrap();
        let taken = drive(&lab, stop, dhcp.wait_async(), || server.step(&lab, sound));
        let done = taken.is_some();
        // Whoever asks again is told, though it may be there already.
        let lease = finish(&lab, dhcp.wait_async(), || server.step(&lab, sound)).unwrap();
        assert_eq!(lease.address.address(), LEASED.into());
        done
    });
}

#[test]
fn a_change_wakes_the_task_that_waits_for_it() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let told = finish(&lab, dhcp.poll_async(), || server.step(&lab, sound)).unwrap();
    assert_eq!(told.map(|lease| lease.address.address()), Some(LEASED.into()));
    assert_eq!(drive(&lab, Stop::AfterPolls(1), dhcp.poll_async(), || {}), None);
    // Nobody renews it.
    assert_eq!(finish(&lab, dhcp.poll_async(), || {}), Ok(None));
}

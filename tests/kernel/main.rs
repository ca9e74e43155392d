//! The stack and a Linux kernel, at the two ends of a TAP interface.
//!
//! Run by `scripts/kernel`, in a network namespace made for it: there the sockets of the standard
//! library are the kernel's side. Each test has an interface and a network of its own, so that any
//! number of them run at once. The kernel's side of a test runs in threads, the stack in the
//! thread of the test, and every wait of both has a limit.

#![cfg(target_os = "linux")]
// A test stops at the first surprise.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod clients;
mod closing;
mod dhcp;
mod exchange;
mod failures;
mod nal;
mod names;
#[allow(dead_code)] // Not all of it is needed here.
#[path = "../../examples/clients/tests/servers/process.rs"]
mod process;
mod raw;
mod talk;
mod threads;
mod together;
mod watch;
mod wire;

use std::cell::Cell;
use std::env;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket,
};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use embedded_nal::{TcpClientStack, TcpFullStack, UdpClientStack, UdpFullStack};
use sha2::{Digest, Sha256};
use socket2::SockRef;
use sockstate::device::{self, StdClock, Tap};
use sockstate::state::tcp::{CanReceive, CanSend};
use sockstate::state::{Connected, Listening, State};
use sockstate::{Config, Error, Heap, Net, Overflow, Shared, Sharing, Stack, TcpSocket, nb};

use clients::*;
use closing::*;
use exchange::*;
use failures::*;
use nal::*;
use raw::*;
use talk::*;
use threads::*;
use together::*;
use watch::*;
use wire::*;

/// What a test may take.
const LIMIT: Duration = Duration::from_secs(90);

/// What one call on a kernel's socket may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The time limit of tests that wait for one to pass: short, and long enough for a busy machine.
const SHORT: Duration = Duration::from_secs(2);

/// How much later than `SHORT` its end may be noticed.
const LATE: Duration = Duration::from_secs(8);

/// A port of the stack.
const PORT: u16 = 4_242;

const MIB: u64 = 1024 * 1024;

/// The tests below, once for each IP version.
macro_rules! for_both_families {
    ($($test:ident)*) => {
        mod v4 {
            $(#[test] fn $test() { super::$test(super::Family::V4); })*
        }
        mod v6 {
            $(#[test] fn $test() { super::$test(super::Family::V6); })*
        }
    };
}

for_both_families! {
    our_tcp_client_and_a_kernel_server
    a_kernel_tcp_client_and_our_server
    our_udp_client_and_a_kernel_server
    a_kernel_udp_client_and_our_server
    datagrams_in_a_burst
    a_connected_udp_socket_hears_its_peer_only
    closed_ports_refuse_the_kernel
    the_kernel_pings_us
    many_bytes_to_the_kernel
    many_bytes_from_the_kernel
    many_bytes_both_ways_at_once
    sixteen_clients_at_once
    one_loop_serves_thirty_two_clients
    clients_beyond_the_backlog_get_their_turn
    clients_beyond_the_backlog_are_refused_if_so_configured
    a_refused_socket_connects_elsewhere
    a_black_hole_ends_a_connect_in_time
    a_kernel_reset_ends_our_sending
    a_kernel_reset_ends_our_receiving
    our_abort_resets_the_kernel
    a_vanished_peer_ends_our_sending
    keep_alive_keeps_a_silent_peer_and_gives_up_a_vanished_one
    a_silent_peer_is_not_given_up_before_the_first_probe
    a_peer_that_does_not_read_is_not_given_up
    the_link_goes_down_and_up
    close_delivers_everything
    drop_delivers_everything
    the_kernels_fin_comes_after_its_last_byte
    half_closed_by_us
    half_closed_by_the_kernel
    embedded_nal_tcp
    embedded_nal_udp
    the_ping_example_and_the_kernel
    the_ping_example_and_nobody
    a_datagram_made_by_hand_and_its_answer
    packets_of_an_unknown_protocol_go_both_ways
    readers_and_writers_in_threads_of_their_own
    a_blocking_an_nb_and_an_async_client
    an_interface_that_is_gone_keeps_nobody_awake
}

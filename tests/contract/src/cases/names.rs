//! `Dns` of embedded-nal-async and of edge-nal.

use std::net::IpAddr;

use embedded_nal::AddrType;
use futures_lite::future::zip;

use super::tasks;
use crate::far::{BOTH, NAME, Order};
use crate::stacks::Names;
use crate::tasks::{Tasks, given_up, within};
use crate::{Outcome, ensure};

/// A world whose stack resolves names.
pub trait Resolver: Tasks<Stack: Names> {}

impl<W: Tasks<Stack: Names>> Resolver for W {}

tasks! { Resolver, [Nal<&'static Net>] [Edge<&'static Net>]
    lossy [Nal<&'static Net>] lossy [Edge<&'static Net>]:
    dns_ipv4_gives_an_ipv4_address from "Dns::get_host_by_name",
    dns_ipv6_gives_an_ipv6_address from "Dns::get_host_by_name",
    dns_either_gives_whichever_there_is from "Dns::get_host_by_name",
    dns_a_literal_address_needs_no_server (NO_NAME_SERVER) from "reqwless 0.14",
    dns_an_unknown_name_is_an_error from "Dns::get_host_by_name",
    dns_an_impossible_name_is_an_error from "Dns::get_host_by_name",
    dns_two_look_ups_at_once from "Dns::get_host_by_name",
    dns_dropped_look_ups_use_nothing_up (ONE) from "Dns::get_host_by_name",
    dns_no_server_is_an_error (NO_NAME_SERVER) from "Dns::get_host_by_name",
    dns_a_silent_server_is_an_error from "Dns::get_host_by_name",
    dns_an_address_gives_its_name from "Dns::get_host_by_address",
    dns_a_buffer_too_small_for_the_name_is_an_error from "Dns::get_host_by_address",
}

async fn resolve<W: Resolver>(world: &W, name: &str, kind: AddrType) -> Outcome<IpAddr> {
    within(world, "answer", world.stack().addr_of(name, kind)).await?
}

async fn fails<W: Resolver>(world: &W, name: &str) -> Outcome {
    let result = within(world, "error", world.stack().addr_of(name, AddrType::IPv4)).await?;
    ensure(result.is_err(), "Ok")
}

async fn name_of<W: Resolver>(world: &W, addr: IpAddr) -> Outcome {
    let mut buffer = [0; 255];
    let size = within(world, "answer", world.stack().name_of(addr, &mut buffer)).await??;
    ensure(buffer.get(..size) == Some(NAME.as_bytes()), "another name")
}

/// The type asked for decides: here an `A` record.
async fn dns_ipv4_gives_an_ipv4_address<W: Resolver>(world: &W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    ensure(resolve(world, NAME, AddrType::IPv4).await? == BOTH.0, "another address")
}

/// And here an `AAAA` record.
async fn dns_ipv6_gives_an_ipv6_address<W: Resolver>(world: &W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    ensure(resolve(world, NAME, AddrType::IPv6).await? == BOTH.1, "another address")
}

/// Whichever kind the host has, it is found; one of them if it has both.
async fn dns_either_gives_whichever_there_is<W: Resolver>(world: &W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    let addr = resolve(world, NAME, AddrType::Either).await?;
    ensure(addr == BOTH.0 || addr == BOTH.1, "another address")?;
    ensure(resolve(world, "four.test", AddrType::Either).await? == BOTH.0, "another address")?;
    ensure(resolve(world, "six.test", AddrType::Either).await? == BOTH.1, "another address")
}

/// reqwless asks for the address of "127.0.0.1".
async fn dns_a_literal_address_needs_no_server<W: Resolver>(world: &W) -> Outcome {
    let four = resolve(world, "192.0.2.1", AddrType::Either).await?;
    ensure(four.to_string() == "192.0.2.1", "another address")?;
    let six = resolve(world, "2001:db8::1", AddrType::Either).await?;
    ensure(six.to_string() == "2001:db8::1", "another address")
}

/// The server's word that there is none, or none with such an address, ends the look-up.
async fn dns_an_unknown_name_is_an_error<W: Resolver>(world: &W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    fails(world, "unknown.test").await?;
    fails(world, "six.test").await
}

/// What cannot be a name cannot be looked up.
async fn dns_an_impossible_name_is_an_error<W: Resolver>(world: &W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    for name in ["", "..", "a..test", &"a".repeat(64), &"long.".repeat(60)] {
        fails(world, name).await?;
    }
    Ok(())
}

/// Two clients of one stack may both be waiting for a name.
async fn dns_two_look_ups_at_once<W: Resolver>(world: &W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    let one = resolve(world, "1.many.test", AddrType::IPv4);
    let two = resolve(world, NAME, AddrType::IPv6);
    let (one, two) = zip(one, two).await;
    ensure(one? == BOTH.0 && two? == BOTH.1, "another address")
}

/// A client may lose interest.
async fn dns_dropped_look_ups_use_nothing_up<W: Resolver>(world: &W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    for number in 0..20 {
        let name = format!("{number}.many.test");
        given_up(world.stack().addr_of(&name, AddrType::IPv4)).await;
    }
    ensure(resolve(world, NAME, AddrType::IPv4).await? == BOTH.0, "another address")
}

/// There is nobody to ask.
async fn dns_no_server_is_an_error<W: Resolver>(world: &W) -> Outcome {
    fails(world, NAME).await
}

/// Nobody answers; the client does not wait for ever.
async fn dns_a_silent_server_is_an_error<W: Resolver>(world: &W) -> Outcome {
    world.order(Order::Resolve { silent: true })?;
    fails(world, NAME).await
}

/// The name is at the beginning of the buffer, for an address of either version.
async fn dns_an_address_gives_its_name<W: Resolver>(world: &W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    name_of(world, BOTH.0.into()).await?;
    name_of(world, BOTH.1.into()).await
}

/// A name is not cut short; but a buffer that it just fits into is large enough.
async fn dns_a_buffer_too_small_for_the_name_is_an_error<W: Resolver>(world: &W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    let (addr, mut buffer) = (BOTH.0.into(), [0; NAME.len()]);
    let (small, _) = buffer.split_at_mut(NAME.len() - 1);
    let result = within(world, "error", world.stack().name_of(addr, small)).await?;
    ensure(result.is_err(), "Ok")?;
    let size = within(world, "answer", world.stack().name_of(addr, &mut buffer)).await??;
    ensure(size == NAME.len(), "another name")
}

//! `Dns`: names and addresses.

use std::net::IpAddr;

use embedded_nal::{AddrType, Dns, nb};

use super::cases;
use crate::far::{BOTH, NAME, Order};
use crate::{Outcome, World, done, ensure, failed, settled, until};

/// A world whose stack resolves names.
pub trait Resolver: World<Stack: Dns> {}

impl<W: World<Stack: Dns>> Resolver for W {}

cases! { Resolver:
    dns_ipv4_gives_an_ipv4_address from "Dns::get_host_by_name",
    dns_ipv6_gives_an_ipv6_address from "Dns::get_host_by_name",
    dns_either_gives_whichever_there_is from "Dns::get_host_by_name",
    dns_a_literal_address_needs_no_server from "reqwless 0.14",
    dns_an_unknown_name_is_an_error from "Dns::get_host_by_name",
    dns_an_impossible_name_is_an_error from "Dns::get_host_by_name",
    dns_two_look_ups_at_once from "Dns::get_host_by_name",
    dns_abandoned_look_ups_use_nothing_up from "Dns::get_host_by_name",
    dns_no_server_is_an_error (NO_NAME_SERVER) from "Dns::get_host_by_name",
    dns_a_silent_server_is_an_error from "Dns::get_host_by_name",
    dns_an_address_gives_its_name from "Dns::get_host_by_address",
    dns_a_buffer_too_small_for_the_name_is_an_error from "Dns::get_host_by_address",
}

fn resolve<W: Resolver>(world: &mut W, name: &str, kind: AddrType) -> Outcome<IpAddr> {
    done(world, "look-up", |stack| stack.get_host_by_name(name, kind.clone()))
}

fn fails<W: Resolver>(world: &mut W, name: &str) -> Outcome {
    let result = settled(world, "error", |stack| stack.get_host_by_name(name, AddrType::IPv4))?;
    ensure(result.is_err(), "Ok")
}

fn name_of<W: Resolver>(world: &mut W, addr: IpAddr) -> Outcome {
    let mut buffer = [0; 255];
    let size = done(world, "look-up", |stack| stack.get_host_by_address(addr, &mut buffer))?;
    ensure(buffer.get(..size) == Some(NAME.as_bytes()), "another name")
}

/// The type asked for decides: here an `A` record.
fn dns_ipv4_gives_an_ipv4_address<W: Resolver>(world: &mut W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    ensure(resolve(world, NAME, AddrType::IPv4)? == BOTH.0, "another address")
}

/// And here an `AAAA` record.
fn dns_ipv6_gives_an_ipv6_address<W: Resolver>(world: &mut W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    ensure(resolve(world, NAME, AddrType::IPv6)? == BOTH.1, "another address")
}

/// Whichever kind the host has, it is found; one of them if it has both.
fn dns_either_gives_whichever_there_is<W: Resolver>(world: &mut W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    let addr = resolve(world, NAME, AddrType::Either)?;
    ensure(addr == BOTH.0 || addr == BOTH.1, "another address")?;
    ensure(resolve(world, "four.test", AddrType::Either)? == BOTH.0, "another address")?;
    ensure(resolve(world, "six.test", AddrType::Either)? == BOTH.1, "another address")
}

/// reqwless asks for the address of "127.0.0.1".
fn dns_a_literal_address_needs_no_server<W: Resolver>(world: &mut W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    ensure(resolve(world, "192.0.2.1", AddrType::Either)?.is_ipv4(), "another address")?;
    ensure(resolve(world, "2001:db8::1", AddrType::Either)?.is_ipv6(), "another address")?;
    ensure(world.look(|board| board.queries) == 0, "asks the server")
}

/// The server's word that there is none, or none with such an address, ends the look-up.
fn dns_an_unknown_name_is_an_error<W: Resolver>(world: &mut W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    fails(world, "unknown.test")?;
    fails(world, "six.test")
}

/// What cannot be a name cannot be looked up.
fn dns_an_impossible_name_is_an_error<W: Resolver>(world: &mut W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    for name in ["", "..", "a..test", &"a".repeat(64), &"long.".repeat(60)] {
        fails(world, name)?;
    }
    Ok(())
}

/// Two clients of one stack may both be waiting for a name.
fn dns_two_look_ups_at_once<W: Resolver>(world: &mut W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    let mut found = [None; 2];
    until(world, "answer", |world| {
        for (name, found) in ["1.many.test", NAME].into_iter().zip(&mut found) {
            if found.is_none() {
                match world.stack().get_host_by_name(name, AddrType::IPv4) {
                    Ok(addr) => *found = Some(addr),
                    Err(nb::Error::WouldBlock) => {}
                    Err(nb::Error::Other(error)) => return Some(Err(failed("look-up", &error))),
                }
            }
        }
        found.iter().all(Option::is_some).then_some(Ok(()))
    })??;
    ensure(found == [Some(BOTH.0.into()); 2], "another address")
}

/// A client may lose interest, and has no way to say so.
fn dns_abandoned_look_ups_use_nothing_up<W: Resolver>(world: &mut W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    for number in 0..20 {
        let name = format!("{number}.many.test");
        let _ = world.stack().get_host_by_name(&name, AddrType::IPv4);
        world.pass();
    }
    ensure(resolve(world, NAME, AddrType::IPv4)? == BOTH.0, "another address")
}

/// There is nobody to ask.
fn dns_no_server_is_an_error<W: Resolver>(world: &mut W) -> Outcome {
    fails(world, NAME)
}

/// Nobody answers; the client does not wait for ever.
fn dns_a_silent_server_is_an_error<W: Resolver>(world: &mut W) -> Outcome {
    world.order(Order::Resolve { silent: true })?;
    fails(world, NAME)
}

/// The name is at the beginning of the buffer, for an address of either version.
fn dns_an_address_gives_its_name<W: Resolver>(world: &mut W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    name_of(world, BOTH.0.into())?;
    name_of(world, BOTH.1.into())
}

/// A name is not cut short; but a buffer that it just fits into is large enough.
fn dns_a_buffer_too_small_for_the_name_is_an_error<W: Resolver>(world: &mut W) -> Outcome {
    world.order(Order::Resolve { silent: false })?;
    let (addr, mut buffer) = (BOTH.0.into(), [0; NAME.len()]);
    let (small, _) = buffer.split_at_mut(NAME.len() - 1);
    let result = settled(world, "error", |stack| stack.get_host_by_address(addr, small))?;
    ensure(result.is_err(), "Ok")?;
    let size = done(world, "look-up", |stack| stack.get_host_by_address(addr, &mut buffer))?;
    ensure(size == NAME.len(), "another name")
}

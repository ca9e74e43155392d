//! A Redis client: embedded-redis, with two connections of one stack.
//!
//! ```sh
//! cargo run -p sockstate-clients --example redis -- --tap tap0 --remote 192.168.69.2:6379
//! ```

use embedded_redis::network::ConnectionHandler;
use embedded_time::duration::{Extensions, Microseconds};
use sockstate::Net;
use sockstate_clients::{HostClock, Options, Outcome, failure, pause};

const KEY: &str = "sockstate:key";
const CHANNEL: &str = "sockstate:channel";

fn main() -> Outcome {
    Options::from_args("a Redis client: embedded-redis on sockstate", 6379, &[]).run(client)
}

fn client(options: &Options, net: &Net) -> Outcome {
    let server = options.server(net)?;
    let clock = HostClock::start();
    // embedded-redis calls `connect` once, and takes "not yet" for a failure.
    let (mut one, mut other) = (net.blocking(), net.blocking());
    let limit = Microseconds::<u32>::try_from(5_u32.seconds()).map_err(failure)?;

    let mut handler = ConnectionHandler::resp2(server);
    handler.timeout(limit);
    let client = handler.connect(&mut one, Some(&clock)).map_err(failure)?;
    println!("connected");

    let set = client.set(KEY, "a value").map_err(failure)?;
    set.wait().map_err(failure)?;
    println!("SET {KEY} \"a value\"");

    let get = client.get(KEY).map_err(failure)?;
    let value = get.wait().map_err(failure)?.ok_or("the key is gone")?;
    println!("GET {KEY}: {:?}", value.as_str().ok_or("the value is no text")?);

    let get = client.get("sockstate:nothing").map_err(failure)?;
    let value = get.wait().map_err(failure)?;
    println!("GET sockstate:nothing: {}", if value.is_some() { "something" } else { "nothing" });

    let mut other_handler = ConnectionHandler::resp2(server);
    other_handler.timeout(limit);
    let subscriber = other_handler.connect(&mut other, Some(&clock)).map_err(failure)?;
    let mut subscription = subscriber.subscribe([CHANNEL.into()]).map_err(failure)?;
    println!("SUBSCRIBE {CHANNEL}, on a second connection");

    let publish = client.publish(CHANNEL, "a message").map_err(failure)?;
    println!("PUBLISH {CHANNEL} \"a message\": to {}", publish.wait().map_err(failure)?);

    // `receive` does not wait.
    let message = loop {
        match subscription.receive().map_err(failure)? {
            Some(message) => break message,
            None => pause(),
        }
    };
    let text = String::from_utf8_lossy(&message.payload).into_owned();
    println!("received {text:?} on {}", String::from_utf8_lossy(&message.channel));

    subscription.unsubscribe().map_err(failure)?;
    println!("UNSUBSCRIBE");
    client.close();
    handler.disconnect(&mut one);
    other_handler.disconnect(&mut other);
    println!("done");
    Ok(())
}

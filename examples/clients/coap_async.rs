//! A CoAP server and client in tasks, both on one socket: embedded-nal-coap. It serves what the
//! program `coap_server` serves, and meanwhile puts something to another server and gets it back,
//! again and again.
//!
//! ```sh
//! coap-server-notls -A 192.168.69.2 &
//! cargo run -p sockstate-clients --example coap_async -- --tap tap0 --remote 192.168.69.2:5683
//! coap-client -m get coap://192.168.69.1/.well-known/core
//! ```

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv6Addr, SocketAddr};

use coap_message::{Code, MinimalWritableMessage, OptionNumber, ReadableMessage};
use coap_numbers::{code, option};
use coap_request::{Request, Stack};
use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Timer, with_timeout};
use embedded_nal_async::UdpStack;
use embedded_nal_coap::{CoAPShared, RequestingCoAPClient};
use rand_core_09::RngCore;
use sockstate::Net;
use sockstate_clients::coap::{Told, resources};
use sockstate_clients::{HostClock, Options, Outcome, Own, failure};

/// The port of CoAP.
const PORT: u16 = 5683;

/// What the other server may take to answer. embedded-nal-coap asks once, and waits for ever.
const PATIENCE: Duration = Duration::from_secs(10);

const OWN: [Own; 3] = [
    Own { name: "--requests", value: Some("N"), help: "end after so many requests" },
    Own {
        name: "--path",
        value: Some("PATH"),
        help: "what to put and get (default /example_data)",
    },
    Own { name: "--pause", value: Some("MS"), help: "from round to round (default 1000)" },
];

fn main() -> Outcome {
    Options::from_args("a CoAP server and client: embedded-nal-coap on sockstate", PORT, &OWN)
        .run_async(server_and_client)
}

async fn server_and_client(options: &Options, net: &Net) -> Outcome {
    let limit: Option<usize> = options.number("--requests")?;
    let path = options.own("--path").unwrap_or("/example_data");
    let pause = Duration::from_millis(options.number("--pause")?.unwrap_or(1000));
    let other = options.server_async(net).await?;
    let requests = Cell::new(0);
    let clock = HostClock::start();
    let mut handler = Told(resources(|| clock.now()), |request: &str| {
        requests.set(requests.get() + 1);
        println!("{request}");
    });

    let any = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), PORT);
    let mut socket = UdpStack::bind_multiple(&net, any).await?;
    println!("listening on port {PORT}");
    let shared = CoAPShared::new();
    let (client, runner) = shared.split();
    let mut random = Random;
    let serve = runner.run(&mut socket, &mut handler, &mut random);
    let rounds = Cell::new(0);
    let asking = async {
        while limit.is_none_or(|limit| requests.get() < limit) {
            put_and_get(client.to(other), path, &format!("round {}", rounds.get())).await?;
            rounds.set(rounds.get() + 1);
            Timer::after(pause).await;
        }
        Outcome::Ok(())
    };
    match select(serve, asking).await {
        Either::First(ended) => ended?,
        Either::Second(asked) => asked?,
    }
    println!("{} requests", requests.get());
    println!("put and got {path} {} times", rounds.get());
    Ok(())
}

type Client<'a> = RequestingCoAPClient<'a, 1>;

async fn put_and_get(mut client: Client<'_>, path: &str, text: &str) -> Outcome {
    let put = ask(&mut client, Question { method: code::PUT, path, payload: text }).await?;
    if ![code::CREATED, code::CHANGED].contains(&put.code) {
        return Err(failure(put));
    }
    let get = ask(&mut client, Question { method: code::GET, path, payload: "" }).await?;
    if get.code != code::CONTENT || get.payload != text.as_bytes() {
        return Err(failure(get));
    }
    Ok(())
}

async fn ask(client: &mut Client<'_>, question: Question<'_>) -> Outcome<Answer> {
    let answer = with_timeout(PATIENCE, client.request(question)).await;
    answer.map_err(failure)?.map_err(failure)
}

struct Question<'a> {
    method: u8,
    path: &'a str,
    payload: &'a str,
}

impl Question<'_> {
    fn write<M: MinimalWritableMessage>(&self, message: &mut M) -> Result<(), M::UnionError> {
        message.set_code(M::Code::new(self.method)?);
        for name in self.path.split('/').filter(|name| !name.is_empty()) {
            let option = M::OptionNumber::new(option::URI_PATH)?;
            message.add_option(option, name.as_bytes()).map_err(M::convert_add_option_error)?;
        }
        message.set_payload(self.payload.as_bytes()).map_err(M::convert_set_payload_error)
    }
}

#[derive(Debug)]
struct Answer {
    code: u8,
    payload: Vec<u8>,
}

impl<S: Stack> Request<S> for Question<'_> {
    type Output = Answer;
    type Carry = ();

    async fn build_request(
        &mut self,
        request: &mut S::RequestMessage<'_>,
    ) -> Result<(), S::RequestUnionError> {
        self.write(request)
    }

    async fn process_response(&mut self, response: &S::ResponseMessage<'_>, (): ()) -> Answer {
        Answer { code: response.code().into(), payload: response.payload().to_vec() }
    }
}

/// Random enough for the numbers of messages.
struct Random;

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        RandomState::new().hash_one(())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.next_u32() as u8);
    }
}

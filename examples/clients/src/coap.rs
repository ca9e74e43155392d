//! The resources of the CoAP server: `/uptime` to read, `/note` to read and write, and the list of
//! both that CoAP clients ask for, `/.well-known/core`.

use std::time::Duration;

use coap_handler::{Attribute, Handler};
use coap_handler_implementations::{
    Error, HandlerBuilder, ReportingHandlerBuilder, SimpleRenderable, SimpleRendered,
    new_dispatcher, wkc::ConstantSingleRecordReport,
};
use coap_message::{
    Code, MessageOption, MinimalWritableMessage, MutableWritableMessage, ReadableMessage,
};
use coap_numbers::{code, option};

/// The longest note that is taken.
const LONGEST_NOTE: usize = 64;

/// All resources. `now` is the time since the server was started.
pub fn resources(now: impl Fn() -> Duration) -> impl Handler {
    new_dispatcher()
        .at_with_attributes(
            &["uptime"],
            &[Attribute::Title("seconds since the start")],
            SimpleRendered(Uptime(now)),
        )
        .at(&["note"], ConstantSingleRecordReport::new(Note::default(), NOTE_ATTRIBUTES))
        .with_wkc()
}

struct Uptime<F>(F);

impl<F: Fn() -> Duration> SimpleRenderable for Uptime<F> {
    fn render<W: std::fmt::Write>(&mut self, writer: &mut W) {
        // Nothing is left to be done about a response that cannot be written.
        let _ = write!(writer, "{}", (self.0)().as_secs());
    }
}

const NOTE_ATTRIBUTES: &[Attribute] = &[Attribute::Title("what was last put here")];

/// A text that can be replaced, which does the same if it is done twice.
#[derive(Default)]
struct Note(Vec<u8>);

/// What the request for a note was.
pub enum NoteRequest {
    Get,
    Put,
}

impl Handler for Note {
    type RequestData = NoteRequest;
    type ExtractRequestError = Error;
    type BuildResponseError<M: MinimalWritableMessage> = M::UnionError;

    fn extract_request_data<M: ReadableMessage>(
        &mut self,
        request: &M,
    ) -> Result<NoteRequest, Error> {
        let known = [option::CONTENT_FORMAT, option::ACCEPT];
        let critical = request.options().map(|option| option.number()).find(|number| {
            option::get_criticality(*number) == option::Criticality::Critical
                && !known.contains(number)
        });
        if let Some(number) = critical {
            return Err(Error::bad_option(number));
        }
        match request.code().into() {
            code::GET => Ok(NoteRequest::Get),
            code::PUT if request.payload().len() <= LONGEST_NOTE => {
                self.0 = request.payload().to_vec();
                Ok(NoteRequest::Put)
            }
            code::PUT => Err(Error::bad_request()),
            _ => Err(Error::method_not_allowed()),
        }
    }

    fn estimate_length(&mut self, _: &NoteRequest) -> usize {
        LONGEST_NOTE + 8
    }

    fn build_response<M: MutableWritableMessage>(
        &mut self,
        response: &mut M,
        request: NoteRequest,
    ) -> Result<(), M::UnionError> {
        match request {
            NoteRequest::Get => {
                response.set_code(M::Code::new(code::CONTENT)?);
                response.set_payload(&self.0).map_err(M::convert_set_payload_error)
            }
            NoteRequest::Put => {
                response.set_code(M::Code::new(code::CHANGED)?);
                Ok(())
            }
        }
    }
}

/// Another handler, with every request told to a closure.
pub struct Told<H, F>(pub H, pub F);

impl<H: Handler, F: FnMut(&str)> Handler for Told<H, F> {
    type RequestData = H::RequestData;
    type ExtractRequestError = H::ExtractRequestError;
    type BuildResponseError<M: MinimalWritableMessage> = H::BuildResponseError<M>;

    fn extract_request_data<M: ReadableMessage>(
        &mut self,
        request: &M,
    ) -> Result<H::RequestData, H::ExtractRequestError> {
        let method = match request.code().into() {
            code::GET => "GET",
            code::PUT => "PUT",
            code::POST => "POST",
            code::DELETE => "DELETE",
            _ => "another request for",
        };
        let path: String = request
            .options()
            .filter(|option| option.number() == option::URI_PATH)
            .map(|option| format!("/{}", String::from_utf8_lossy(option.value())))
            .collect();
        (self.1)(&format!("{method} {path}"));
        self.0.extract_request_data(request)
    }

    fn estimate_length(&mut self, request: &H::RequestData) -> usize {
        self.0.estimate_length(request)
    }

    fn build_response<M: MutableWritableMessage>(
        &mut self,
        response: &mut M,
        request: H::RequestData,
    ) -> Result<(), H::BuildResponseError<M>> {
        self.0.build_response(response, request)
    }
}

//! The parser of requests, resumable at every byte.

use memchr::memchr;

use super::arguments::{Arguments, Span};
use super::inline;
use super::limits::RequestLimits;
use super::number::{NumberLine, read_number};
use crate::protocol::ProtocolError;

/// Spans kept allocated between requests; a request with more gives its memory back afterwards.
const SPANS_KEPT_MAX: usize = 1024;

/// The line end behind every length and every bulk string.
const LINE_END: &[u8] = b"\r\n";

/// The contents of the unconsumed bytes of a connection.
#[derive(Debug)]
pub enum Parsed<'a> {
    /// A whole request.
    Request {
        /// The arguments, at least one.
        arguments: Arguments<'a>,
        /// Bytes of the input that are done with once the arguments are.
        consumed: usize,
    },
    /// The start of a request, or nothing.
    Incomplete {
        /// Bytes of the input that are done with: empty requests before the incomplete one.
        consumed: usize,
        /// Bytes missing at least until the parser can make progress, never zero. This is a hint
        /// for the next read, not an amount to allocate: a peer may announce bytes and never send
        /// them.
        missing: usize,
    },
}

/// Parses the requests of one connection.
///
/// After [`Parsed::Incomplete`] the next input must start with the unconsumed rest of this input.
/// The parser remembers how far it has understood it and never reads those bytes again. After an
/// error the stream has lost its synchronisation and the connection has to be closed.
#[derive(Debug, Default)]
pub struct RequestParser {
    limits: RequestLimits,
    stage: Stage,
    /// Bytes of the current request that are understood.
    position: usize,
    /// Arguments of the current request that are understood, or all of the last one.
    spans: Vec<Span>,
    /// Unquoted words of an inline request.
    words: Vec<u8>,
}

/// The part of a request that the parser expects at its position.
#[derive(Debug, Default, Clone, Copy)]
enum Stage {
    /// The first byte of a request.
    #[default]
    Start,
    /// The rest of a line, of which the bytes up to the position hold no line end.
    Inline,
    /// This many arguments, of which the first lacks only its bytes if its length is known.
    Array { remaining: usize, length: Option<usize> },
}

/// The state of the current request after a step of the parser.
enum RequestState {
    /// All of its arguments are there.
    Complete { length: usize, inline: bool },
    /// It has no arguments.
    Empty { length: usize },
    /// At least this many bytes are missing.
    Missing(usize),
}

impl RequestParser {
    /// Creates a parser for a new connection.
    pub fn new(limits: RequestLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Sets the limits of the requests that begin from now on.
    pub fn set_limits(&mut self, limits: RequestLimits) {
        self.limits = limits;
    }

    /// Returns the bytes of memory that it holds.
    pub fn memory(&self) -> usize {
        self.spans.capacity() * size_of::<Span>() + self.words.capacity()
    }

    /// Parses the first request of `input`, the unconsumed bytes of the connection.
    ///
    /// Empty lines and empty arrays are skipped. To work through a pipeline, call this again with
    /// the input behind `consumed` until it is [`Parsed::Incomplete`].
    pub fn parse<'a>(&'a mut self, input: &'a [u8]) -> Result<Parsed<'a>, ProtocolError> {
        let mut request = input;
        loop {
            let skipped = input.len() - request.len();
            match self.advance(request)? {
                RequestState::Complete { length, inline } => {
                    let bytes = if inline { &self.words } else { request };
                    let arguments = Arguments::new(bytes, &self.spans);
                    if inline::is_http_word(arguments.name()) {
                        return Err(ProtocolError::CrossProtocol);
                    }
                    return Ok(Parsed::Request { arguments, consumed: skipped + length });
                }
                RequestState::Empty { length } => {
                    request = request.get(length..).unwrap_or_default()
                }
                RequestState::Missing(missing) => {
                    return Ok(Parsed::Incomplete { consumed: skipped, missing });
                }
            }
        }
    }

    fn advance(&mut self, request: &[u8]) -> Result<RequestState, ProtocolError> {
        match self.stage {
            Stage::Start => self.start(request),
            Stage::Inline => self.advance_inline(request),
            Stage::Array { remaining, length } => self.advance_array(request, remaining, length),
        }
    }

    fn start(&mut self, request: &[u8]) -> Result<RequestState, ProtocolError> {
        if self.spans.capacity() > SPANS_KEPT_MAX {
            self.spans = Vec::new();
        }
        self.spans.clear();
        match request {
            [] => Ok(RequestState::Missing(1)),
            [b'*', line @ ..] => match read_number(line) {
                NumberLine::Malformed => Err(ProtocolError::CountMalformed),
                NumberLine::Partial => Ok(RequestState::Missing(1)),
                NumberLine::Complete { value, length } if value <= 0 => {
                    Ok(RequestState::Empty { length: 1 + length })
                }
                NumberLine::Complete { value, length } => {
                    let limit = self.limits.arguments_max;
                    let found = usize::try_from(value).unwrap_or(usize::MAX);
                    if found > limit {
                        return Err(ProtocolError::CountTooLarge { found, limit });
                    }
                    self.position = 1 + length;
                    self.advance_array(request, found, None)
                }
            },
            _ => self.advance_inline(request),
        }
    }

    fn advance_array(
        &mut self,
        request: &[u8],
        mut remaining: usize,
        mut known_length: Option<usize>,
    ) -> Result<RequestState, ProtocolError> {
        let mut start = self.position;
        while remaining > 0 {
            let length = match known_length.take() {
                Some(length) => length,
                None => match read_bulk_header(request, start, &self.limits)? {
                    Some((length, header)) => {
                        start += header;
                        length
                    }
                    None => {
                        self.position = start;
                        self.stage = Stage::Array { remaining, length: None };
                        return Ok(RequestState::Missing(1));
                    }
                },
            };
            let end = start.saturating_add(length);
            let next = end.saturating_add(LINE_END.len());
            let Some(line_end) = request.get(end..next) else {
                self.position = start;
                self.stage = Stage::Array { remaining, length: Some(length) };
                return Ok(RequestState::Missing(next.saturating_sub(request.len()).max(1)));
            };
            if line_end != LINE_END {
                return Err(ProtocolError::BulkUnterminated);
            }
            self.spans.push(Span { start, end });
            start = next;
            remaining -= 1;
        }
        self.stage = Stage::Start;
        self.position = 0;
        Ok(RequestState::Complete { length: start, inline: false })
    }

    fn advance_inline(&mut self, request: &[u8]) -> Result<RequestState, ProtocolError> {
        let limit = self.limits.inline_bytes_max;
        // One byte more than the longest line, for the line end behind it.
        let window = request.get(..limit.saturating_add(1)).unwrap_or(request);
        let unseen = window.get(self.position..).unwrap_or_default();
        let Some(offset) = memchr(b'\n', unseen) else {
            if window.len() > limit {
                return Err(ProtocolError::InlineTooLong { limit });
            }
            self.position = window.len();
            self.stage = Stage::Inline;
            return Ok(RequestState::Missing(1));
        };
        let line_length = self.position + offset;
        let line = window.get(..line_length).unwrap_or_default();
        self.stage = Stage::Start;
        self.position = 0;
        if inline::is_http(line) {
            return Err(ProtocolError::CrossProtocol);
        }
        self.words.clear();
        inline::split_line(line, self.limits.arguments_max, &mut self.words, &mut self.spans)?;
        let length = line_length + 1;
        if self.spans.is_empty() {
            Ok(RequestState::Empty { length })
        } else {
            Ok(RequestState::Complete { length, inline: true })
        }
    }
}

/// Reads the `$` line at `start` and returns the length of the bulk string and of the line itself,
/// or `None` if the line is incomplete.
fn read_bulk_header(
    request: &[u8],
    start: usize,
    limits: &RequestLimits,
) -> Result<Option<(usize, usize)>, ProtocolError> {
    let line = match request.get(start..) {
        None | Some([]) => return Ok(None),
        Some([b'$', line @ ..]) => line,
        Some([found, ..]) => return Err(ProtocolError::BulkExpected { found: *found }),
    };
    let (length, header) = match read_number(line) {
        NumberLine::Malformed => return Err(ProtocolError::BulkLengthMalformed),
        NumberLine::Partial => return Ok(None),
        NumberLine::Complete { value, .. } if value < 0 => {
            return Err(ProtocolError::BulkLengthMalformed);
        }
        NumberLine::Complete { value, length } => {
            (usize::try_from(value).unwrap_or(usize::MAX), 1 + length)
        }
    };
    if length > limits.bulk_bytes_max {
        return Err(ProtocolError::BulkTooLarge { found: length, limit: limits.bulk_bytes_max });
    }
    let found = start.saturating_add(header).saturating_add(length).saturating_add(LINE_END.len());
    if found > limits.request_bytes_max {
        return Err(ProtocolError::RequestTooLarge { found, limit: limits.request_bytes_max });
    }
    Ok(Some((length, header)))
}

#[cfg(test)]
mod tests;

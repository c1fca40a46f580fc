//! The arguments of one request, as slices of bytes that someone else owns.

use super::reply::encode_bulk;

/// The place of one argument, relative to the start of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// First byte.
    pub(super) start: usize,
    /// Byte behind the last.
    pub(super) end: usize,
}

/// The arguments of one request, at least one, the first of them the name of the command.
///
/// They borrow from the connection's buffer and from the parser, so that a request costs no
/// allocation; whoever keeps an argument copies it.
#[derive(Debug, Clone, Copy)]
pub struct Arguments<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Arguments<'a> {
    pub(super) fn new(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Self { bytes, spans }
    }

    /// Returns the name of the command, in the case the client wrote it.
    pub fn name(&self) -> &'a [u8] {
        self.get(0).unwrap_or_default()
    }

    /// Appends the request to `out`, as a client sends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("*{}\r\n", self.count()).as_bytes());
        self.iter().for_each(|argument| encode_bulk(argument, out));
    }

    /// Returns how many arguments there are, including the name of the command.
    pub fn count(&self) -> usize {
        self.spans.len()
    }

    /// Returns the argument at a position, where 0 is the name of the command.
    pub fn get(&self, position: usize) -> Option<&'a [u8]> {
        self.spans.get(position).and_then(|span| self.bytes.get(span.start..span.end))
    }

    /// Goes through all arguments, starting with the name of the command.
    pub fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = &'a [u8]> + DoubleEndedIterator + Clone + use<'a> {
        let bytes = self.bytes;
        self.spans.iter().map(move |span| bytes.get(span.start..span.end).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_slices_in_order() {
        let spans =
            [Span { start: 0, end: 3 }, Span { start: 4, end: 4 }, Span { start: 5, end: 6 }];
        let arguments = Arguments::new(b"GET  k", &spans);
        assert_eq!(arguments.name(), b"GET");
        assert_eq!(arguments.count(), 3);
        assert_eq!(arguments.iter().collect::<Vec<_>>(), [&b"GET"[..], b"", b"k"]);
        assert_eq!(arguments.get(2), Some(&b"k"[..]));
        assert_eq!(arguments.get(3), None);
    }
}

//! The arguments of one request, as slices of bytes that someone else owns.

use smallvec::SmallVec;

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

    /// Returns the same arguments with bytes of their own.
    pub fn keep(&self) -> KeptArguments {
        let mut bytes = Vec::with_capacity(self.iter().map(<[u8]>::len).sum());
        let spans = self.iter().map(|argument| {
            let start = bytes.len();
            bytes.extend_from_slice(argument);
            Span { start, end: bytes.len() }
        });
        let spans = spans.collect();
        KeptArguments { bytes, spans }
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

/// The arguments of one request, with bytes of their own.
#[derive(Debug)]
pub struct KeptArguments {
    bytes: Vec<u8>,
    /// Most requests have a command, a key and a value.
    spans: SmallVec<[Span; 3]>,
}

impl KeptArguments {
    /// Returns the arguments.
    pub fn arguments(&self) -> Arguments<'_> {
        Arguments::new(&self.bytes, &self.spans)
    }

    /// Returns the memory that they take, in bytes.
    pub fn memory(&self) -> usize {
        let spans = if self.spans.spilled() { size_of_val(&self.spans[..]) } else { 0 };
        size_of::<Self>() + self.bytes.len() + spans
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

    #[test]
    fn kept_arguments_are_the_same() {
        let spans = [(6, 9), (10, 10), (11, 12), (0, 6)].map(|(start, end)| Span { start, end });
        for count in 1..=spans.len() {
            let arguments = Arguments::new(b"valuesGET  k", &spans[..count]);
            let kept = arguments.keep();
            assert!(kept.arguments().iter().eq(arguments.iter()));
            assert_eq!(kept.arguments().count(), count);
            let outside = [0, 0, 0, 4 * size_of::<Span>()][count - 1];
            let bytes = arguments.iter().map(<[u8]>::len).sum::<usize>();
            assert_eq!(kept.memory(), size_of::<KeptArguments>() + bytes + outside);
        }
    }
}

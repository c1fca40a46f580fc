//! Patterns over bytes, with the syntax of Redis.
//!
//! `*` any bytes, `?` one byte, `[a-c]` one of these, `[^a-c]` none of these, `\x` the byte itself.
//! A class that is not closed ends with the pattern.
//!
//! Only the last `*` is ever tried again at the next byte, because what an earlier one could gain
//! by taking more, the last one gains too. So a match costs at most the product of both lengths,
//! where recursion for every `*` is exponential.

/// The meaning of upper and lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    /// Letters of either case differ.
    Exact,
    /// ASCII letters of either case are the same.
    Ignored,
}

impl Case {
    fn fold(self, byte: u8) -> u8 {
        match self {
            Self::Exact => byte,
            Self::Ignored => byte.to_ascii_lowercase(),
        }
    }
}

/// Returns true if the whole text matches the pattern.
pub(crate) fn matches(mut pattern: &[u8], mut text: &[u8], case: Case) -> bool {
    // The pattern behind the last star and the text to try it at next, if it does not match here.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            retry = Some((rest, text));
            continue;
        }
        let next = match (pattern, text) {
            ([], []) => return true,
            (_, []) => return false,
            (pattern, [byte, text @ ..]) => {
                match_byte(pattern, *byte, case).map(|rest| (rest, text))
            }
        };
        (pattern, text) = match (next, retry) {
            (Some(next), _) => next,
            (None, Some((behind_star, [_, later @ ..]))) => {
                retry = Some((behind_star, later));
                (behind_star, later)
            }
            (None, _) => return false,
        };
    }
}

/// Matches one byte against the first element of the pattern, which is no star, and returns the
/// rest.
fn match_byte(pattern: &[u8], byte: u8, case: Case) -> Option<&[u8]> {
    let (matched, rest) = match pattern {
        [] => return None,
        [b'?', rest @ ..] => (true, rest),
        [b'[', b'^', class @ ..] => {
            let (matched, rest) = match_class(class, byte, case);
            (!matched, rest)
        }
        [b'[', class @ ..] => match_class(class, byte, case),
        [b'\\', escaped, rest @ ..] => (case.fold(*escaped) == case.fold(byte), rest),
        [literal, rest @ ..] => (case.fold(*literal) == case.fold(byte), rest),
    };
    matched.then_some(rest)
}

/// Returns true if the byte is in the class, and the pattern behind the class.
fn match_class(mut class: &[u8], byte: u8, case: Case) -> (bool, &[u8]) {
    let byte = case.fold(byte);
    let mut matched = false;
    loop {
        class = match class {
            [] => return (matched, class),
            [b']', rest @ ..] => return (matched, rest),
            [b'\\', escaped, rest @ ..] => {
                matched |= case.fold(*escaped) == byte;
                rest
            }
            [first, b'-', last, rest @ ..] => {
                let (first, last) = (case.fold(*first), case.fold(*last));
                matched |= (first.min(last)..=first.max(last)).contains(&byte);
                rest
            }
            [literal, rest @ ..] => {
                matched |= case.fold(*literal) == byte;
                rest
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(pattern: &str, text: &str, expected: bool) {
        let found = matches(pattern.as_bytes(), text.as_bytes(), Case::Exact);
        assert_eq!(found, expected, "{pattern} over {text}");
    }

    #[test]
    fn patterns_match_as_in_redis() {
        let cases = [
            ("", &[""][..], &["a"][..]),
            ("*", &["", "a", "abc"], &[]),
            ("**", &["", "a"], &[]),
            ("a*", &["a", "ab", "abb"], &["", "b", "ba"]),
            ("*a", &["a", "ba", "aa"], &["", "ab"]),
            ("a*b*c", &["abc", "aXbXc", "abbcc", "abcbc"], &["ab", "acb", "abcd"]),
            ("h?llo", &["hello", "hallo"], &["hllo", "heello"]),
            ("h[ae]llo", &["hello", "hallo"], &["hillo", "hllo"]),
            ("h[^e]llo", &["hallo", "hbllo"], &["hello", "hllo"]),
            ("h[a-b]llo", &["hallo", "hbllo"], &["hcllo", "h-llo"]),
            ("h[b-a]llo", &["hallo", "hbllo"], &["hcllo"]),
            ("[a-]", &["a", "^", "]"], &["b", "-"]),
            ("[]a]", &[], &["]a]", "a"]),
            ("[^]", &["a", "^"], &[""]),
            ("[abc", &["a", "c"], &["d", "[abc"]),
            (r"[\]-]", &["]", "-"], &["\\", "a"]),
            (r"\*", &["*"], &["a", r"\*"]),
            (r"a\", &[r"a\"], &["a"]),
            (r"\[a]", &["[a]"], &["a"]),
            ("*[0-9]?x", &["a1bx", "11x"], &["1x", "abx"]),
            ("key:*:end", &["key::end", "key:a:end:end"], &["key:end", "key:a:end:"]),
        ];
        for (pattern, yes, no) in cases {
            yes.iter().for_each(|text| check(pattern, text, true));
            no.iter().for_each(|text| check(pattern, text, false));
        }
    }

    #[test]
    fn case_is_ignored_where_asked() {
        for (pattern, text) in [("MAX*", "maxmemory"), ("[A-C]x", "bX"), (r"\Q?", "qz")] {
            assert!(matches(pattern.as_bytes(), text.as_bytes(), Case::Ignored));
            assert!(!matches(pattern.as_bytes(), text.as_bytes(), Case::Exact));
        }
    }

    #[test]
    fn many_stars_cost_no_more_than_one() {
        let pattern = format!("{}b", "a*".repeat(1000));
        let text = "a".repeat(10_000);
        assert!(!matches(pattern.as_bytes(), text.as_bytes(), Case::Exact));
    }

    /// Returns the same by recursion, which is plain but exponential.
    fn matches_slowly(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => {
                (0..=text.len()).any(|taken| matches_slowly(rest, &text[taken..]))
            }
            (_, [byte, later @ ..]) => match_byte(pattern, *byte, Case::Exact)
                .is_some_and(|rest| matches_slowly(rest, later)),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn trying_only_the_last_star_again_misses_nothing(
            pattern in r"[ab*?\[\]^\\-]{0,8}",
            text in r"[ab\[\]^-]{0,8}",
        ) {
            let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(matches(pattern, text, Case::Exact), matches_slowly(pattern, text));
        }

        #[test]
        fn any_bytes_are_a_pattern(
            pattern in proptest::collection::vec(any::<u8>(), 0..200),
            text in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            matches(&pattern, &text, Case::Ignored);
            let mut quoted = Vec::new();
            text.iter().for_each(|byte| quoted.extend([b'\\', *byte]));
            prop_assert!(matches(&quoted, &text, Case::Exact));
        }
    }
}

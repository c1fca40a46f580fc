//! The keys between the children of an inner node.
//!
//! Two tricks of B-trees keep a search in few cache lines: the common prefix is stored once (prefix
//! truncation, [Bayer and Unterauer 1977][bayer]), and the next eight bytes of each key are a
//! number ("poor man's normalized keys", [Graefe and Larson 2001][graefe]), so that most
//! comparisons touch no key. `benches/engines.rs`, "random get", measures them.
//!
//! [bayer]: https://doi.org/10.1145/320521.320530
//! [graefe]: https://doi.org/10.1109/ICDE.2001.914847

/// Sorted separator keys.
pub(super) struct Separators {
    /// The common prefix of all separators.
    prefix: Box<[u8]>,
    /// The first eight bytes of each separator after the prefix, as a number that compares as they
    /// do.
    heads: Box<[u64]>,
    /// The rest of each separator after the prefix, one after the other.
    suffixes: Box<[u8]>,
    /// The end of each suffix.
    ends: Box<[usize]>,
}

impl Separators {
    /// Returns the separators at these keys, which ascend.
    pub(super) fn new<K: AsRef<[u8]>>(keys: &[K]) -> Self {
        let prefix = match (keys.first(), keys.last()) {
            (Some(first), Some(last)) => {
                let shared = common_prefix_len(first.as_ref(), last.as_ref());
                &first.as_ref()[..shared]
            }
            _ => &[],
        };
        let behind = || keys.iter().map(|key| &key.as_ref()[prefix.len()..]);
        let mut end = 0;
        let ends = behind().map(|suffix| {
            end += suffix.len();
            end
        });
        Self {
            prefix: prefix.into(),
            heads: behind().map(head).collect(),
            ends: ends.collect(),
            suffixes: behind().flatten().copied().collect(),
        }
    }

    /// Returns the position of the child that holds the key: the number of separators at or below
    /// it.
    pub(super) fn child_for(&self, key: &[u8]) -> usize {
        self.rank(key, |suffix, rest| suffix <= rest)
    }

    /// Returns the position of the child that holds the last key below this one: the number of
    /// separators below it.
    pub(super) fn child_before(&self, key: &[u8]) -> usize {
        self.rank(key, |suffix, rest| suffix < rest)
    }

    fn rank(&self, key: &[u8], is_before: impl Fn(&[u8], &[u8]) -> bool) -> usize {
        let shared = common_prefix_len(key, &self.prefix);
        if shared < self.prefix.len() {
            let is_above = key.get(shared).is_some_and(|byte| *byte > self.prefix[shared]);
            return if is_above { self.heads.len() } else { 0 };
        }
        let rest = &key[shared..];
        let head = head(rest);
        let mut low = self.heads.partition_point(|other| *other < head);
        let mut high = low + self.heads[low..].partition_point(|other| *other == head);
        while low < high {
            let middle = low.midpoint(high);
            if is_before(self.suffix(middle), rest) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn suffix(&self, position: usize) -> &[u8] {
        let start = if position == 0 { 0 } else { self.ends[position - 1] };
        &self.suffixes[start..self.ends[position]]
    }

    /// Returns the bytes of memory that they take, the struct itself left out.
    pub(super) fn memory(&self) -> usize {
        self.prefix.len()
            + self.suffixes.len()
            + size_of_val(&*self.heads)
            + size_of_val(&*self.ends)
    }

    /// Returns the separator at this position.
    pub(super) fn get(&self, position: usize) -> Option<Vec<u8>> {
        (position < self.ends.len()).then(|| [&self.prefix, self.suffix(position)].concat())
    }
}

/// Returns the shortest key above `last` and not above `first`, which is the next one.
pub(super) fn shortest_separator(last: &[u8], first: &[u8]) -> Vec<u8> {
    first[..first.len().min(common_prefix_len(last, first) + 1)].to_vec()
}

/// Returns the length of the common prefix.
fn common_prefix_len(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn head(bytes: &[u8]) -> u64 {
    if let Some(head) = bytes.first_chunk() {
        return u64::from_be_bytes(*head);
    }
    let mut head = [0; 8];
    head[..bytes.len()].copy_from_slice(bytes);
    u64::from_be_bytes(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_agree_with_comparing_every_separator() {
        let sets: [&[&[u8]]; 5] = [
            &[],
            &[b"m"],
            &[b"a", b"a\0", b"a\0\0\0\0\0\0\0\0", b"ab", b"b"],
            &[b"user:0001:a", b"user:0001:abcdefghi", b"user:0001:abcdefghj", b"user:0002"],
            &[b"prefix--12345678a", b"prefix--12345678b", b"prefix--12345678c"],
        ];
        let mut probes: Vec<Vec<u8>> = vec![Vec::new(), vec![0], vec![255; 20]];
        for key in sets.concat() {
            probes.extend([key.to_vec(), [key, b"\0"].concat(), key[..key.len() - 1].to_vec()]);
            probes.push([&key[..key.len() - 1], b"\xff"].concat());
        }
        for keys in sets {
            let separators = Separators::new(keys);
            for probe in &probes {
                let at_or_below = keys.iter().filter(|key| **key <= &probe[..]).count();
                let below = keys.iter().filter(|key| **key < &probe[..]).count();
                assert_eq!(
                    (separators.child_for(probe), separators.child_before(probe)),
                    (at_or_below, below)
                );
            }
            let read: Vec<_> = (0..).map_while(|position| separators.get(position)).collect();
            assert_eq!(read, keys);
        }
    }
}

//! The keys that separate the children of an inner node, laid out for searching.

/// Sorted keys: what they have in common once, and the first bytes of each as a number.
pub(super) struct Fences {
    /// What every fence begins with.
    prefix: Box<[u8]>,
    /// The first eight bytes of each fence behind the prefix, as a number that compares as they do.
    heads: Box<[u64]>,
    /// What follows the prefix, of one fence after the other.
    suffixes: Box<[u8]>,
    /// Where the suffix of each fence ends.
    ends: Box<[usize]>,
}

impl Fences {
    /// Fences at these keys, which ascend.
    pub(super) fn new<K: AsRef<[u8]>>(keys: &[K]) -> Self {
        let prefix = match (keys.first(), keys.last()) {
            (Some(first), Some(last)) => {
                let shared = common(first.as_ref(), last.as_ref());
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

    /// How many fences are at or below the key: the position of the child that holds it.
    pub(super) fn up_to(&self, key: &[u8]) -> usize {
        self.rank(key, |suffix, rest| suffix <= rest)
    }

    /// How many fences are below the key: the position of the child that holds what is before it.
    pub(super) fn below(&self, key: &[u8]) -> usize {
        self.rank(key, |suffix, rest| suffix < rest)
    }

    fn rank(&self, key: &[u8], is_before: impl Fn(&[u8], &[u8]) -> bool) -> usize {
        let shared = common(key, &self.prefix);
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

    /// The fence at this position.
    pub(super) fn get(&self, position: usize) -> Option<Vec<u8>> {
        (position < self.ends.len()).then(|| [&self.prefix, self.suffix(position)].concat())
    }
}

/// How many bytes both begin with.
pub(super) fn common(a: &[u8], b: &[u8]) -> usize {
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
    fn ranks_agree_with_comparing_every_fence() {
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
            let fences = Fences::new(keys);
            for probe in &probes {
                let up_to = keys.iter().filter(|key| **key <= &probe[..]).count();
                let below = keys.iter().filter(|key| **key < &probe[..]).count();
                assert_eq!((fences.up_to(probe), fences.below(probe)), (up_to, below));
            }
            let read: Vec<_> = (0..).map_while(|position| fences.get(position)).collect();
            assert_eq!(read, keys);
        }
    }
}

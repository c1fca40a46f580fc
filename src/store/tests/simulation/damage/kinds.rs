//! The kinds of damage to a closed store.

use super::store::{STORIES, Store, frames};
use super::{Figures, Judge, Judgement, Violation, bits, judge_opened};
use crate::form::by_form;

/// Damages a store in every way of one kind.
type Kind = fn(&mut Judge<'_>) -> Result<(), Violation>;

pub(super) const KINDS: [(&str, Kind); 9] = [
    ("flipped bits", flip_bits),
    ("truncations", truncate),
    ("missing files", miss_files),
    ("zeroed or filled sectors", fill_sectors),
    ("swapped sectors", swap_sectors),
    ("duplicated frames", duplicate_frames),
    ("stale frames", copy_frames),
    ("earlier and returned files", bring_files_back),
    ("swapped and foreign files", swap_files),
];

fn at<'a>(name: &'a str, what: &'a str, place: usize) -> impl Fn(Violation) -> Violation + 'a {
    move |error| format!("{what} of {name} at {place}: {error}")
}

fn flip_bits(judge: &mut Judge<'_>) -> Result<(), Violation> {
    for (name, bytes) in &judge.store.files {
        for bit in bits(bytes) {
            let flip = |bytes: &mut Vec<u8>| bytes[bit / 8] ^= 1 << (bit % 8);
            judge.change(name, flip).map_err(at(name, "bit", bit))?;
        }
    }
    Ok(())
}

fn truncate(judge: &mut Judge<'_>) -> Result<(), Violation> {
    for (name, bytes) in &judge.store.files {
        for length in (0..bytes.len()).step_by(by_form([5, 1, 1])) {
            let cut = |bytes: &mut Vec<u8>| bytes.truncate(length);
            judge.change(name, cut).map_err(at(name, "end", length))?;
        }
    }
    Ok(())
}

fn miss_files(judge: &mut Judge<'_>) -> Result<(), Violation> {
    for name in judge.store.files.keys() {
        let mut files = judge.store.files.clone();
        files.remove(name);
        judge.judge(&files, &[name]).map_err(|error| format!("{name} is missing: {error}"))?;
    }
    Ok(())
}

fn sectors(bytes: &[u8], size: usize) -> impl Iterator<Item = (usize, usize)> {
    let length = bytes.len();
    (0..length).step_by(size).map(move |start| (start, length.min(start + size)))
}

fn fill_sectors(judge: &mut Judge<'_>) -> Result<(), Violation> {
    for (name, bytes) in &judge.store.files {
        for (start, end) in [64, 512].into_iter().flat_map(|size| sectors(bytes, size)) {
            for byte in [0, 0xFF] {
                let fill = |bytes: &mut Vec<u8>| bytes[start..end].fill(byte);
                judge.change(name, fill).map_err(at(name, "filled sector", start))?;
            }
        }
    }
    Ok(())
}

fn swap_sectors(judge: &mut Judge<'_>) -> Result<(), Violation> {
    let files = &judge.store.files;
    for (name, bytes) in files {
        for (size, (start, end)) in
            [64, 512].into_iter().flat_map(|size| sectors(bytes, size).map(move |s| (size, s)))
        {
            for (other, other_end) in sectors(bytes, size).filter(|(other, _)| *other > start) {
                let swap = |bytes: &mut Vec<u8>| {
                    let count = (end - start).min(other_end - other);
                    let (low, high) = bytes.split_at_mut(other);
                    low[start..start + count].swap_with_slice(&mut high[..count]);
                };
                judge.change(name, swap).map_err(at(name, "swapped sector", start))?;
            }
            for (other, contents) in files.iter().filter(|(other, _)| *other > name) {
                let end = end.min(contents.len());
                if start >= end {
                    continue;
                }
                let mut swapped = files.clone();
                swapped.get_mut(name).expect("a file")[start..end]
                    .copy_from_slice(&contents[start..end]);
                swapped.get_mut(other).expect("a file")[start..end]
                    .copy_from_slice(&bytes[start..end]);
                let judged = judge.judge(&swapped, &[name, other]);
                judged.map_err(at(name, "sector swapped with another file", start))?;
            }
        }
    }
    Ok(())
}

fn duplicate_frames(judge: &mut Judge<'_>) -> Result<(), Violation> {
    for name in judge.store.segments() {
        let bytes = &judge.store.files[name];
        for (start, end) in frames(bytes) {
            let frame = bytes[start..end].to_vec();
            for place in [end, bytes.len()] {
                let insert = |bytes: &mut Vec<u8>| {
                    bytes.splice(place..place, frame.iter().copied());
                };
                judge.change(name, insert).map_err(at(name, "duplicated frame", start))?;
            }
            // A frame that was there twice is there once.
            let remove = |bytes: &mut Vec<u8>| drop(bytes.drain(start..end));
            judge.change(name, remove).map_err(at(name, "removed frame", start))?;
        }
    }
    Ok(())
}

/// Frames of this store, and of what its files held before, over others that are as long or longer.
fn copy_frames(judge: &mut Judge<'_>) -> Result<(), Violation> {
    let files = judge.store.files.iter().chain(judge.store.earlier.iter().map(|(n, b)| (n, b)));
    let is_segment = |name: &str| name.ends_with(".log");
    let mut stale: Vec<&[u8]> = files
        .filter(|(name, _)| is_segment(name))
        .flat_map(|(_, bytes)| {
            let whole = frames(bytes).into_iter().filter(|(_, end)| *end <= bytes.len());
            whole.map(|(start, end)| &bytes[start..end])
        })
        .collect();
    stale.sort_unstable();
    stale.dedup();
    for name in judge.store.segments() {
        for (start, end) in frames(&judge.store.files[name]) {
            for frame in stale.iter().filter(|frame| frame.len() <= end - start) {
                let copy = |bytes: &mut Vec<u8>| {
                    bytes[start..start + frame.len()].copy_from_slice(frame);
                };
                judge.change(name, copy).map_err(at(name, "stale frame", start))?;
            }
        }
    }
    Ok(())
}

fn bring_files_back(judge: &mut Judge<'_>) -> Result<(), Violation> {
    for (name, bytes) in &judge.store.earlier {
        let mut files = judge.store.files.clone();
        files.insert(name.clone(), bytes.clone());
        let length = bytes.len();
        let judged = judge.judge(&files, &[name]);
        judged.map_err(|error| format!("{name} as it was with {length} bytes: {error}"))?;
    }
    Ok(())
}

fn swap_files(judge: &mut Judge<'_>) -> Result<(), Violation> {
    let files = &judge.store.files;
    // Without CLOSED nothing vouches for the newest segment: swapping these two is two damages.
    let is_alone = |name: &str| name == "CLOSED";
    for (name, bytes) in files.iter().filter(|(name, _)| !is_alone(name)) {
        let others = files.iter().filter(|(other, _)| *other > name && !is_alone(other));
        for (other, contents) in others {
            let mut swapped = files.clone();
            swapped.insert(name.clone(), contents.clone());
            swapped.insert(other.clone(), bytes.clone());
            let judged = judge.judge(&swapped, &[name, other]);
            judged.map_err(|error| format!("{name} and {other} swapped: {error}"))?;
        }
    }
    for foreign in STORIES.map(|story| Store::new(story, 77).files) {
        for (name, bytes) in foreign {
            let mut files = files.clone();
            files.insert(name.clone(), bytes);
            let judged = judge.judge(&files, &[&name]);
            judged.map_err(|error| format!("{name} of another store: {error}"))?;
        }
    }
    Ok(())
}

/// Opens every store with every damage of one kind.
pub(super) fn run(kind: Kind) -> Result<Figures, Violation> {
    run_as(kind, judge_opened, 1)
}

/// Judges one of so many damages of a kind to every store.
pub(super) fn run_as(kind: Kind, judgement: Judgement, every: u64) -> Result<Figures, Violation> {
    let mut figures = Figures::default();
    for story in STORIES {
        let store = Store::new(story, 1);
        let mut judge = Judge::new(&store, judgement, every);
        kind(&mut judge).map_err(|error| format!("{story:?}: {error}"))?;
        figures.add(judge.figures);
    }
    Ok(figures)
}

#[test]
fn no_damage_to_a_closed_store_gives_a_wrong_answer() {
    let mut all = Figures::default();
    for (what, kind) in KINDS {
        let started = std::time::Instant::now();
        let figures = run_as(kind, judge_opened, by_form([3, 1, 1]));
        let figures = figures.unwrap_or_else(|error| panic!("{what}: {error}"));
        println!("{what}: {figures}, 0 wrong answers, {:.1?}", started.elapsed());
        assert!(figures.refused > 0);
        all.add(figures);
    }
    assert!(all.tried() > by_form([4_000, 22_000, 110_000]), "too little was tried: {all}");
}

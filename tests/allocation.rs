//! Memory grows with the bytes that are there, never with the bytes that are announced: in files
//! whose lengths are damaged or forged, and in what peers send.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use common::form::by_form;
use common::running::Running;
use kvs::protocol::native::{ClientHello, FRAME_BYTES_MAX, ServerHello};
use kvs::{ClientOptions, Durability, EngineKind, KvsClient, Options, ServerOptions, Store};
use peak_alloc::PeakAlloc;
use tempfile::TempDir;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The peak is that of the whole process, so the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

/// Returns the result of the work, and the most bytes that were allocated at once in it, beyond
/// those of before.
fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let result = work();
    (result, ALLOCATOR.peak_usage().saturating_sub(before))
}

fn options(directory: &Path) -> Options {
    Options::new(directory).durability(Durability::Never)
}

const KEYS: [&str; 3] = ["a", "large", "missing"];

/// Opens the store and reads every key; a part of the reads, or all of it, may be refused.
fn open_and_read(directory: &Path) {
    let Ok(store) = Store::open(options(directory)) else { return };
    for key in KEYS {
        let _ = store.get(key);
    }
}

/// Makes a store with one segment; the files of it.
fn make(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let store = Store::open(options(directory)).unwrap();
    store.set("a", "short").unwrap();
    store.set("large", vec![7; 100_000]).unwrap();
    drop(store);
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    // Nobody reads these.
    let unread = ["LOCK", "RESERVE"];
    let paths = paths.filter(|path| unread.iter().all(|name| path.file_name().unwrap() != *name));
    paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

const SEGMENT_HEADER: usize = 72;
const FRAME_HEADER: usize = 32;

/// Returns the frames of a segment, each with its records, as `docs/format.md` describes them.
fn frames(bytes: &[u8]) -> Vec<(Range<usize>, Vec<Range<usize>>)> {
    let (mut frames, mut start) = (Vec::new(), SEGMENT_HEADER);
    while start < bytes.len() {
        let end = start + FRAME_HEADER + number(bytes, start + 8);
        let (mut records, mut at) = (Vec::new(), start + FRAME_HEADER);
        while at < end {
            let next = at + 8 + number(bytes, at + 4);
            records.push(at..next);
            at = next;
        }
        frames.push((start..end, records));
        start = end;
    }
    frames
}

/// Returns every place of a segment that says how much of something there is, and its header.
fn lengths(bytes: &[u8]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..SEGMENT_HEADER).collect();
    for (frame, records) in frames(bytes) {
        places.extend(frame.start + 8..frame.start + 16);
        for record in records {
            places.extend(record.start + 4..record.start + 8);
            // Kind, expiry and the length of the key, the key, and the length of the value.
            let key = usize::from(bytes[record.start + 10]);
            places.push(record.start + 10);
            let value = record.start + 11 + key;
            places.extend(value..record.end.min(value + 3));
        }
    }
    places
}

/// Makes the checksums right again after a change, so that what was changed is believed.
fn forge(bytes: &mut [u8], original: &[u8]) {
    let crc = crc32fast::hash(&bytes[..64]).to_le_bytes();
    bytes[64..68].copy_from_slice(&crc);
    let seed = crc32fast::hash(&bytes[..SEGMENT_HEADER]);
    let checksum = |parts: &[&[u8]]| {
        let mut hasher = crc32fast::Hasher::new_with_initial(seed);
        parts.iter().for_each(|part| hasher.update(part));
        hasher.finalize().to_le_bytes()
    };
    for (frame, records) in frames(original) {
        let sequence = bytes[frame.start + 16..frame.start + 24].to_vec();
        for record in records {
            let covered = &bytes[record.start + 4..record.end];
            let place = (record.start as u64).to_le_bytes();
            let crc = checksum(&[&place, &sequence, covered]);
            bytes[record.start..record.start + 4].copy_from_slice(&crc);
        }
        let place = (frame.start as u64).to_le_bytes();
        let crc = checksum(&[&place, &bytes[frame.start + 4..frame.start + FRAME_HEADER]]);
        bytes[frame.start..frame.start + 4].copy_from_slice(&crc);
    }
}

#[test]
fn a_length_in_a_file_allocates_no_more_than_the_file_has() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let made = TempDir::new().unwrap();
    let files = make(made.path());
    let file_bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    open_and_read(made.path());
    let ((), whole) = peak_of(|| open_and_read(made.path()));
    // A damaged hint has its segment read in its place, and errors have messages.
    let bound = whole + file_bytes + 64 * 1024;
    let (mut worst, mut tried) = (0, 0);
    for (path, original) in &files {
        let is_segment = path.extension().is_some();
        let places = if is_segment { lengths(original) } else { (0..original.len()).collect() };
        let bits = places.iter().flat_map(|place| (0..8).map(move |bit| (*place, bit)));
        for bit in bits.step_by(by_form([21, 2, 1])) {
            for is_forged in [false, true].into_iter().take(if is_segment { 2 } else { 1 }) {
                let copy = TempDir::new().unwrap();
                for (other, bytes) in &files {
                    let mut bytes = bytes.clone();
                    if other == path {
                        bytes[bit.0] ^= 1 << bit.1;
                        if is_forged {
                            forge(&mut bytes, original);
                        }
                    }
                    fs::write(copy.path().join(other.file_name().unwrap()), bytes).unwrap();
                }
                let ((), peak) = peak_of(|| open_and_read(copy.path()));
                assert!(
                    peak <= bound,
                    "{peak} of {bound} bytes for bit {bit:?} of {}, forged: {is_forged}",
                    path.display()
                );
                worst = worst.max(peak);
                tried += 1;
            }
        }
    }
    println!(
        "{tried} flips in {file_bytes} bytes: peak {worst}, allowed {bound}, undamaged {whole}"
    );
    assert!(tried > by_form([90, 1_000, 2_000]), "too little was tried");
}

/// The memory that a connection may cost that announces much and sends little: buffers for what it
/// sent.
const CONNECTION_BYTES: usize = 8 * 1024;

/// The memory that a client may cost: its buffers for reading, as long as what it asks the system
/// for.
const CLIENT_BYTES: usize = 256 * 1024;

const CONNECTIONS: usize = 20;

fn native(body: &[u8], announced: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    ClientHello::OURS.encode(&mut bytes);
    bytes.extend_from_slice(&announced.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

fn native_body(body: &[u8]) -> Vec<u8> {
    native(body, u32::try_from(body.len()).unwrap())
}

#[test]
fn a_length_from_a_client_allocates_no_more_than_the_client_sent() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let huge = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
    let openings: [Vec<u8>; 12] = [
        b"*1048576\r\n".to_vec(),
        b"*1048576\r\n$68157440\r\n".to_vec(),
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$67108864\r\nvalue".to_vec(),
        b"*2147483647\r\n".to_vec(),
        b"*9223372036854775807\r\n$1\r\n".to_vec(),
        b"*1\r\n$9223372036854775807\r\n".to_vec(),
        native(b"\x01", FRAME_BYTES_MAX),
        native(b"\x01", u32::MAX),
        // A get, many gets and a batch that announce four billion bytes, keys and items.
        native_body(&[&[1, 1][..], &huge].concat()),
        native_body(&[&[1, 2][..], &huge].concat()),
        native_body(&[&[1, 6][..], &huge, &[0, 1, b'k']].concat()),
        native_body(&[&[1, 3, 1, b'k'][..], &huge].concat()),
    ];
    let running = Running::start(ServerOptions::default().workers(1).readers(1));
    let serve = |opening: &[u8]| {
        let connections: Vec<TcpStream> = (0..CONNECTIONS)
            .map(|_| {
                let mut connection = TcpStream::connect(running.address).unwrap();
                connection.write_all(opening).unwrap();
                connection
            })
            .collect();
        for mut connection in connections {
            // The server reads what was sent before it meets the end, and then closes the
            // connection.
            let _ = connection.shutdown(Shutdown::Write);
            let _ = connection.read_to_end(&mut Vec::new());
        }
    };
    serve(b"PING\r\n");
    for opening in openings {
        let ((), peak) = peak_of(|| serve(&opening));
        let text = opening.escape_ascii();
        assert!(peak <= CONNECTIONS * CONNECTION_BYTES, "{peak} bytes for {text}");
        println!("{CONNECTIONS} connections at once: peak {peak} for {text}");
    }
}

#[test]
fn large_values_are_read_one_after_the_other() {
    const VALUE_BYTES: usize = 16 << 20;
    const CLIENTS: usize = 8;
    const LIMIT: usize = 2 * VALUE_BYTES;
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = TempDir::new().unwrap();
    let server = ServerOptions::default().workers(4).readers(4).client_memory(LIMIT);
    let running = Running::start_on(options(directory.path()), server);
    running.store.set("large", vec![7; VALUE_BYTES]).unwrap();
    let (replies, peak) = peak_of(|| {
        let mut clients: Vec<_> =
            (0..CLIENTS).map(|_| TcpStream::connect(running.address).unwrap()).collect();
        // All of them are asked for before any is taken.
        clients.iter_mut().for_each(|client| client.write_all(b"GET large\r\n").unwrap());
        let take = |client: &mut TcpStream| {
            let mut taken = 0;
            let mut buffer = vec![0; 1 << 16];
            client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            while taken < VALUE_BYTES {
                match client.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(bytes) => taken += bytes,
                    Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                    Err(error) => panic!("{error}"),
                }
            }
            taken >= VALUE_BYTES
        };
        clients.iter_mut().map(take).filter(|is_whole| *is_whole).count()
    });
    // One reply may pass the limit, and its value is held until it is encoded; evicted replies may
    // still be leaving.
    println!("{replies} of {CLIENTS} large replies: peak {peak}");
    assert!(peak <= LIMIT + 3 * VALUE_BYTES, "{peak} bytes");
    assert!(replies > 0);
}

#[test]
fn a_length_from_a_server_allocates_no_more_than_the_server_sent() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    for announced in [FRAME_BYTES_MAX, u32::MAX] {
        let (result, peak) = peak_of(|| {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let (mut connection, _) = listener.accept().unwrap();
                    let mut hello = [0; 12];
                    connection.read_exact(&mut hello).unwrap();
                    let mut bytes = Vec::new();
                    ServerHello::answer(&ClientHello::OURS, FRAME_BYTES_MAX).encode(&mut bytes);
                    bytes.extend_from_slice(&announced.to_le_bytes());
                    bytes.extend_from_slice(&[1, 0, 1, 1]);
                    connection.write_all(&bytes).unwrap();
                });
                // The server answers once.
                let options = ClientOptions::default().reconnect_timeout(Duration::ZERO);
                let mut client = KvsClient::connect_with(address, &options)?;
                client.get("key")
            })
        });
        assert!(result.is_err());
        assert!(peak <= CLIENT_BYTES, "{peak} bytes for a frame of {announced}");
        println!("a client takes {peak} bytes for an announced frame of {announced}");
    }
}

#[test]
fn the_memory_of_the_index_is_what_the_figures_say() {
    const KEYS: u64 = 50_000;
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for (engine, least) in [(EngineKind::Memory, 95), (EngineKind::Kvs, 85)] {
        let directory = TempDir::new().unwrap();
        let store = Store::open(options(directory.path()).engine(engine).cache_bytes(0)).unwrap();
        let (before, index_before) = (ALLOCATOR.current_usage(), store.stats().index.unwrap());
        for number in 0..KEYS {
            // In no order.
            let key = (number * 0x9E37_79B1 % 0xFFFF_FFFB).to_be_bytes();
            store.set([key, key].concat(), "a value").unwrap();
        }
        let index = store.stats().index.unwrap();
        let taken = ALLOCATOR.current_usage() - before;
        let counted = index.bytes - index_before.bytes;
        assert_eq!(index.keys - index_before.keys, KEYS);
        let percent = counted * 100 / taken as u64;
        println!("{engine}: {} bytes for a key, {percent} % of all memory", index.bytes_per_key());
        assert!((least..=100).contains(&percent), "{engine}: {counted} bytes of {taken}");
    }
}

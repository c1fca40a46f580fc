//! Random reads and writes of one thread, for every engine.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use kvs::{Durability, EngineKind, Options, Store};
use tempfile::TempDir;

const KEYS: u64 = 100_000;
const VALUE_BYTES: usize = 100;

const ENGINES: [EngineKind; 3] = [EngineKind::Kvs, EngineKind::Sled, EngineKind::Memory];

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn key(&mut self) -> [u8; 16] {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        key((self.0 >> 33) % KEYS)
    }
}

fn key(number: u64) -> [u8; 16] {
    let mut key = *b"key_000000000000";
    key[8..].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    key
}

fn filled(engine: EngineKind, directory: &TempDir) -> Store {
    let options = Options::new(directory.path()).engine(engine).durability(Durability::Never);
    let store = Store::open(options).expect("the temporary directory is empty");
    for number in 0..KEYS {
        store.set(key(number), vec![7; VALUE_BYTES]).expect("there is room");
    }
    store
}

fn random_get(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("random get");
    group.throughput(Throughput::Elements(1));
    for engine in ENGINES {
        let directory = TempDir::new().expect("a temporary directory");
        let store = filled(engine, &directory);
        let mut random = Random(1);
        group.bench_function(engine.name(), |bencher| {
            bencher.iter(|| black_box(store.get(random.key()).expect("nothing is damaged")));
        });
    }
    group.finish();
}

fn random_set(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("random set");
    group.throughput(Throughput::Elements(1));
    for engine in ENGINES {
        let directory = TempDir::new().expect("a temporary directory");
        let store = filled(engine, &directory);
        let mut random = Random(2);
        group.bench_function(engine.name(), |bencher| {
            bencher.iter_batched(
                || (random.key(), vec![8; VALUE_BYTES]),
                |(key, value)| store.set(key, value).expect("there is room"),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = random_get, random_set
}
criterion_main!(benches);

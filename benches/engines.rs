//! One thread on an embedded store, for every engine.

use std::hint::black_box;

use criterion::{BatchSize, Bencher, Criterion, Throughput, criterion_group, criterion_main};
use kvs::{Durability, EngineKind};

mod common;

use common::filled::Filled;
use common::keys::{KEYS, Picks, VALUE_BYTES};

/// The number of keys that a scan reads and a batch writes.
const RANGE: usize = 100;

/// The stores of every engine, each filled when the first measurement asks for it.
type Stores = Vec<(EngineKind, Option<Filled>)>;

fn fill(engine: EngineKind) -> Filled {
    Filled::new(KEYS, VALUE_BYTES, |options| options.engine(engine).durability(Durability::Never))
}

/// Measures the same on every store; one turn is about that many keys.
fn compare(
    criterion: &mut Criterion,
    stores: &mut Stores,
    name: &str,
    keys: usize,
    mut measure: impl FnMut(&mut Bencher<'_>, &Filled),
) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(keys as u64));
    for (engine, filled) in stores {
        group.bench_function(engine.name(), |bencher| {
            measure(bencher, filled.get_or_insert_with(|| fill(*engine)));
        });
    }
    group.finish();
}

fn get(filled: &Filled, key: [u8; 16]) {
    black_box(filled.store.get(key).expect("nothing is damaged"));
}

fn set(filled: &Filled, key: [u8; 16]) {
    filled.store.set(key, vec![8; VALUE_BYTES]).expect("there is room");
}

fn engines(criterion: &mut Criterion) {
    let mut stores: Stores = EngineKind::available().iter().map(|kind| (*kind, None)).collect();
    let (mut uniform, mut zipfian) = (Picks::uniform(1), Picks::zipfian(1));
    let stores = &mut stores;
    compare(criterion, stores, "random get", 1, |bencher, filled| {
        bencher.iter(|| get(filled, uniform.key()));
    });
    compare(criterion, stores, "scan of 100", RANGE, |bencher, filled| {
        bencher.iter(|| {
            let found = filled.store.scan(uniform.key()..).take(RANGE);
            black_box(found.collect::<kvs::Result<Vec<_>>>().expect("nothing is damaged"))
        });
    });
    compare(criterion, stores, "random set", 1, |bencher, filled| {
        bencher.iter(|| set(filled, uniform.key()));
    });
    compare(criterion, stores, "batch of 100 sets", RANGE, |bencher, filled| {
        bencher.iter_batched(
            || uniform.batch(RANGE),
            |batch| filled.store.write(batch).expect("there is room"),
            BatchSize::SmallInput,
        );
    });
    compare(criterion, stores, "50 % get, 50 % set, zipfian", 2, |bencher, filled| {
        bencher.iter(|| {
            get(filled, zipfian.key());
            set(filled, zipfian.key());
        });
    });
    compare(criterion, stores, "95 % get, 5 % set, zipfian", 20, |bencher, filled| {
        bencher.iter(|| {
            (0..19).for_each(|_| get(filled, zipfian.key()));
            set(filled, zipfian.key());
        });
    });
}

criterion_group! {
    name = benches;
    config = common::settings();
    targets = engines
}
criterion_main!(benches);

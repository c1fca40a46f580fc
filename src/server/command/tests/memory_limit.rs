//! `maxmemory`: its settings, what is refused at it, and what is known of the use of keys.

use super::*;

const OOM: &str = "-OOM command not allowed when used memory > 'maxmemory'.";

/// Sets keys until one is refused; returns their number.
fn fill(server: &Server) -> usize {
    (0..100_000).take_while(|number| server.wire(&format!("SET key:{number} v")) == "+OK").count()
}

#[test]
fn the_settings_are_those_of_redis() {
    let server = Server::new();
    let failed = |name: &str, reason: &str| {
        format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
    };
    let size = failed("maxmemory", "argument must be a memory value");
    let policy = failed(
        "maxmemory-policy",
        "argument must be one of the following: noeviction, allkeys-lru, allkeys-lfu, \
         allkeys-random, volatile-lru, volatile-lfu, volatile-random, volatile-ttl",
    );
    let samples = failed("maxmemory-samples", "argument must be between 1 and 64 inclusive");
    server.check(&[
        ("CONFIG GET maxmemory", "*2 $9 maxmemory $1 0"),
        ("CONFIG SET maxmemory 100mb maxmemory-policy ALLKEYS-LRU", "+OK"),
        ("CONFIG GET maxmemory", "*2 $9 maxmemory $9 104857600"),
        ("CONFIG GET maxmemory-policy", "*2 $16 maxmemory-policy $11 allkeys-lru"),
        ("CONFIG SET maxmemory-samples 9", "+OK"),
        ("CONFIG GET maxmemory-samples", "*2 $17 maxmemory-samples $1 9"),
        ("CONFIG SET maxmemory 1x", &size),
        ("CONFIG SET maxmemory -1", &size),
        ("CONFIG SET maxmemory-policy lru", &policy),
        ("CONFIG SET maxmemory-samples 0", &samples),
        ("CONFIG SET maxmemory 0", "+OK"),
    ]);
    let info = server.text("INFO memory");
    assert!(info.contains("\r\nmaxmemory:0\r\n"), "{info}");
    assert!(info.contains("\r\nmaxmemory_policy:allkeys-lru\r\n"), "{info}");
}

#[test]
fn at_the_limit_what_adds_something_is_refused_and_the_rest_is_not() {
    let server = Server::new();
    server.check(&[("CONFIG SET maxmemory 100kb", "+OK")]);
    let filled = fill(&server);
    assert!((100..10_000).contains(&filled), "{filled}");
    let discarded = format!("-EXECABORT Transaction discarded because of: {}", &OOM[1..]);
    let aborted = "-EXECABORT Transaction discarded because of previous errors.";
    server.check(&[
        ("SET key:0 other", OOM),
        ("INCR number", OOM),
        ("APPEND key:0 more", OOM),
        ("COPY key:0 other", OOM),
        ("GET key:0", "$1 v"),
        ("EXPIRE key:0 100", ":1"),
        ("MULTI", "+OK"),
        ("SET key:0 v", OOM),
        ("EXEC", aborted),
        ("RENAME key:0 key:00", "+OK"),
        ("GETDEL key:00", "$1 v"),
        ("CONFIG SET maxmemory 0", "+OK"),
        ("MULTI", "+OK"),
        ("SET key:0 v", "+QUEUED"),
    ]);
    // A command that was queued before the limit is refused with its whole transaction.
    server.check(&[("CONFIG SET maxmemory 10kb", "+QUEUED"), ("EXEC", &discarded)]);
    server.check(&[("SET key:0 v", OOM), ("FLUSHALL", "+OK"), ("SET key:0 v", "+OK")]);
}

#[test]
fn keys_are_evicted_and_counted() {
    let server = Server::new();
    server.check(&[("CONFIG SET maxmemory 100kb maxmemory-policy allkeys-random", "+OK")]);
    for number in 0..5000 {
        server.check(&[(&format!("SET key:{number} v"), "+OK")]);
    }
    let info = server.text("INFO");
    let field = |name: &str| -> u64 {
        let line = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        line.unwrap().trim().parse().unwrap()
    };
    let keys: u64 = server.wire("DBSIZE")[1..].parse().unwrap();
    assert_eq!(field("evicted_keys") + keys, 5000);
    assert!((90_000..104_400).contains(&field("used_memory")), "{}", field("used_memory"));
    assert!(keys > 200, "{keys} keys are left");
}

#[test]
fn uses_are_known_while_the_policy_looks_at_them() {
    let server = Server::new();
    let idle = "-ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that \
                when switching between policies at runtime LRU and LFU data will take some time to \
                adjust.";
    server.check(&[
        ("CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lfu", "+OK"),
        ("SET k v", "+OK"),
        ("OBJECT FREQ k", ":5"),
        ("GET k", "$1 v"),
        ("OBJECT FREQ k", ":6"),
        ("TTL k", ":-1"),
        ("EXISTS k", ":1"),
        ("OBJECT FREQ k", ":6"),
        ("OBJECT FREQ none", "$-1"),
        ("OBJECT IDLETIME k", idle),
        ("OBJECT IDLETIME none", "$-1"),
    ]);
    (0..30).for_each(|_| drop(server.run("TOUCH k")));
    let frequency: u8 = server.wire("OBJECT FREQ k")[1..].parse().unwrap();
    assert!((7..10).contains(&frequency), "{frequency}");
    server.check(&[("CONFIG SET maxmemory-policy allkeys-lru", "+OK")]);
    server.check(&[("OBJECT IDLETIME k", ":0"), ("OBJECT IDLETIME none", "$-1")]);
    assert!(server.wire("OBJECT FREQ k").starts_with("-ERR An LFU maxmemory policy is not"));
}

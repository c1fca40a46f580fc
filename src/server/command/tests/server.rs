//! The server: settings, state, the table of commands.

use super::*;
use crate::{Durability, Error};

#[test]
fn flushing_removes_every_key() {
    let server = Server::new();
    for flush in ["FLUSHALL", "FLUSHDB", "FLUSHALL async", "FLUSHDB SYNC"] {
        server.check(&[
            ("MSET a 1 b 2", "+OK"),
            ("DBSIZE", ":2"),
            (flush, "+OK"),
            ("DBSIZE", ":0"),
        ]);
    }
    server.check(&[
        ("SET a 1", "+OK"),
        ("FLUSHALL foo", "-ERR syntax error"),
        ("FLUSHALL ASYNC SYNC", "-ERR syntax error"),
        ("DBSIZE", ":1"),
    ]);
}

#[test]
fn settings_are_shown_by_pattern_in_both_versions() {
    let server = Server::new();
    server.check(&[
        ("CONFIG GET databases", "*2 $9 databases $2 16"),
        ("CONFIG GET DATA* databases", "*2 $9 databases $2 16"),
        ("config get save", "*2 $4 save $0 "),
        ("CONFIG GET maxmemory port", "*4 $9 maxmemory $1 0 $4 port $4 4000"),
        ("CONFIG GET nope", "*0"),
        ("CONFIG GET notify-keyspace-events", "*2 $22 notify-keyspace-events $0 "),
        ("CONFIG SET notify-keyspace-events g$lshzxetdKE", "+OK"),
        ("CONFIG GET notify-keyspace-events", "*2 $22 notify-keyspace-events $3 AKE"),
        ("ROLE", "*3 $6 master :0 *0"),
    ]);
    server.run("HELLO 3");
    server.check(&[("CONFIG GET databases", "%1 $9 databases $2 16"), ("CONFIG GET nope", "%0")]);
    let Value::Map(all) = server.run("CONFIG GET *") else {
        panic!("a map");
    };
    assert!(all.windows(2).all(|pair| {
        let [(Value::Bulk(first), _), (Value::Bulk(second), _)] = pair else {
            return false;
        };
        first < second
    }));
    let durable = Server::with(Options::new("unused").durability(Durability::Always));
    durable.check(&[("CONFIG GET appendfsync", "*2 $11 appendfsync $6 always")]);
}

#[test]
fn settings_that_are_fixed_at_the_start_cannot_be_changed() {
    Server::new().check(&[
        ("CONFIG SET foo 1", "-ERR Unknown option or number of arguments for CONFIG SET - 'foo'"),
        (
            "CONFIG SET port 1 foo 1",
            "-ERR Unknown option or number of arguments for CONFIG SET - 'foo'",
        ),
        (
            "CONFIG SET Port 1",
            "-ERR CONFIG SET failed (possibly related to argument 'Port') - \
             can't set immutable config",
        ),
        ("CONFIG SET port 1 save", "-ERR syntax error"),
        ("CONFIG SET save '' MAXMEMORY 0 appendonly NO", "+OK"),
        (
            "CONFIG SET save '' maxmemory 1 appendonly yes",
            "-ERR CONFIG SET failed (possibly related to argument 'appendonly') - \
             can't set immutable config",
        ),
        ("CONFIG GET maxmemory", "*2 $9 maxmemory $1 0"),
        ("CONFIG REWRITE", "-ERR The server is running without a config file"),
        ("CONFIG foo", "-ERR unknown subcommand 'foo'. Try CONFIG HELP."),
    ]);
}

#[test]
fn info_shows_the_sections_asked_for() {
    let server = Server::new();
    let headings = |request: &str| {
        let text = server.text(request);
        let headings = text.lines().filter_map(|line| line.strip_prefix("# "));
        headings.map(str::to_owned).collect::<Vec<_>>()
    };
    let default = [
        "Server",
        "Clients",
        "Memory",
        "Persistence",
        "Stats",
        "Replication",
        "CPU",
        "Modules",
        "Errorstats",
        "Cluster",
        "Keyspace",
    ];
    assert_eq!(headings("INFO"), default);
    assert_eq!(headings("INFO default"), default);
    assert_eq!(headings("INFO replication"), ["Replication"]);
    assert_eq!(headings("INFO nope CLUSTER server"), ["Server", "Cluster"]);
    assert_eq!(headings("INFO nope"), Vec::<String>::new());
    assert_eq!(headings("INFO all"), headings("INFO everything"));
    assert!(headings("INFO all").contains(&"Commandstats".to_owned()));
    assert_eq!(headings("INFO store"), ["Store"]);
    assert_eq!(server.wire("INFO cluster"), "$30 # Cluster cluster_enabled:0 ");
    server.run("HELLO 3");
    assert_eq!(server.wire("INFO cluster"), "=34 txt:# Cluster cluster_enabled:0 ");
}

#[test]
fn info_has_the_figures_of_the_store_for_those_who_ask() {
    let server = Server::new();
    server.check(&[("MSET a 1 b 2", "+OK"), ("SET a 3", "+OK")]);
    for (asked, is_cold) in [("INFO", false), ("INFO stats", false), ("INFO store", true)] {
        let replied = server.request(&server.session, format!("{asked}\r\n").as_bytes());
        assert_eq!(replied.cold, is_cold, "{asked}");
    }
    assert!(
        !server.text("INFO").contains("# Store") && server.text("INFO all").contains("# Store")
    );
    let text = server.text("INFO store stats");
    for line in ["kvs_groups:2", "kvs_group_operations:3", "kvs_snapshots:0", "kvs_waiting_reads:0"]
    {
        assert!(text.lines().any(|found| found == line), "{line} is missing from {text}");
    }
    let page = include_str!("../../../../docs/server.md");
    let documented = page.split('`').skip(1).step_by(2).filter(|name| name.starts_with("kvs_"));
    let documented: Vec<_> = documented.collect();
    for (figure, _) in crate::server::execute::statistic::of_store(&server.context) {
        let name = format!("kvs_{}", figure.name);
        assert!(documented.contains(&&*name), "docs/server.md does not describe {name}");
    }
}

#[test]
fn info_has_what_clients_look_for() {
    let server = Server::new();
    server.check(&[("MSET a 1 b 2", "+OK"), ("EXPIRE a 1000", ":1"), ("GET a", "$1 1")]);
    server
        .check(&[("GET nope", "$-1"), ("GET", "-ERR wrong number of arguments for 'get' command")]);
    server.run("INCRBY a x");
    let text = server.text("INFO everything");
    let lines: Vec<_> = text.lines().collect();
    for line in [
        "redis_version:7.0.15",
        "redis_mode:standalone",
        "tcp_port:4000",
        "connected_clients:1",
        "blocked_clients:0",
        "clients_in_timeout_table:0",
        "maxclients:10000",
        "maxmemory:0",
        "loading:0",
        "aof_enabled:0",
        "aof_last_write_status:ok",
        "total_commands_processed:6",
        "keyspace_hits:1",
        "keyspace_misses:1",
        "active_defrag_hits:0",
        "tracking_total_prefixes:0",
        "role:master",
        "cluster_enabled:0",
        "db0:keys=2,expires=1,avg_ttl=0",
    ] {
        assert!(lines.contains(&line), "{line} is missing from {text}");
    }
    for (beginning, end) in [
        ("cmdstat_get:calls=2,usec=", ",rejected_calls=1,failed_calls=0"),
        ("cmdstat_incrby:calls=1,usec=", ",rejected_calls=0,failed_calls=1"),
    ] {
        let is_there = |line: &&str| line.starts_with(beginning) && line.ends_with(end);
        assert!(lines.iter().any(is_there), "{beginning} is missing from {text}");
    }
    let bytes = |name: &str| -> u64 {
        let value = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name}: {text}"))
    };
    assert!(bytes("used_memory") > 1 << 20 && bytes("used_memory") == bytes("used_memory_rss"));
    assert!(bytes("used_memory_peak") >= bytes("used_memory"));
    for field in [
        "process_id:",
        "run_id:",
        "used_memory_human:",
        "used_memory_peak_human:",
        "uptime_in_seconds:",
        "instantaneous_ops_per_sec:",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(field)), "{field}");
    }
    assert!(
        lines
            .iter()
            .skip(1)
            .all(|line| { line.is_empty() || line.starts_with("# ") || line.contains(':') })
    );
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
    assert!(!text.contains("cmdstat_set:"), "only what was called");
}

#[test]
fn statistics_start_again_from_zero() {
    let server = Server::new();
    server.run("GET a");
    server.context.statistics.connections_accepted.add(1);
    server.check(&[("CONFIG RESETSTAT", "+OK")]);
    let text = server.text("INFO all");
    for line in ["keyspace_misses:0", "total_connections_received:0"] {
        assert!(text.lines().any(|found| found == line), "{line}");
    }
    assert!(!text.contains("cmdstat_get"));
}

#[test]
fn a_command_executed_again_on_a_reader_counts_once() {
    let server = Server::new();
    assert!(server.request(&server.session, b"SCAN 0\n").cold);
    assert!(server.text("INFO commandstats").contains("cmdstat_scan:calls=1,"));
}

#[test]
fn commands_are_described() {
    let server = Server::new();
    server.check(&[
        (
            "COMMAND INFO get nope",
            "*2 *10 $3 get :2 *2 +readonly +fast :1 :1 :1 *3 +@read +@string +@fast *0 *1 *6 \
             $5 flags *2 +RO +access $12 begin_search *4 $4 type $5 index $4 spec *2 $5 index :1 \
             $9 find_keys *4 $4 type $5 range $4 spec *6 $7 lastkey :0 $7 keystep :1 $5 limit :0 \
             *0 $-1",
        ),
        (
            "COMMAND INFO CONFIG|GET get|x",
            "*2 *10 $10 config|get :-3 *4 +admin +noscript +loading +stale :0 :0 :0 \
             *3 +@admin +@slow +@dangerous *0 *0 *0 $-1",
        ),
        (
            "COMMAND DOCS get nope",
            "*2 $3 get *10 $7 summary $22 Get the value of a key $5 since $5 1.0.0 \
             $5 group $6 string $10 complexity $4 O(1) $9 arguments *1 *6 $4 name $3 key \
             $4 type $3 key $14 key_spec_index :0",
        ),
        (
            "COMMAND LIST FILTERBY PATTERN GET*",
            "*6 $3 get $6 getbit $6 getdel $5 getex $8 getrange $6 getset",
        ),
        ("COMMAND LIST FILTERBY MODULE x", "*0"),
        (
            "COMMAND LIST FILTERBY ACLCAT bitmap",
            "*7 $8 bitcount $8 bitfield $11 bitfield_ro $5 bitop $6 bitpos $6 getbit $6 setbit",
        ),
        ("COMMAND LIST FILTERBY foo x", "-ERR syntax error"),
        ("COMMAND LIST foo", "-ERR syntax error"),
        ("COMMAND foo", "-ERR unknown subcommand 'foo'. Try COMMAND HELP."),
    ]);
    let count = usize::try_from(server.integer("COMMAND COUNT")).unwrap();
    assert!(server.wire("COMMAND LIST").contains(" $6 client $14 client|caching "));
    for request in ["COMMAND", "COMMAND INFO"] {
        assert!(matches!(server.run(request), Value::Array(all) if all.len() == count));
    }
    assert!(matches!(server.run("COMMAND DOCS"), Value::Map(all) if all.len() == count));
    server.run("HELLO 3");
    assert!(server.wire("COMMAND INFO get").starts_with("*1 *10 $3 get :2 ~2 +readonly"));
}

#[test]
fn the_keys_of_a_command_are_found() {
    Server::new().check(&[
        ("COMMAND GETKEYS get a", "*1 $1 a"),
        ("COMMAND GETKEYS set a b ex 1", "*1 $1 a"),
        ("COMMAND GETKEYS mset a 1 b 2", "*2 $1 a $1 b"),
        ("COMMAND GETKEYS del a b c", "*3 $1 a $1 b $1 c"),
        ("COMMAND GETKEYS nope a", "-ERR Invalid command specified"),
        ("COMMAND GETKEYS ping a", "-ERR The command has no key arguments"),
        ("COMMAND GETKEYS get a b", "-ERR Invalid number of arguments specified for command"),
    ]);
}

#[test]
fn containers_tell_their_subcommands() {
    let server = Server::new();
    for container in ["CLIENT", "COMMAND", "CONFIG"] {
        let Value::Array(lines) = server.run(&format!("{container} HELP")) else {
            panic!("an array");
        };
        let heading =
            format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
        assert_eq!(lines[0], Value::Simple(heading.into()));
        assert!(lines.contains(&Value::Simple("HELP".into())));
    }
}

#[test]
fn a_failure_of_the_store_is_the_reply() {
    let server = Server::new();
    let render = |error: Error| {
        let mut parser = RequestParser::new(RequestLimits::default());
        let Ok(Parsed::Request { arguments, .. }) = parser.parse(b"SET k v NX\n") else {
            panic!("a request");
        };
        let (context, session) = (&server.context, &server.session);
        let scope = Scope { context, session, access: Access::MemoryOnly };
        match execute(find(&arguments), arguments, &scope) {
            Execution::Write(_, render) => encode(&value(render(Err(error))), Version::Resp2),
            _ => panic!("SET writes"),
        }
    };
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    let full = Error::io("write", std::path::Path::new("x.log"), full);
    assert!(render(full.clone()).starts_with("-MISCONF the disk is full: nothing was written"));
    let unknown = Error::UnknownOutcome(Arc::new(full));
    assert!(render(unknown).starts_with("-MISCONF the write may or may not survive a crash"));
    let poisoned = Error::Poisoned("fsync failed".to_owned());
    assert!(render(poisoned).starts_with("-MISCONF the store takes no more writes"));
    assert_eq!(render(Error::Closed), "-ERR the store is closed");
}

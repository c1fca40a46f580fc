//! What an operator asks for: times of calls, pauses, saves, users, and what there is none of.

use super::*;
use crate::server::DebugCommand;
use crate::server::measure::call_counters::CALLS_PER_SAMPLE;

const DISABLED: &str = "-ERR This instance has cluster support disabled";

/// Returns the line of `INFO` that begins so.
fn line(server: &Server, section: &str, beginning: &str) -> String {
    let text = server.text(&format!("INFO {section}"));
    let found = text.lines().find(|line| line.starts_with(beginning));
    found.unwrap_or_else(|| panic!("{beginning} is missing from {text}")).to_owned()
}

#[test]
fn every_command_and_subcommand_has_its_calls_and_times() {
    let server = Server::new();
    for _ in 0..CALLS_PER_SAMPLE {
        server.run("GET k");
    }
    server.check(&[("SET k text", "+OK"), ("MULTI", "+OK"), ("GET k", "+QUEUED")]);
    server.run("EXEC");
    server.run("CLIENT LIST");
    server.check(&[
        ("CLIENT PAUSE", "-ERR wrong number of arguments for 'client|pause' command"),
        ("CLIENT", "-ERR wrong number of arguments for 'client' command"),
        ("CLIENT foo", "-ERR unknown subcommand 'foo'. Try CLIENT HELP."),
    ]);
    let get = line(&server, "commandstats", "cmdstat_get:");
    assert!(get.starts_with("cmdstat_get:calls=17,usec="), "{get}");
    for (command, end) in [
        ("client|pause:calls=0,usec=0,usec_per_call=0.00,", "rejected_calls=1,failed_calls=0"),
        ("client:calls=0,usec=0,usec_per_call=0.00,", "rejected_calls=1,failed_calls=0"),
        ("client|list:calls=1,", "rejected_calls=0,failed_calls=0"),
        ("exec:calls=1,", "rejected_calls=0,failed_calls=0"),
    ] {
        let found = line(&server, "commandstats", &format!("cmdstat_{command}"));
        assert!(found.ends_with(end), "{found}");
    }
    let latency = line(&server, "latencystats", "latency_percentiles_usec_get:p50=");
    assert!(latency.contains(",p99=") && latency.contains(",p99.9="), "{latency}");
    server.check(&[
        ("CONFIG SET latency-tracking-info-percentiles '50 100'", "+OK"),
        (
            "CONFIG GET latency-tracking-info-percentiles",
            "*2 $33 \
            latency-tracking-info-percentiles $6 50 100",
        ),
    ]);
    assert!(!line(&server, "latencystats", "latency_percentiles_usec_get:").contains("p99"));
    server.run("CONFIG SET latency-tracking no");
    assert_eq!(server.text("INFO latencystats"), "# Latencystats\r\n");
    server.check(&[("CONFIG RESETSTAT", "+OK")]);
    let text = server.text("INFO everything");
    assert!(!text.contains("cmdstat_get") && !text.contains("errorstat_"), "{text}");
}

#[test]
fn errors_are_counted_with_those_of_writes_and_transactions() {
    let context = testing::context();
    let session = testing::session(&context);
    let note = |text: &str| {
        let mut out = Vec::new();
        ClientReply::Resp(Value::Error(text.to_owned().into())).encode(&session, &mut out);
    };
    note("ERR one");
    note("WRONGTYPE two");
    assert_eq!(context.statistics.errors.total(), 2);
    let server = Server::new();
    server.check(&[("SET text x", "+OK"), ("MULTI", "+OK"), ("INCR text", "+QUEUED")]);
    server.run("GET text");
    let refusal = "-ERR value is not an integer or out of range";
    assert_eq!(server.wire("EXEC"), format!("*2 {refusal} $1 x"));
    assert_eq!(line(&server, "errorstats", "errorstat_ERR"), "errorstat_ERR:count=1");
    let incr = line(&server, "commandstats", "cmdstat_incr:");
    assert!(incr.ends_with("rejected_calls=0,failed_calls=1"), "{incr}");
}

#[test]
fn slow_calls_are_kept_shortened_and_without_passwords() {
    let server = Server::new();
    server.check(&[
        (
            "CONFIG GET slowlog-*",
            "*4 $23 slowlog-log-slower-than $5 10000 $15 slowlog-max-len \
            $3 128",
        ),
        ("SLOWLOG LEN", ":0"),
        ("CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 3", "+OK"),
        ("SLOWLOG RESET", "+OK"),
        ("CLIENT SETNAME me", "+OK"),
        (&format!("GET {}", "k".repeat(200)), "$-1"),
        ("AUTH default secret", "+OK"),
        (&format!("EXISTS{}", " k".repeat(40)), ":0"),
    ]);
    let entries = || {
        let Value::Array(entries) = server.run("SLOWLOG GET") else { panic!("an array") };
        assert_eq!(entries.len(), 3);
        entries.iter().map(|entry| encode(entry, Version::Resp2)).collect::<Vec<_>>()
    };
    let shown = entries();
    let more = "$23 ... (10 more arguments) $15 127.0.0.1:50000 $2 me";
    assert!(shown[0].contains("*32 $6 EXISTS $1 k ") && shown[0].ends_with(more), "{}", shown[0]);
    let redacted = "*3 $4 AUTH $10 (redacted) $10 (redacted) ";
    assert!(shown[1].contains(redacted), "{}", shown[1]);
    let long = format!("{}... (72 more bytes)", "k".repeat(128));
    assert!(shown[2].contains(&format!("*2 $3 GET ${} {long} ", long.len())), "{}", shown[2]);
    server.run("HELLO 3 SETNAME a AUTH default secret");
    server.run("HELLO 2");
    server.run("CONFIG SET timeout 0 requirepass secret");
    let shown = entries();
    assert!(shown[0].contains("requirepass $10 (redacted)"), "{shown:?}");
    assert!(shown.iter().all(|entry| !entry.contains("secret")), "{shown:?}");
    server.check(&[
        ("CONFIG SET slowlog-log-slower-than -1", "+OK"),
        ("SLOWLOG GET -2", "-ERR count should be greater than or equal to -1"),
        ("SLOWLOG GET x", "-ERR count should be greater than or equal to -1"),
        (
            "SLOWLOG GET 1 2",
            "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.",
        ),
        ("SLOWLOG GET 0", "*0"),
        ("SLOWLOG RESET", "+OK"),
        ("SLOWLOG LEN", ":0"),
        ("SLOWLOG GET -1", "*0"),
    ]);
}

#[test]
fn latencies_are_kept_by_second_and_shown_as_histograms() {
    let server = Server::new();
    let disabled = server.text("LATENCY DOCTOR");
    assert!(disabled.starts_with("I'm sorry, Dave, I can't do that."), "{disabled}");
    server.check(&[
        ("CONFIG SET latency-monitor-threshold 1", "+OK"),
        ("LATENCY LATEST", "*0"),
        ("LATENCY HISTORY command", "*0"),
        ("LATENCY RESET", ":0"),
        ("LATENCY GRAPH foo", "-ERR No samples available for event 'foo'"),
    ]);
    assert!(server.text("LATENCY DOCTOR").starts_with("Dave, no latency spike was observed"));
    let monitor = &server.context.latency_monitor;
    monitor.add("command", 10, std::time::Duration::from_millis(7));
    monitor.add("command", 11, std::time::Duration::from_millis(5));
    server.check(&[
        ("LATENCY LATEST", "*1 *4 $7 command :11 :5 :7"),
        ("LATENCY HISTORY command", "*2 *2 :10 :7 *2 :11 :5"),
    ]);
    assert!(server.text("LATENCY GRAPH command").starts_with("command - high 7 ms, low 5 ms"));
    assert!(server.text("LATENCY DOCTOR").contains("1. command: 2 latency spikes (average 6ms"));
    server.check(&[("LATENCY RESET nope command", ":1"), ("LATENCY LATEST", "*0")]);
    (0..5).for_each(|_| drop(server.run("GET k")));
    server.run("CLIENT ID");
    let histogram = server.wire("LATENCY HISTOGRAM get nope");
    assert!(histogram.starts_with("*2 $3 get *4 $5 calls :5 $14 histogram_usec *"), "{histogram}");
    assert!(histogram.ends_with(" :5"), "{histogram}");
    assert!(server.wire("LATENCY HISTOGRAM client").starts_with("*2 $9 client|id *4 "));
    assert!(server.wire("LATENCY HISTOGRAM").contains("$3 get"));
}

#[test]
fn settings_change_all_together_or_not_at_all() {
    let refused = |name: &str, reason: &str| {
        format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
    };
    let integer = "argument couldn't be parsed into an integer";
    let server = Server::new();
    server.check(&[
        ("CONFIG SET timeout 7 slowlog-max-len x", &refused("slowlog-max-len", integer)),
        ("CONFIG GET timeout", "*2 $7 timeout $1 0"),
        ("CONFIG SET TIMEOUT 7 maxclients 100", "+OK"),
        ("CONFIG GET timeout", "*2 $7 timeout $1 7"),
        ("CONFIG GET maxclients", "*2 $10 maxclients $3 100"),
        (
            "CONFIG SET slowlog-max-len -1",
            &refused(
                "slowlog-max-len",
                "argument must be between 0 and 9223372036854775807 inclusive",
            ),
        ),
        (
            "CONFIG SET maxclients 20000",
            &refused(
                "maxclients",
                "The operating system is not able to handle the specified number of clients, try \
                 with 10000",
            ),
        ),
        (
            "CONFIG SET latency-tracking foo",
            &refused("latency-tracking", "argument must be 'yes' or 'no'"),
        ),
        (
            "CONFIG SET latency-tracking-info-percentiles 101",
            &refused(
                "latency-tracking-info-percentiles",
                "Invalid latency-tracking-info-percentiles parameters",
            ),
        ),
        ("CONFIG SET timeout 1 TIMEOUT 2", &refused("TIMEOUT", "duplicate parameter")),
    ]);
}

#[test]
fn clients_are_paused_and_resumed_and_none_is_blocked() {
    let server = Server::new();
    server.check(&[
        ("CLIENT PAUSE x", "-ERR timeout is not an integer or out of range"),
        ("CLIENT PAUSE -1", "-ERR timeout is negative"),
        ("CLIENT PAUSE 10 foo", "-ERR CLIENT PAUSE mode must be WRITE or ALL"),
        ("CLIENT PAUSE 9223372036854775807", "-ERR timeout is out of range"),
        ("CLIENT PAUSE 10000000 WRITE", "+OK"),
    ]);
    assert!(server.context.pause.stops(|| true) && !server.context.pause.stops(|| false));
    server.check(&[("CLIENT PAUSE 100000", "+OK")]);
    assert!(server.context.pause.stops(|| false));
    server.check(&[
        ("CLIENT UNPAUSE", "+OK"),
        ("CLIENT UNBLOCK 3", ":0"),
        ("CLIENT UNBLOCK 3 error", ":0"),
        ("CLIENT UNBLOCK x", "-ERR value is not an integer or out of range"),
        ("CLIENT UNBLOCK 3 foo", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"),
        ("CLIENT GETREDIR", ":-1"),
        ("CLIENT TRACKINGINFO", "*6 $5 flags *1 $3 off $8 redirect :-1 $8 prefixes *0"),
        ("CLIENT TRACKING off", "+OK"),
        ("CLIENT TRACKING foo", "-ERR syntax error"),
        ("CLIENT REPLY foo", "-ERR syntax error"),
        ("CLIENT REPLY on", "+OK"),
    ]);
    assert!(!server.context.pause.stops(|| true));
    assert!(server.wire("CLIENT TRACKING on").starts_with("-ERR this server tracks no keys"));
    assert!(
        server.wire("CLIENT CACHING yes").starts_with("-ERR CLIENT CACHING can be called only")
    );
}

#[test]
fn there_is_no_replica_no_cluster_and_no_module() {
    Server::new().check(&[
        ("WAIT 0 0", ":0"),
        ("WAIT 1 0", ":0"),
        ("WAIT x 1", "-ERR value is not an integer or out of range"),
        ("WAIT 1 x", "-ERR timeout is not an integer or out of range"),
        ("WAIT 1 -1", "-ERR timeout is negative"),
        ("REPLICAOF no one", "+OK"),
        ("SLAVEOF a b", "-ERR Invalid master port"),
        ("SLAVEOF a 1", "-ERR this server cannot be a replica of another one"),
        ("FAILOVER", "-ERR FAILOVER requires connected replicas."),
        ("FAILOVER TO a 1", "-ERR FAILOVER requires connected replicas."),
        ("FAILOVER ABORT", "-ERR No failover in progress."),
        ("FAILOVER foo", "-ERR syntax error"),
        ("CLUSTER INFO", DISABLED),
        ("CLUSTER foo", "-ERR unknown subcommand 'foo'. Try CLUSTER HELP."),
        ("READONLY", DISABLED),
        ("READWRITE", DISABLED),
        ("ASKING", DISABLED),
        ("MODULE LIST", "*0"),
    ]);
}

#[test]
fn there_is_one_user_who_may_do_everything() {
    let server = Server::new();
    server.check(&[
        ("ACL WHOAMI", "$7 default"),
        ("ACL USERS", "*1 $7 default"),
        ("ACL LIST", "*1 $34 user default on nopass ~* &* +@all"),
        (
            "ACL GETUSER default",
            "*12 $5 flags *2 $2 on $6 nopass $9 passwords *0 $8 commands $5 +@all $4 keys $2 ~* \
             $8 channels $2 &* $9 selectors *0",
        ),
        ("ACL GETUSER foo", "$-1"),
        ("ACL CAT foo", "-ERR Unknown category 'foo'"),
        ("ACL CAT transaction", "*5 $7 discard $4 exec $5 multi $7 unwatch $5 watch"),
        ("ACL LOG", "*0"),
        ("ACL LOG RESET", "+OK"),
        ("ACL DELUSER default", "-ERR The 'default' user cannot be removed"),
        ("ACL DELUSER a", ":0"),
        ("ACL DRYRUN default get a", "+OK"),
        ("ACL DRYRUN foo get a", "-ERR User 'foo' not found"),
        ("ACL DRYRUN default foo a", "-ERR Command 'foo' not found"),
    ]);
    const BITS: &str = "-ERR ACL GENPASS argument must be the number of bits for the output \
                        password, a positive number up to 4096";
    server.check(&[
        ("ACL GENPASS 0", BITS),
        ("ACL GENPASS -1", BITS),
        ("ACL GENPASS 4097", BITS),
        ("ACL GENPASS x", "-ERR value is not an integer or out of range"),
    ]);
    for (request, digits) in [("", 64), (" 1", 1), (" 5", 2), (" 4096", 1024)] {
        let request = format!("ACL GENPASS{request}");
        let [first, second] = [(); 2].map(|()| server.wire(&request));
        let password = first.strip_prefix(&format!("${digits} ")).unwrap();
        assert_eq!(password.len(), digits);
        assert!(password.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        assert!(digits < 64 || first != second, "two alike of {digits} digits");
    }
    assert!(server.wire("ACL CAT").starts_with("*21 $8 keyspace $4 read"));
    assert!(server.wire("ACL SAVE").starts_with("-ERR This Redis instance is not configured"));
}

#[test]
fn nothing_is_saved_or_compacted_where_there_is_no_disk() {
    let server = Server::new();
    server.check(&[
        ("SAVE", "-ERR this server keeps nothing on the disk"),
        // No rewrite actor runs here.
        ("BGREWRITEAOF", "-ERR the server is stopping"),
        ("SHUTDOWN foo", "-ERR syntax error"),
        ("SHUTDOWN SAVE NOSAVE", "-ERR syntax error"),
        ("SHUTDOWN ABORT NOW", "-ERR syntax error"),
        ("SHUTDOWN ABORT", "-ERR No shutdown in progress."),
        ("MULTI", "+OK"),
        ("SAVE", "-ERR Command not allowed inside a transaction"),
        ("EXEC", "-EXECABORT Transaction discarded because of previous errors."),
    ]);
    let stops = Arc::new(crate::sync::AtomicBool::new(false));
    let stopped = Arc::clone(&stops);
    server.context.on_stop(move || stopped.store(true, crate::sync::Ordering::Relaxed));
    assert!(server.request(&server.session, b"SHUTDOWN NOSAVE now\n").closed);
    assert!(stops.load(crate::sync::Ordering::Relaxed));
}

#[test]
fn debug_is_refused_unless_the_server_was_told() {
    let server = Server::new();
    assert!(server.wire("DEBUG OBJECT k").starts_with("-ERR DEBUG command not allowed."));
    let allowed = |allowed: DebugCommand, address: &str| {
        let context = testing::context_of(|options| options.debug_command(allowed));
        let (address, local) = (address.parse().unwrap(), context.addresses[0].clone());
        let session = context.clients.open(address, local, true, || {});
        let server = Server { context, session };
        server.wire("DEBUG SET-ACTIVE-EXPIRE 1") == "+OK"
    };
    let addresses = ["127.0.0.1:1", "[::ffff:127.0.0.1]:1", "unix:/a", "192.0.2.1:1"];
    let are_allowed = |who| addresses.map(|address| allowed(who, address));
    assert_eq!(are_allowed(DebugCommand::No), [false; 4]);
    assert_eq!(are_allowed(DebugCommand::Local), [true, true, true, false]);
    assert_eq!(are_allowed(DebugCommand::Yes), [true; 4]);
    let context = testing::context_of(|options| options.debug_command(DebugCommand::Local));
    let session = testing::session(&context);
    let server = Server { context, session };
    server.check(&[
        ("SET k text", "+OK"),
        ("DEBUG OBJECT k", "+Value at:0x0 refcount:1 encoding:raw serializedlength:4"),
        ("DEBUG OBJECT none", "-ERR no such key"),
        ("DEBUG STRINGMATCH-LEN 10 a*", ":1"),
        ("DEBUG SET-ACTIVE-EXPIRE 1", "+OK"),
        ("DEBUG PROTOCOL set", "*3 :0 :1 :2"),
        ("DEBUG ERROR 'MINE is this'", "-MINE is this"),
        (
            "DEBUG JMAP",
            "-ERR unknown subcommand or wrong number of arguments for 'JMAP'. Try DEBUG HELP.",
        ),
    ]);
}

#[test]
fn keys_are_described_by_what_a_call_does_with_them() {
    Server::new().check(&[
        ("COMMAND GETKEYSANDFLAGS set a b", "*1 *2 $1 a *2 +OW +update"),
        ("COMMAND GETKEYSANDFLAGS set a b GET", "*1 *2 $1 a *3 +RW +access +update"),
        ("COMMAND GETKEYSANDFLAGS del a b", "*2 *2 $1 a *2 +RM +delete *2 $1 b *2 +RM +delete"),
        (
            "COMMAND GETKEYSANDFLAGS sort a STORE b",
            "*2 *2 $1 a *2 +RO +access *2 $1 b *2 +OW +update",
        ),
        ("COMMAND GETKEYS sort a LIMIT store 1 store b STORE", "*2 $1 a $1 b"),
        ("COMMAND GETKEYS sort a GET STORE BY store", "*1 $1 a"),
        ("COMMAND GETKEYSANDFLAGS nope a", "-ERR Invalid command specified"),
        ("COMMAND GETKEYSANDFLAGS ping a", "-ERR The command has no key arguments"),
    ]);
}

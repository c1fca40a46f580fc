//! Hints for clients and proxies about commands, as Redis 7.0 gives them.

/// The tips about commands, and subcommands behind a bar.
const TIPS: &[(&str, &[&str])] = &[
    ("client|info", &["nondeterministic_output"]),
    ("client|list", &["nondeterministic_output"]),
    ("cluster|bumpepoch", &["nondeterministic_output"]),
    ("cluster|count-failure-reports", &["nondeterministic_output"]),
    ("cluster|getkeysinslot", &["nondeterministic_output"]),
    ("cluster|info", &["nondeterministic_output"]),
    ("cluster|links", &["nondeterministic_output"]),
    ("cluster|nodes", &["nondeterministic_output"]),
    ("cluster|replicas", &["nondeterministic_output"]),
    ("cluster|shards", &["nondeterministic_output"]),
    ("cluster|slaves", &["nondeterministic_output"]),
    ("cluster|slots", &["nondeterministic_output"]),
    ("command", &["nondeterministic_output_order"]),
    ("command|docs", &["nondeterministic_output_order"]),
    ("command|info", &["nondeterministic_output_order"]),
    ("command|list", &["nondeterministic_output_order"]),
    ("config|set", &["request_policy:all_nodes", "response_policy:all_succeeded"]),
    ("dbsize", &["request_policy:all_shards", "response_policy:agg_sum"]),
    ("del", &["request_policy:multi_shard", "response_policy:agg_sum"]),
    ("dump", &["nondeterministic_output"]),
    ("exists", &["request_policy:multi_shard", "response_policy:agg_sum"]),
    ("flushall", &["request_policy:all_shards", "response_policy:all_succeeded"]),
    ("flushdb", &["request_policy:all_shards", "response_policy:all_succeeded"]),
    ("info", &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    ("keys", &["request_policy:all_shards", "nondeterministic_output_order"]),
    ("lastsave", &["nondeterministic_output"]),
    (
        "latency|doctor",
        &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    ),
    (
        "latency|graph",
        &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    ),
    (
        "latency|histogram",
        &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    ),
    (
        "latency|history",
        &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    ),
    (
        "latency|latest",
        &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    ),
    ("latency|reset", &["request_policy:all_nodes", "response_policy:all_succeeded"]),
    ("mget", &["request_policy:multi_shard"]),
    ("migrate", &["nondeterministic_output"]),
    ("module|list", &["nondeterministic_output_order"]),
    ("mset", &["request_policy:multi_shard", "response_policy:all_succeeded"]),
    ("msetnx", &["request_policy:multi_shard", "response_policy:agg_min"]),
    ("ping", &["request_policy:all_shards", "response_policy:all_succeeded"]),
    ("pttl", &["nondeterministic_output"]),
    ("randomkey", &["request_policy:all_shards", "nondeterministic_output"]),
    ("scan", &["nondeterministic_output", "request_policy:special"]),
    ("slowlog|get", &["request_policy:all_nodes", "nondeterministic_output"]),
    (
        "slowlog|len",
        &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
    ),
    ("slowlog|reset", &["request_policy:all_nodes", "response_policy:all_succeeded"]),
    ("time", &["nondeterministic_output"]),
    ("touch", &["request_policy:multi_shard", "response_policy:agg_sum"]),
    ("ttl", &["nondeterministic_output"]),
    ("unlink", &["request_policy:multi_shard", "response_policy:agg_sum"]),
    ("wait", &["request_policy:all_shards", "response_policy:agg_min"]),
];

/// Returns the tips about the command of this name.
pub(super) fn tips(name: &str) -> &'static [&'static str] {
    TIPS.iter().find(|(known, _)| *known == name).map_or(&[], |(_, tips)| tips)
}

//! fred, with both protocols.

use fred::prelude::*;
use fred::types::RespVersion;
use kvs_tried_clients::{bytes, restart, until, url};

async fn uses(version: RespVersion) -> FredResult<()> {
    let config = Config { version, ..Config::from_url(&url())? };
    let client =
        Builder::from_config(config).set_policy(ReconnectPolicy::new_constant(0, 20)).build()?;
    client.init().await?;
    let value = bytes();
    let () = client.set("k", value.as_slice(), Some(Expiration::EX(100)), None, false).await?;
    assert_eq!(client.get::<Vec<u8>, _>("k").await?, value);
    assert_eq!(client.get::<Option<String>, _>("none").await?, None);
    assert!((1..=100).contains(&client.ttl::<i64, _>("k").await?));
    let () = client.set("short", "x", Some(Expiration::PX(100)), None, false).await?;
    while client.exists::<bool, _>("short").await? {}
    let pipeline = client.pipeline();
    let () = pipeline.incr("n").await?;
    let () = pipeline.incr_by("n", 41).await?;
    assert_eq!(pipeline.all::<Vec<i64>>().await?, [1, 42]);
    let transaction = client.multi();
    let () = transaction.incr("n").await?;
    let () = transaction.get("n").await?;
    assert_eq!(transaction.exec::<(i64, String)>(true).await?, (43, "43".to_owned()));
    restart();
    until(|| async { client.get::<Vec<u8>, _>("k").await.is_ok_and(|found| found == value) }).await;
    let () = client.flushall(false).await?;
    client.quit().await
}

#[tokio::main]
async fn main() -> FredResult<()> {
    for version in [RespVersion::RESP2, RespVersion::RESP3] {
        uses(version).await?;
    }
    Ok(())
}

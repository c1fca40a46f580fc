//! deadpool-redis: a pool whose connections are used again, and replaced when the server went away.

use deadpool_redis::redis::AsyncCommands;
use deadpool_redis::{Config, Runtime};
use kvs_tried_clients::{bytes, restart, until, url};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = Config::from_url(url()).create_pool(Some(Runtime::Tokio1))?;
    for _ in 0..100 {
        let mut connection = pool.get().await?;
        let () = connection.set_ex("k", bytes(), 100).await?;
        assert_eq!(connection.get::<_, Vec<u8>>("k").await?, bytes());
    }
    let mut connection = pool.get().await?;
    assert!((1..=100).contains(&connection.ttl::<_, i64>("k").await?));
    let () = connection.pset_ex("short", "x", 100).await?;
    while connection.exists("short").await? {}
    // One connection did all of that.
    let info: String =
        deadpool_redis::redis::cmd("INFO").arg("stats").query_async(&mut connection).await?;
    assert!(info.contains("total_connections_received:1\r\n"), "{info}");
    drop(connection);
    restart();
    until(|| async {
        let Ok(mut connection) = pool.get().await else { return false };
        connection.get::<_, Vec<u8>>("k").await.is_ok_and(|found| found == bytes())
    })
    .await;
    Ok(())
}

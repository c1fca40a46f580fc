//! redis-rs: blocking with both protocols, asynchronous, and its connection that is made again.

use kvs_tried_clients::{bytes, restart, until, url};
use redis::{
    AsyncCommands, Client, Commands, RedisResult, SetExpiry, SetOptions, Value, pipe, transaction,
};

fn blocking(url: &str) -> RedisResult<()> {
    let mut connection = Client::open(url)?.get_connection()?;
    let options = SetOptions::default().with_expiration(SetExpiry::EX(100));
    assert_eq!(connection.set_options::<_, _, String>("k", bytes(), options)?, "OK");
    assert_eq!(connection.get::<_, Vec<u8>>("k")?, bytes());
    assert!((1..=100).contains(&connection.ttl::<_, i64>("k")?));
    assert_eq!(connection.get::<_, Option<String>>("none")?, None);
    let options = SetOptions::default().with_expiration(SetExpiry::PX(100));
    connection.set_options::<_, _, ()>("short", "x", options)?;
    while connection.exists("short")? {}
    assert_eq!(connection.incr::<_, _, i64>("n", 41)?, 41);
    let (set, counted): (String, i64) = pipe().set("p", "v").incr("n", 1).query(&mut connection)?;
    assert_eq!((set.as_str(), counted), ("OK", 42));
    let doubled: (i64,) = transaction(&mut connection, &["n"], |connection, pipe| {
        let n: i64 = connection.get("n")?;
        pipe.incr("n", n).query(connection)
    })?;
    assert_eq!(doubled, (84,));
    let mut keys: Vec<String> = connection.scan()?.collect::<RedisResult<_>>()?;
    keys.sort();
    assert_eq!(keys, ["k", "n", "p"]);
    let unknown = redis::cmd("NONSENSE").query::<Value>(&mut connection).unwrap_err();
    assert!(unknown.to_string().contains("unknown command"), "{unknown}");
    restart();
    // A connection that ended says so; the client makes another.
    assert!(connection.get::<_, Vec<u8>>("k").is_err());
    let mut connection = Client::open(url)?.get_connection()?;
    assert_eq!(connection.get::<_, Vec<u8>>("k")?, bytes());
    connection.flushall()
}

async fn asynchronous(url: &str) -> RedisResult<()> {
    let client = Client::open(url)?;
    let multiplexed = client.get_multiplexed_async_connection().await?;
    let tasks = (0..100).map(|_| {
        let mut connection = multiplexed.clone();
        tokio::spawn(async move { connection.incr::<_, _, i64>("n", 1).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("it does not panic")?;
    }
    let manager = client.get_connection_manager().await?;
    let mut connection = manager.clone();
    assert_eq!(connection.get::<_, i64>("n").await?, 100);
    let () = connection.set("k", bytes()).await?;
    let (first, second): (Vec<u8>, i64) =
        pipe().atomic().get("k").incr("n", 1).query_async(&mut connection).await?;
    assert_eq!((first, second), (bytes(), 101));
    restart();
    until(|| {
        let mut connection = manager.clone();
        async move { connection.get::<_, Vec<u8>>("k").await.is_ok_and(|found| found == bytes()) }
    })
    .await;
    connection.flushall().await
}

#[tokio::main]
async fn main() -> RedisResult<()> {
    for url in [url(), format!("{}/?protocol=resp3", url())] {
        blocking(&url)?;
        asynchronous(&url).await?;
    }
    Ok(())
}

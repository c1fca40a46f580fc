//! The verb `import` of a directory: from a file, a Redis server or a database of sled.

use std::path::PathBuf;

use clap::Args;
use kvs::{Endpoint, ImportOptions, RedisServer};

use crate::common::failure::{ToolExit, ToolFailure, ToolResult};
use crate::common::import::ImportArguments;
use crate::common::output::ToolOutput;
use crate::common::passwords;
use crate::common::verb::Verb;
use crate::local_store::LocalStore;

/// The arguments of `import`.
#[derive(Args)]
pub struct LocalImportVerb {
    /// File to read, or - for standard input
    #[arg(value_name = "FILE", required_unless_present_any = ["from_redis", "from_sled"])]
    file: Option<PathBuf>,
    #[command(flatten)]
    arguments: ImportArguments,
    /// Import the strings of the Redis server at this address, host:port or unix:path
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["file", "from_sled", "format"])]
    from_redis: Option<Endpoint>,
    /// Database of Redis to import, to the default keyspace [default: all; 0 to the default
    /// keyspace, 1 to keyspace db1, and so on]
    #[arg(long, value_name = "N", requires = "from_redis")]
    db: Option<u32>,
    /// File whose first line is the password of Redis [default: KVS_PASSWORD in the environment]
    #[arg(long, value_name = "PATH", requires = "from_redis")]
    password_file: Option<PathBuf>,
    /// Import all trees of the database in this directory that another program made with sled
    #[arg(long, value_name = "PATH", conflicts_with_all = ["file", "format"])]
    from_sled: Option<PathBuf>,
}

impl Verb<LocalStore> for LocalImportVerb {
    const HAS_KEYSPACE: bool = true;

    fn run(self, target: &mut LocalStore, output: &mut ToolOutput) -> ToolResult {
        let Self { file, arguments, from_redis, db, password_file, from_sled } = self;
        if let Some(file) = file {
            return arguments.import_file(&file, target, output);
        }
        let options = target.import_options(arguments.options());
        let imported = match (from_redis, from_sled) {
            (Some(address), _) => {
                let mut server = RedisServer::new(address);
                let given = passwords::given(password_file.as_deref()).map_err(ToolFailure::new)?;
                if let Some(password) = given.into_iter().next() {
                    server = server.password(password);
                }
                if let Some(number) = db {
                    server = server.database(number);
                }
                target.open_or_create()?.import_redis(&server, &options)?
            }
            (None, Some(directory)) => import_sled(target, &directory, &options)?,
            (None, None) => return Err(ToolFailure::arguments("nothing to import is named")),
        };
        output.print(&imported)?;
        Ok(ToolExit::Done)
    }
}

#[cfg(feature = "sled")]
fn import_sled(
    target: &LocalStore,
    directory: &std::path::Path,
    options: &ImportOptions,
) -> Result<kvs::Imported, ToolFailure> {
    Ok(target.open_or_create()?.import_sled(directory, options)?)
}

#[cfg(not(feature = "sled"))]
fn import_sled(
    _: &LocalStore,
    _: &std::path::Path,
    _: &ImportOptions,
) -> Result<kvs::Imported, ToolFailure> {
    Err(ToolFailure::new("this build has no sled; build kvs with its Cargo feature sled"))
}

//! What the `sled` engine adds to sled.

use tempfile::TempDir;

use super::*;

#[test]
fn versions_grow_over_a_reopen_though_the_newest_key_is_gone() {
    let directory = TempDir::new().unwrap();
    let options = Options::new(directory.path()).engine(EngineKind::Sled);
    let mut next = 1;
    for _ in 0..3 {
        let mut engine = crate::engine::open(&options).unwrap();
        assert!(engine.writer.next_sequence() >= next, "a version names two values");
        engine.writer.commit(group(&[&[put("a", "1")], &[remove("a")]]), true).unwrap();
        engine.writer.commit(group(&[&[Mutation::Clear]]), true).unwrap();
        next = engine.writer.next_sequence();
        engine.writer.close().unwrap();
    }
}

//! The id of a store whose file `ENGINE` is damaged or missing.

use std::path::Path;

use crate::storage::format::file_name::{self, FileName};
use crate::storage::format::segment_header::{SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::storage::format::store_id::StoreId;
use crate::storage::fs::{Directory, read_small};
use crate::{Error, Result};

/// Returns the id that the headers of all segments of a directory name; `None` if there is no valid
/// one, or if two of them differ.
pub(crate) fn find_store_id(directory: &dyn Directory, path: &Path) -> Result<Option<StoreId>> {
    let names = directory.list().map_err(|e| Error::io("list", path, e))?;
    let mut found = None;
    for name in names {
        let Some(FileName::Segment(id)) = FileName::parse(&name) else { continue };
        let name = file_name::segment(id);
        // One that cannot be read tells nothing.
        let bytes = read_small(directory, &name, SEGMENT_HEADER_BYTES).unwrap_or_default();
        if let Ok(header) = SegmentHeader::decode(&bytes, &path.join(&name)) {
            if found.is_some_and(|found| found != header.store) {
                return Ok(None);
            }
            found = Some(header.store);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::segment_id::SegmentId;
    use crate::storage::fs::simulated::{SimulatedDisk, State};

    fn segment(id: u64, store: u128) -> (String, Vec<u8>) {
        let (id, store) = (SegmentId(id), StoreId(store));
        let header = SegmentHeader { id, store, ..SegmentHeader::FIRST };
        (file_name::segment(id), header.encode().to_vec())
    }

    #[test]
    fn an_id_is_found_only_if_all_segments_agree() {
        let broken = (file_name::segment(SegmentId(3)), vec![7; 100]);
        let find = |files: &[(String, Vec<u8>)]| {
            let disk = SimulatedDisk::new(State::with_files(files.to_vec()));
            find_store_id(&disk, Path::new("x")).unwrap()
        };
        assert_eq!(find(&[]), None);
        assert_eq!(find(std::slice::from_ref(&broken)), None);
        assert_eq!(find(&[segment(1, 5), segment(2, 5), broken]), Some(StoreId(5)));
        assert_eq!(find(&[segment(1, 5), segment(2, 6)]), None);
    }
}

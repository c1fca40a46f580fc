//! Errors as programs and clients see them.

use super::*;

#[test]
fn a_program_can_tell_what_to_do_about_an_error() {
    let (path, full) = (Path::new("data"), io::ErrorKind::StorageFull);
    let locked = Error::Locked { path: path.to_path_buf(), holder: None };
    let damaged = Error::corrupt(path, 0, "a checksum is wrong");
    let cases = [
        (locked, (true, false, false)),
        (Error::io("append to", path, full.into()), (true, false, false)),
        (Error::TransactionConflict, (true, false, false)),
        (Error::NoStore { path: path.to_path_buf() }, (false, true, false)),
        (Error::KeyNotFound, (false, true, false)),
        (damaged.clone(), (false, false, true)),
        (Error::UnknownOutcome(Arc::new(damaged)), (false, false, true)),
        (Error::ReadOnly, (false, false, false)),
    ];
    for (error, expected) in cases {
        let told = (error.is_retryable(), error.is_not_found(), error.is_corruption());
        assert_eq!(told, expected, "{error}");
    }
}

#[test]
fn a_client_is_told_the_kind_and_the_key_and_no_path() {
    let io = |code| {
        let source = io::Error::from_raw_os_error(code);
        Error::io("append to", Path::new("/secret/1.log"), source).at_offset(72)
    };
    let full = io(28).with_key("k".to_owned());
    assert!(full.to_string().contains("/secret/1.log at offset 72 for key \"k\": No space left"));
    let failed = io(5).with_key("k".to_owned());
    let unknown = Error::UnknownOutcome(Arc::new(io(5))).with_key("k".to_owned());
    for (error, words) in [
        (full, &["the disk is full", "key \"k\" was not written", "No space left"][..]),
        (io(28), &["the disk is full", "nothing was written"]),
        (failed, &["for key \"k\"", "Input/output error"]),
        (io(5), &["Input/output error"]),
        (unknown, &["may or may not survive", "for key \"k\"", "Input/output error"]),
    ] {
        let told = error.without_paths();
        assert!(words.iter().all(|word| told.contains(word)), "{told}");
        assert!(!told.contains("secret"), "{told}");
    }
}

#[test]
fn no_error_about_a_directory_names_it_to_a_client() {
    let path = || PathBuf::from("/secret/data");
    let (found, wanted, engine) = ("a".to_owned(), "b".to_owned(), "a".to_owned());
    let errors = [
        Error::UnsupportedFormat { path: path(), found: 9, supported: 3 },
        Error::WrongEngine { path: path(), found, wanted },
        Error::UnsupportedEngine { path: path(), engine },
        Error::NoStore { path: path() },
        Error::NotEmpty { path: path() },
        Error::UnfinishedBackup { path: path() },
        Error::UntrustedDirectory { path: path(), reason: "every user may change it".to_owned() },
        Error::Removed { path: path() },
        Error::Locked { path: path(), holder: None },
    ];
    for error in errors {
        assert!(error.to_string().contains("secret"), "{error}");
        let text = error.without_paths();
        assert!(!text.is_empty() && !text.contains("secret"), "{text}");
    }
}

//! The verb `plan`.

use super::*;

#[test]
fn a_plan_is_printed_for_numbers_as_people_write_them() {
    let directory = TempDir::new().unwrap();
    let tool = Tool { program: LOCAL, place: ["--dir", directory.path().to_str().unwrap()] };
    let arguments = ["plan", "--keys", "10M", "--key-bytes", "16", "--value-bytes", "0.2k"];
    let printed = tool.printed(&arguments);
    assert!(printed.starts_with("keys: 10,000,000, of 16 and 200 bytes\n"), "{printed}");
    let guide = std::fs::read_to_string("docs/guide/tuning.md").unwrap();
    assert!(guide.contains(&printed), "the guide shows another plan than {printed}");
    let object = tool.printed(&[&arguments[..], &["-ojson"]].concat());
    let plan: serde_json::Value = serde_json::from_str(&object).unwrap();
    assert_eq!((&plan["keys"], &plan["value_bytes"]), (&10_000_000.into(), &200.into()));
    let index = plan["index_bytes"].as_u64().unwrap();
    assert!(index > 500_000_000 && index < 1_000_000_000, "{plan}");
    assert!(plan["disk_bytes_max"].as_u64().unwrap() > 2 * 2_160_000_000, "{plan}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "it makes nothing");
    for wrong in ["many", "-1", "1.5", "10Q", ""] {
        let (_, complaint) =
            tool.ended(2, &["plan", "--keys", wrong, "--key-bytes", "1", "--value-bytes", "1"]);
        assert!(complaint.contains("--keys"), "{wrong}: {complaint}");
    }
    let (_, complaint) = tool.ended(2, &["plan", "--keys", "1"]);
    assert!(complaint.contains("--key-bytes"), "{complaint}");
}

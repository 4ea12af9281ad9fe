//! Nearly right bytes for everything that reads what a client, a person or a tree gives: lines of JSON-RPC, configuration,
//! names, points, times, contents in base64, ignore files, what lies packed in the session cache.
//!
//! Does: let none of them panic, run for long, or take what it should refuse; hold the laws that each has.
//! Does not: need a nightly compiler; `AFT_HEAVY=1` runs a hundred times as many cases, and `AFT_FUZZ_CASES` as many as one
//! likes. What reads a store's own bytes is tried the same way inside of `aft-store`; patches are applied by git and patch
//! in `aft-engine`.

use std::path::Path;

use aft_daemon::config::{Config, DEFAULT_TOML, Source};
use aft_engine::diff::{self, Options, Side};
use aft_engine::session::{decode_operation, decode_shown, encode_operation};
use aft_model::{CheckpointName, FileState, Point, RelPath, SecretNames};
use aft_rpc::framing::{LineBuffer, depth};
use aft_rpc::message::{Incoming, MAX_LINE, parse_incoming};
use aft_rpc::{Request, WireBytes, WirePath, WireTime, methods};
use aft_testkit::fuzz::{cases, nearly};
use proptest::prelude::*;

/// One request of every method, and what else a line may be.
fn lines() -> Vec<Vec<u8>> {
    let mut lines: Vec<String> = methods::METHODS
        .iter()
        .map(|method| {
            format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{}\",\"params\":{{\"workspace\":\"/w\",\
                 \"operation\":\"@-1\",\"path\":{{\"base64\":\"/w==\"}},\"paths\":[\"a\"],\"limit\":5,\
                 \"session\":\"s\",\"from\":\"turn:-1\",\"diff\":\"unified\"}}}}",
                method.name
            )
        })
        .collect();
    lines.push("[{\"jsonrpc\":\"2.0\",\"method\":\"sync\"},{\"id\":\"x\"},7]".to_owned());
    lines.push(format!("{}1{}", "[".repeat(70), "]".repeat(70)));
    lines.into_iter().map(String::into_bytes).collect()
}

/// What the daemon does with a request before it knows whether there is such a workspace.
fn read_params(request: &Request) {
    use aft_rpc::types::{diff, file, history, session, travel};
    drop(request.params::<diff::DiffParams>());
    drop(request.params::<file::FileReadParams>());
    drop(request.params::<history::HistoryListParams>());
    drop(request.params::<session::SessionShowParams>());
    drop(request.params::<travel::RollbackPlanParams>());
}

fn configs() -> Vec<Vec<u8>> {
    let own = "[track]\nsecrets = \"never\"\nsecret_names = [\"*.token\", \"!demo.key\"]\n\
               [store]\nkeep = { every = \"1.5h\", daily = \"90d\" }\ncap = \"0.5 GiB\"\n\
               [[verify]]\nname = \"t\"\nrun = \"true\"\n[[checkpoint]]\non = \"all-passed\"\n";
    vec![DEFAULT_TOML.as_bytes().to_vec(), own.as_bytes().to_vec()]
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn a_line_is_a_request_or_an_answer_that_says_why_not(line in nearly(lines())) {
        let told = parse_incoming(&line);
        if let Incoming::Single(Ok(request)) = &told {
            read_params(request);
            prop_assert!(depth(&line) <= 64);
        }
    }

    #[test]
    fn lines_come_out_as_they_went_in_however_they_are_cut(
        bytes in nearly(lines()),
        pieces in prop::collection::vec(1_usize..50, 1..20),
    ) {
        let mut buffer = LineBuffer::new(MAX_LINE);
        let mut found: Vec<Vec<u8>> = Vec::new();
        let (mut rest, mut pieces) = (bytes.as_slice(), pieces.into_iter().cycle());
        while let Some(len) = pieces.next().filter(|_| !rest.is_empty()) {
            let (piece, later) = rest.split_at(len.min(rest.len()));
            rest = later;
            buffer.push(piece);
            while let Some(line) = buffer.next_line().unwrap() {
                found.push(line.to_vec());
            }
        }
        let mut whole: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        whole.pop();
        // A carriage return before the line feed belongs to the end of the line.
        for line in &mut whole {
            *line = line.strip_suffix(b"\r").unwrap_or(line);
        }
        prop_assert_eq!(found, whole);
    }

    #[test]
    fn a_name_that_a_path_takes_leads_nowhere_else(bytes in nearly(vec![
        b"src/main.rs".to_vec(), b"../x".to_vec(), b"a//b/./c".to_vec(), b"/etc/passwd".to_vec(),
        b".git/HEAD".to_vec(), vec![b'x'; 300], b".env".to_vec(), b"d/.g\xe2\x80\x8cit".to_vec(),
    ])) {
        if let Ok(path) = RelPath::new(&bytes) {
            let all_plain = path.components().all(|c| !matches!(c, b"" | b"." | b"..") && c.len() < 256);
            prop_assert!(all_plain && !bytes.contains(&0) && !bytes.starts_with(b"/"));
            std::hint::black_box((path.is_git(), SecretNames::default().is_secret(&path)));
        }
        if let Ok(inside) = WirePath(bytes.clone()).within(Path::new("/w")) {
            prop_assert!(RelPath::new(inside.as_bytes()).is_ok());
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        drop(CheckpointName::new(&text));
        drop(SecretNames::with(std::slice::from_ref(&text)));
    }

    #[test]
    fn a_point_a_time_and_a_content_are_read_or_refused(bytes in nearly(vec![
        b"@-3".to_vec(), b"turn:-1".to_vec(), b"session:abc".to_vec(), b"10m".to_vec(), b"142".to_vec(),
        b"2026-11-22T01:02:03.123456789Z".to_vec(), b"{\"base64\":\"AAEC/w==\"}".to_vec(),
        b"99999999999999999999d".to_vec(), b"good".to_vec(),
    ])) {
        let Ok(text) = std::str::from_utf8(&bytes) else { return Ok(()) };
        drop(Point::parse(text));
        if let Some(time) = WireTime::parse(text) {
            let again = serde_json::to_string(&time).unwrap();
            let read: WireTime = serde_json::from_str(&again).unwrap();
            prop_assert_eq!(read, time);
        }
        if let Ok(content) = serde_json::from_str::<WireBytes>(text) {
            let again = serde_json::to_string(&content).unwrap();
            prop_assert_eq!(serde_json::from_str::<WireBytes>(&again).unwrap(), content);
        }
    }

    #[test]
    fn what_lies_packed_is_an_operation_or_none(bytes in nearly(vec![packed()])) {
        if let Some(operation) = decode_operation(&bytes) {
            let again = encode_operation(&operation);
            prop_assert_eq!(decode_operation(&again), Some(operation));
        }
        drop(decode_shown(&bytes));
    }

    #[test]
    fn a_diff_of_anything_says_where_its_hunks_are(
        before in nearly(texts()),
        after in nearly(texts()),
    ) {
        let state = |bytes: &[u8]| FileState::File {
            content: aft_model::ContentId(*blake3::hash(bytes).as_bytes()),
            size: bytes.len() as u64,
            mode: 0o644,
        };
        let (old, new) = (state(&before), state(&after));
        let path = RelPath::new("a b\n\"c").unwrap();
        let options = Options { binary_bytes_max: 1 << 20, ..Options::default() };
        let made = diff::unified(
            &path,
            &path,
            Side { state: &old, bytes: Some(&before) },
            Side { state: &new, bytes: Some(&after) },
            &options,
        );
        prop_assert_eq!(made.text.is_empty(), before == after);
        for hunk in &made.hunks {
            let text = made.text.get(hunk.range.clone());
            prop_assert!(text.is_some_and(|text| !text.is_empty()));
        }
    }
}

proptest! {
    // Reading a configuration takes about a millisecond.
    #![proptest_config(cases(300))]

    #[test]
    fn a_configuration_is_taken_or_refused_with_its_line(
        user in nearly(configs()),
        own in nearly(configs()),
    ) {
        let source = |file: &str, bytes: Vec<u8>| Source {
            file: file.to_owned(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        };
        let (user, own) = (source("config.toml", user), source(".afterimage.toml", own));
        for (user, own) in [(Some(&user), None), (None, Some(&own)), (Some(&user), Some(&own))] {
            match Config::from_sources(user, own) {
                Ok(config) => {
                    let says_plain = user.is_none() && config.track.sealed_names().is_none();
                    prop_assert!(!says_plain, "a workspace's file unseals nothing");
                }
                Err(error) => prop_assert!(error.to_string().contains(".toml")),
            }
        }
    }
}

fn texts() -> Vec<Vec<u8>> {
    let lines: String = (0..40).map(|n| format!("line {n}\n")).collect();
    let mut dos = lines.replace('\n', "\r\n").into_bytes();
    dos.push(0xff);
    vec![
        lines.into_bytes(),
        dos,
        b"no newline".to_vec(),
        vec![0, 1, 2, 0],
        Vec::new(),
    ]
}

fn packed() -> Vec<u8> {
    let path = |text: &str| RelPath::new(text).expect("a path");
    let change = aft_model::Change {
        path: path("b"),
        before: FileState::Absent,
        after: FileState::Symlink {
            target: aft_model::ContentId([7; 32]),
        },
        renamed_from: Some(path("a")),
    };
    encode_operation(&aft_model::Operation {
        id: aft_model::OperationId(70_000),
        kind: aft_model::OperationKind::Rollback,
        author: aft_model::Author::Agent("tester".to_owned()),
        time_ns: -5,
        session: Some(aft_model::SessionId("s".to_owned())),
        turn: None,
        tool: Some("edit".to_owned()),
        reverts: vec![aft_model::OperationId(3)],
        target: Some(aft_model::OperationId(2)),
        head: Some(aft_model::GitHead {
            branch: Some("main".to_owned()),
            commit: None,
        }),
        note: Some("a note".to_owned()),
        changes: vec![change; 3],
    })
}

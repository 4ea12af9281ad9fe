//! Every line from a client ends as a request or as an error with the right code, kind and id.

use super::*;
use crate::types::history::HistoryListParams;

fn single(line: &str) -> Result<Request, Rejected> {
    match parse_incoming(line.as_bytes()) {
        Incoming::Single(result) => result,
        Incoming::Batch(_) => panic!("a batch"),
    }
}

fn check_rejected(line: &str, code: i32, kind: ErrorKind, id: &Id) {
    let rejected = single(line).unwrap_err();
    assert_eq!(
        (rejected.error.code, rejected.error.data.kind, &rejected.id),
        (code, kind, id),
        "{line}"
    );
}

#[test]
fn a_request_is_read_with_any_kind_of_id() {
    let request =
        single(r#" {"jsonrpc":"2.0","id":7,"method":"hello","params":{"client":"x"}}"#).unwrap();
    assert_eq!(
        (request.id, request.method.as_str()),
        (Some(Id::Number(7)), "hello")
    );
    assert_eq!(
        single(r#"{"jsonrpc":"2.0","id":"a","method":"m"}"#)
            .unwrap()
            .id,
        Some(Id::Text("a".to_owned()))
    );
    assert_eq!(
        single(r#"{"jsonrpc":"2.0","id":null,"method":"m"}"#)
            .unwrap()
            .id,
        Some(Id::Null)
    );
    assert_eq!(
        single(r#"{"jsonrpc":"2.0","method":"m"}"#).unwrap().id,
        None
    );
}

#[test]
fn what_is_no_request_says_why() {
    check_rejected("{\"jsonrpc\":", -32700, ErrorKind::Invalid, &Id::Null);
    check_rejected("[{}", -32700, ErrorKind::Invalid, &Id::Null);
    check_rejected("[]", -32600, ErrorKind::Invalid, &Id::Null);
    check_rejected("7", -32600, ErrorKind::Invalid, &Id::Null);
    check_rejected(
        r#"{"jsonrpc":"1.0","id":3,"method":"m"}"#,
        -32600,
        ErrorKind::Invalid,
        &Id::Number(3),
    );
    check_rejected(
        r#"{"jsonrpc":"2.0","id":"x"}"#,
        -32600,
        ErrorKind::Invalid,
        &Id::Text("x".to_owned()),
    );
}

#[test]
fn ceilings_hold_for_length_depth_and_batch() {
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{}{}}}"#,
        "[".repeat(64),
        "]".repeat(64)
    );
    check_rejected(&deep, -32008, ErrorKind::TooLarge, &Id::Null);
    let allowed = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{}{}}}"#,
        "[".repeat(63),
        "]".repeat(63)
    );
    assert!(single(&allowed).is_ok());
    check_rejected(
        &" ".repeat(MAX_LINE),
        -32008,
        ErrorKind::TooLarge,
        &Id::Null,
    );
    let batch = format!("[{}]", vec!["1"; MAX_BATCH + 1].join(","));
    check_rejected(&batch, -32008, ErrorKind::TooLarge, &Id::Null);
    let Incoming::Single(Err(rejected)) = parse_incoming(b"\xff") else {
        panic!("accepted")
    };
    assert_eq!(rejected.error.code, -32700);
}

#[test]
fn a_batch_keeps_its_good_parts() {
    let Incoming::Batch(items) = parse_incoming(
        br#"[{"jsonrpc":"2.0","id":1,"method":"a"},5,{"jsonrpc":"2.0","method":"b"}]"#,
    ) else {
        panic!("not a batch")
    };
    assert_eq!(items.len(), 3);
    assert_eq!(items[0].as_ref().unwrap().id, Some(Id::Number(1)));
    assert_eq!(items[1].as_ref().unwrap_err().error.code, -32600);
    assert_eq!(items[2].as_ref().unwrap().id, None);
}

#[test]
fn parameters_refuse_unknown_fields_and_name_the_method() {
    let request = single(r#"{"jsonrpc":"2.0","id":1,"method":"history.list","params":{"workspace":"/w","limmit":3}}"#).unwrap();
    let error = request.params::<HistoryListParams>().unwrap_err();
    assert_eq!(error.data.kind, ErrorKind::Invalid);
    assert!(
        error.message.contains("history.list") && error.message.contains("limmit"),
        "{error}"
    );
    let absent = single(r#"{"jsonrpc":"2.0","id":1,"method":"daemon.status"}"#).unwrap();
    assert!(
        absent
            .params::<crate::types::daemon::DaemonStatusParams>()
            .is_ok()
    );
}

#[test]
fn an_answer_is_one_line_with_result_or_error() {
    let ok = Response::ok(Id::Number(1), &serde_json::json!({"a": "x\ny"})).to_line();
    assert_eq!(
        String::from_utf8(ok).unwrap(),
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"x\\ny\"}}\n"
    );
    let error = RpcError::new(ErrorKind::NotFound, "there is no point `x`")
        .with_nearest(vec!["y".to_owned()]);
    let line = Response::err(Id::Null, error.clone()).to_line();
    let back: Response = serde_json::from_slice(&line).unwrap();
    assert_eq!((back.id, back.error), (Id::Null, Some(error)));
    assert!(
        String::from_utf8(line)
            .unwrap()
            .contains(r#""data":{"kind":"not_found","nearest":["y"]}"#)
    );
}

#[test]
fn every_kind_has_its_own_code_and_the_word_of_its_serialisation() {
    let mut codes: Vec<i32> = ErrorKind::ALL.into_iter().map(ErrorKind::code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), ErrorKind::ALL.len());
    for kind in ErrorKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
}

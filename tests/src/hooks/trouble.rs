//! Nothing that is wrong with us reaches an agent.

use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use super::rig::Rig;

#[test]
fn without_a_daemon_it_is_silent_and_the_log_has_it() {
    let mut rig = Rig::watching();
    let lines = rig.lines("claude-code");
    rig.daemon.kill();
    for line in &lines {
        assert_eq!(rig.hook("claude-code", line), "");
    }
    assert_eq!(rig.hook("gemini", &rig.lines("gemini")[1]), "{}");
    let log = std::fs::read_to_string(rig.daemon.store().join("log/hook.log")).unwrap();
    assert!(
        log.contains("claude-code PreToolUse no daemon answers"),
        "{log}"
    );
    let report = rig.daemon.aft_json(rig.project.root(), &["doctor"]);
    let checks = report["checks"].as_array().unwrap();
    let hooks = checks
        .iter()
        .find(|check| check["check"] == "hooks")
        .unwrap();
    assert_eq!(hooks["state"], "warning", "{hooks:#?}");
}

#[test]
fn outside_a_workspace_it_does_nothing_and_says_nothing() {
    let rig = Rig::unwatched();
    for agent in ["claude-code", "codex"] {
        for line in rig.lines(agent) {
            assert_eq!(rig.hook(agent, &line), "");
        }
    }
    assert!(!rig.daemon.store().join("log/hook.log").exists());
}

#[test]
fn a_daemon_that_takes_connections_and_says_nothing_costs_the_budget() {
    let mut rig = Rig::watching();
    let lines = rig.lines("claude-code");
    rig.daemon.kill();
    let socket = rig.daemon.runtime_dir().join("agent.sock");
    let _gone = std::fs::remove_file(&socket);
    let _mute = UnixListener::bind(&socket).unwrap();
    let begun = Instant::now();
    let said = rig.hook_with(&["claude-code", "--budget", "150ms"], &lines[1]);
    let took = begun.elapsed();
    assert_eq!(said.stdout, "");
    assert!(took >= Duration::from_millis(150), "{took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let log = std::fs::read_to_string(rig.daemon.store().join("log/hook.log")).unwrap();
    assert!(log.contains("did not answer in time"), "{log}");
}

#[test]
fn a_daemon_that_takes_no_more_connections_is_not_waited_for() {
    let mut rig = Rig::watching();
    let lines = rig.lines("claude-code");
    rig.daemon.kill();
    let socket = rig.daemon.runtime_dir().join("agent.sock");
    let _gone = std::fs::remove_file(&socket);
    let mute = UnixListener::bind(&socket).unwrap();
    rustix::net::listen(&mute, 0).unwrap();
    // More than its queue holds; the first that does not get in would wait for ever.
    let mut waiting = Vec::new();
    let address = rustix::net::SocketAddrUnix::new(&socket).unwrap();
    loop {
        let queued = rustix::net::socket_with(
            rustix::net::AddressFamily::UNIX,
            rustix::net::SocketType::STREAM,
            rustix::net::SocketFlags::NONBLOCK,
            None,
        )
        .unwrap();
        if rustix::net::connect(&queued, &address).is_err() {
            break;
        }
        waiting.push(queued);
    }
    let begun = Instant::now();
    assert_eq!(rig.hook("claude-code", &lines[1]), "");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn whatever_comes_on_standard_input_the_answer_is_neutral() {
    let rig = Rig::watching();
    let deep = "[".repeat(100_000);
    let long = format!("{{\"cwd\":\"{}\"}}", "x".repeat(3 << 20));
    for payload in [
        "",
        "\n",
        "{",
        "null",
        "{\"session_id\":[]}",
        "\u{feff}{}",
        &deep,
        &long,
    ] {
        assert_eq!(rig.hook("claude-code", payload), "");
        assert_eq!(rig.hook("gemini", payload), "{}");
    }
    let strange = format!(
        "{{\"hook_event_name\":\"PreToolUse\",\"session_id\":\"../../x\\u0000\\n\",\"cwd\":\"{}\",\"tool_name\":\"Bash\",\"tool_input\":\"no object\"}}",
        rig.root()
    );
    assert_eq!(rig.hook("claude-code", &strange), "");
    let log = std::fs::read_to_string(rig.daemon.store().join("log/hook.log")).unwrap();
    assert!(log.lines().all(|line| line.split(' ').count() > 3), "{log}");
}

#[test]
fn an_agent_that_is_not_known_is_no_reason_to_block_a_tool() {
    let rig = Rig::unwatched();
    let output = rig
        .daemon
        .aft_fed(rig.project.root(), &["hook", "cluade"], b"{}");
    assert_eq!(output.status, 0);
    assert!(output.stderr.contains("claude-code"), "{}", output.stderr);
}

/// 2, the code of a command line that makes no sense, is to an agent the word for "do not run this tool".
#[test]
fn an_option_that_is_not_known_is_no_reason_either() {
    let rig = Rig::watching();
    for wrong in [
        &["hook", "claude-code", "--of-a-later-version"][..],
        &["hook", "claude-code", "--budget"],
        &["hook", "claude-code", "--budget", "soon"],
        &["hook", "claude-code", "codex"],
        &["hook"],
    ] {
        let answer = rig.daemon.aft_fed(rig.project.root(), wrong, b"{}");
        assert_eq!(answer.status, 0, "{wrong:?}: {}", answer.stderr);
        assert_eq!(answer.stdout, "", "{wrong:?}");
    }
}

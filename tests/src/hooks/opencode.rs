//! The plugin for OpenCode, in a host that calls it as OpenCode does.

use std::process::Command;

use super::rig::Rig;

/// Plays a turn: a session begins, a prompt, an edit, the end; then an undo behind its back and one more edit.
const HOST: &str = r#"
import { writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
const [plugin, root, aft] = process.argv.slice(2);
const { Afterimage } = await import(plugin);
const hooks = await Afterimage({ directory: root });
const session = "ses_5f2a9c81bffe7QxJ2hYk0LmNpR";
await hooks.event({ event: { type: "session.created", properties: { info: { id: session } } } });
await hooks["chat.message"]({ sessionID: session }, { message: { id: "msg_01" }, parts: [] });
const edit = async (callID, text) => {
  const args = { filePath: `${root}/src/greet.py` };
  await hooks["tool.execute.before"]({ tool: "edit", sessionID: session, callID }, { args });
  writeFileSync(args.filePath, text);
  const output = { title: "", output: "edited", metadata: {} };
  await hooks["tool.execute.after"]({ tool: "edit", sessionID: session, callID, args }, output);
  return output.output;
};
const first = await edit("call_1", "good day\n");
execFileSync(aft, ["undo"], { cwd: root, stdio: "ignore" });
const second = await edit("call_2", "good evening\n");
await hooks.event({ event: { type: "session.idle", properties: { sessionID: session } } });
await hooks.event({ event: { type: "session.deleted", properties: { info: { id: session } } } });
process.stdout.write(JSON.stringify({ first, second }));
"#;

#[test]
fn the_plugin_marks_a_turn_and_tells_what_was_taken_back() {
    if Command::new("node").arg("--version").output().is_err() {
        eprintln!("*** SKIPPED: there is no node to run the plugin ***");
        return;
    }
    let rig = Rig::watching();
    rig.daemon
        .aft_ok(rig.project.root(), &["integrate", "opencode"]);
    let aft = aft_testkit::daemon::binary();
    let outside = rig.project.outside();
    let written = rig
        .daemon
        .store()
        .join("../home/.config/opencode/plugins/afterimage.js");
    let text = std::fs::read_to_string(&written).expect("the plugin");
    assert!(
        text.contains(aft.to_str().unwrap()),
        "it names this program"
    );
    let plugin = outside.join("afterimage.mjs");
    std::fs::write(&plugin, text).unwrap();
    let host = outside.join("host.mjs");
    std::fs::write(&host, HOST).unwrap();
    let mut node = Command::new("node");
    node.arg(&host).arg(&plugin).arg(rig.root()).arg(&aft);
    for (name, value) in rig.daemon.command(&[]).get_envs() {
        match value {
            Some(value) => node.env(name, value),
            None => node.env_remove(name),
        };
    }
    let output = node.output().expect("node runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said["first"], "edited");
    let second = said["second"].as_str().unwrap();
    assert!(second.contains("undo of operations #2"), "{second}");
    let log = rig.log();
    for operation in [1, 3] {
        assert_eq!(log[operation]["author"], "agent:opencode", "{log:#?}");
        assert_eq!(log[operation]["tool"], "edit");
        assert!(log[operation]["turn"].is_string());
    }
}

//! `aft integrate` on real files, and the configuration it writes carried out.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::Value;

use super::rig::Rig;

fn run(rig: &Rig, home: &std::path::Path, arguments: &[&str]) -> (i32, String) {
    let arguments: Vec<&str> = ["integrate"]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    let mut command = rig.daemon.command(&arguments);
    command.current_dir(rig.project.root()).env("HOME", home);
    for name in ["CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME"] {
        command.env_remove(name);
    }
    let output = command.output().expect("aft runs");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code().expect("an exit code"),
        String::from_utf8(said).expect("text"),
    )
}

#[test]
fn what_it_writes_is_what_the_agent_runs() {
    let rig = Rig::watching();
    let home = rig.project.outside().join("home");
    std::fs::create_dir_all(home.join(".claude")).unwrap();
    let dotfiles = home.join("dotfiles.json");
    let before = "{\n  \"model\": \"opus\" // mine\n}\n";
    std::fs::write(&dotfiles, before).unwrap();
    let settings = home.join(".claude/settings.json");
    symlink("../dotfiles.json", &settings).unwrap();

    let (exit, shown) = run(&rig, &home, &["claude-code", "--dry-run"]);
    assert_eq!(exit, 0, "{shown}");
    assert!(
        shown.contains("+    \"PreToolUse\"") || shown.contains("PreToolUse"),
        "{shown}"
    );
    assert_eq!(std::fs::read_to_string(&dotfiles).unwrap(), before);

    let (exit, said) = run(&rig, &home, &["claude-code"]);
    assert_eq!(exit, 0, "{said}");
    let text = std::fs::read_to_string(&dotfiles).unwrap();
    assert!(text.contains("\"model\": \"opus\""), "{text}");
    assert!(text.contains("// mine"), "{text}");
    assert!(settings.symlink_metadata().unwrap().is_symlink());
    let kept = std::fs::read_to_string(home.join("dotfiles.json.before-afterimage")).unwrap();
    assert_eq!(kept, before);

    // As the agent would run it: through a shell.
    let value: Value = serde_json::from_str(&text.replace("// mine", "")).unwrap();
    let command = value["hooks"]["UserPromptSubmit"][0]["hooks"][0]["command"]
        .as_str()
        .unwrap()
        .to_owned();
    let payload = &rig.lines("claude-code")[1];
    std::fs::write(home.join("payload"), payload).unwrap();
    let probe = rig.daemon.command(&[]);
    let mut shell = std::process::Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("{command} < {}", home.join("payload").display()));
    for (name, value) in probe.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    assert!(shell.status().unwrap().success());
    let list = rig
        .daemon
        .aft_json(rig.project.root(), &["session", "list"]);
    assert_eq!(list["sessions"][0]["agent"], "claude-code", "{list:#?}");

    let (_, said) = run(&rig, &home, &["claude-code"]);
    assert!(said.contains("already"), "{said}");
    assert_eq!(std::fs::read_to_string(&dotfiles).unwrap(), text);
    let (exit, said) = run(&rig, &home, &["claude-code", "--remove"]);
    assert_eq!(exit, 0, "{said}");
    let after = std::fs::read_to_string(&dotfiles).unwrap();
    assert_eq!(
        after.split_whitespace().collect::<String>(),
        before.split_whitespace().collect::<String>()
    );
}

#[test]
fn every_agent_has_its_place_for_the_user_and_for_the_project() {
    let rig = Rig::unwatched();
    let home = rig.project.outside().join("home");
    std::fs::create_dir_all(&home).unwrap();
    for (agent, user, project) in [
        (
            "claude-code",
            ".claude/settings.json",
            ".claude/settings.json",
        ),
        ("codex", ".codex/hooks.json", ".codex/hooks.json"),
        ("gemini", ".gemini/settings.json", ".gemini/settings.json"),
        ("cursor", ".cursor/hooks.json", ".cursor/hooks.json"),
        (
            "opencode",
            ".config/opencode/plugins/afterimage.js",
            ".opencode/plugins/afterimage.js",
        ),
    ] {
        let places: [(PathBuf, &[&str]); 2] = [
            (home.join(user), &[]),
            (rig.project.root().join(project), &["--project"]),
        ];
        for (file, option) in places {
            let with = |more: &[&str]| {
                let all: Vec<&str> = [agent].iter().chain(option).chain(more).copied().collect();
                run(&rig, &home, &all)
            };
            let (exit, said) = with(&[]);
            assert_eq!(exit, 0, "{agent}: {said}");
            assert!(file.exists(), "{agent}: {}", file.display());
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(text.contains("hook"), "{agent}: {text}");
            let (exit, said) = with(&["--remove"]);
            assert_eq!(exit, 0, "{agent}: {said}");
            let left = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(!left.contains("aft"), "{agent}: {left}");
        }
    }
}

#[test]
fn a_malformed_file_is_left_alone_and_the_place_is_named() {
    let rig = Rig::unwatched();
    let file = rig.project.root().join(".gemini/settings.json");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let broken = "{\n  \"hooks\": {\n    oops\n";
    std::fs::write(&file, broken).unwrap();
    let (exit, said) = run(&rig, rig.project.outside(), &["gemini", "--project"]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("line 3"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), broken);
}

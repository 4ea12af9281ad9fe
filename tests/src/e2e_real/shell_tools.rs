//! Tools that change files by every means there is: in place, by rename, by link, whole trees at once.
//! Does not need all of them installed; what is missing is said.

use aft_testkit::manifest::assert_same;

use super::rig::{Rig, has, toolchain};

/// A small project.
const PROJECT: &str = r#"
mkdir -p src/a/b/c src/x notes
for i in $(seq 1 30); do printf 'alpha %s\nbeta\ngamma\n' "$i" > src/f$i.txt; done
for i in $(seq 1 20); do printf '%s' "$i" > src/a/b/c/n$i; done
printf 'fn main(){let x=1;println!("{}",x);}\n' > src/main.rs
printf 'the quick\nbrown fox\njumps\n' > notes/one.txt; chmod 640 notes/one.txt
cp notes/one.txt notes/two.txt; cp notes/one.txt notes/three.txt
printf '\377\376 not utf8' > "$(printf 'notes/caf\351')"
printf x > "notes/new
line"; printf y > "notes/ spaces \"and\" 'quotes' \\ "
ln -s one.txt notes/link
mkdir notes/empty
"#;

/// Programs every system has.
const ACTIONS: &[(&str, &str)] = &[
    ("sed-in-place", "sed -i s/alpha/omega/ src/*.txt"),
    (
        "sed-with-backup",
        "sed -i.bak s/beta/BETA/ src/f1.txt src/f2.txt",
    ),
    (
        "append",
        "for i in 1 2 3; do echo more >> src/f$i.txt; done",
    ),
    (
        "truncate",
        ": > src/f4.txt; truncate -s 5 src/f5.txt; truncate -s 300000 src/f6.txt",
    ),
    (
        "dd-in-the-middle",
        "printf ZZZ | dd of=src/f7.txt bs=1 seek=3 conv=notrunc 2>/dev/null",
    ),
    (
        "chmod",
        "chmod 755 src/f1.txt; chmod 600 notes/two.txt; chmod 700 src/x; chmod 444 src/f2.txt; chmod 1777 notes/empty",
    ),
    ("cp-a", "cp -a src copy"),
    ("mv-directory", "mv copy elsewhere; mv elsewhere/a moved"),
    (
        "mv-over",
        "mv src/f8.txt src/f9.txt; mv notes/three.txt src/",
    ),
    (
        "swap-file-and-directory",
        "rm src/f10.txt; mkdir src/f10.txt; echo in > src/f10.txt/in; rm -r src/x; echo now-a-file > src/x",
    ),
    (
        "swap-link-and-file",
        "rm notes/link; echo file > notes/link; rm notes/two.txt; ln -s /etc/hostname notes/two.txt",
    ),
    (
        "link-to-directory",
        "ln -s src/a dirlink; ln -s ../.. notes/up; ln -s dirlink/b chain",
    ),
    (
        "hard-links",
        "ln src/f11.txt src/f11-also.txt; cp -al src/a linked",
    ),
    (
        "tar-x",
        "tar cf ../t.tar src notes; rm -rf src/a notes; sed -i s/gamma/delta/ src/f2*.txt; tar xpf ../t.tar; echo z > src/late",
    ),
    ("rm-rf", "rm -rf elsewhere moved src/a"),
    (
        "deep",
        "mkdir -p d/$(seq -s / 1 60); echo bottom > d/$(seq -s / 1 60)/f",
    ),
    (
        "many-in-a-new-directory",
        "mkdir -p fresh/one/two; for i in $(seq 1 300); do echo $i > fresh/one/two/$i; done",
    ),
    (
        "rename-all",
        "cd fresh/one; mv two three; cd three; for i in *; do mv $i n$i; done",
    ),
    (
        "find-delete",
        "find fresh -name '*7' -delete; find notes -type d -empty -delete",
    ),
    (
        "sort-o",
        "sort -r -o src/f12.txt src/f12.txt; tac src/f13.txt > t && mv t src/f13.txt",
    ),
    (
        "patch",
        "printf -- '--- a/src/f14.txt\\n+++ b/src/f14.txt\\n@@ -1,3 +1,3 @@\\n alpha 14\\n-beta\\n+patched\\n gamma\\n' > ../p; sed 's/.*/&/' src/f14.txt >/dev/null; printf 'alpha 14\\nbeta\\ngamma\\n' > src/f14.txt; patch -s -p1 < ../p",
    ),
    (
        "install",
        "install -m 755 src/main.rs src/installed; install -d -m 711 made/by/install",
    ),
    (
        "zip",
        "zip -q -r ../z.zip src; rm -rf src; unzip -q ../z.zip; echo z > src/zipped",
    ),
    (
        "touch-only-then-edit",
        "touch -d 2001-01-01 src/f15.txt; echo x >> src/f16.txt; touch -r src/f15.txt src/f16.txt",
    ),
    (
        "same-size-same-time",
        "t=$(stat -c %y src/f17.txt); sed -i y/al/la/ src/f17.txt; touch -d \"$t\" src/f17.txt",
    ),
    (
        "fill-and-empty",
        "for i in $(seq 1 50); do echo $i > tmp$i; rm tmp$i; done; echo left > tmp",
    ),
    ("everything-gone", "find . -mindepth 1 -delete"),
];

#[test]
fn what_shell_tools_do_is_recorded_and_taken_back() {
    let mut rig = Rig::new();
    rig.project.sh(PROJECT);
    rig.watch();
    // Every name, whatever its bytes, stands at the end of a page once.
    rig.page = 1;
    rig.assert_recorded("baseline");
    rig.page = 100;
    for (name, script) in ACTIONS {
        if *name == "zip" && !has(&rig.project, "zip") {
            continue;
        }
        rig.there_and_back(name, |project| {
            project.sh(script);
        });
    }
}

/// The kernel tells of the name that a file was opened by, and of no other. So what a write did under a second
/// name is not seen by a plain fence; a strict look sees it, and so does the regular walk.
#[test]
fn a_write_through_one_hard_link_is_seen_under_the_other_names_by_a_strict_look() {
    let rig = Rig::new();
    rig.project.sh(PROJECT);
    rig.project
        .sh("ln src/f1.txt src/a/f1-again; ln src/f1.txt notes/f1-too");
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    let before = rig.project.manifest();
    rig.project
        .sh("echo more >> src/a/f1-again; ln src/f2.txt notes/f2-too; echo through >> notes/f2-too; chmod 600 src/f2.txt");
    let after = rig.project.manifest();
    rig.ok(&["sync", "--strict"]);
    rig.assert_history_is(&after, "@", "after a strict look");
    rig.ok(&["rollback", "start"]);
    assert_same(&before, &rig.project.manifest(), "rolled back");
    rig.ok(&["undo"]);
    assert_same(&after, &rig.project.manifest(), "undone");
}

#[test]
fn vim_saves_by_every_means_it_has() {
    let rig = Rig::new();
    if !has(&rig.project, "vim") {
        return;
    }
    rig.project.sh(PROJECT);
    rig.watch();
    for setting in ["yes", "no", "auto"] {
        for (also, options) in [("", "set nobackup"), ("-keeping-backup", "set backup")] {
            rig.there_and_back(&format!("vim-{setting}{also}"), |project| {
                let set = format!("set backupcopy={setting} | {options}");
                let change = format!("%s/$/ {setting}{also}/");
                project.run(
                    "vim",
                    &[
                        "-es",
                        "-u",
                        "NONE",
                        "-i",
                        "NONE",
                        "-c",
                        &set,
                        "-c",
                        &change,
                        "-c",
                        "wq",
                        "notes/one.txt",
                    ],
                );
                assert!(
                    project.text("notes/one.txt").contains(setting),
                    "vim did not save"
                );
            });
        }
    }
    // A swap file while vim works, a link edited through, a file in a directory that is made for it.
    rig.there_and_back("vim-link-and-new", |project| {
        let edit = "edit notes/link | %s/quick/slow/ | write | !mkdir -p made\nedit made/new | put ='x' | wq";
        project.write("../edit.vim", edit);
        project.run("vim", &["-es", "-u", "NONE", "-i", "NONE", "-S", "../edit.vim"]);
        assert!(project.exists("made/new") && project.text("notes/one.txt").contains("slow"));
    });
}

#[test]
fn a_formatter_a_compiler_and_rsync_are_taken_back() {
    let rig = Rig::new();
    rig.project.sh(PROJECT);
    rig.watch();
    if let Some(rustfmt) = toolchain("rustfmt") {
        rig.there_and_back("rustfmt", |project| {
            project.run(&rustfmt.to_string_lossy(), &["src/main.rs"]);
        });
    }
    if let Some(rustc) = toolchain("rustc") {
        rig.there_and_back("rustc", |project| {
            let rustc = rustc.to_string_lossy();
            project.run(
                &rustc,
                &["-C", "save-temps", "--out-dir", "out", "src/main.rs"],
            );
        });
        rig.there_and_back("rustc-again", |project| {
            let rustc = rustc.to_string_lossy();
            project.sh("sed -i s/x=1/x=2/ src/main.rs; sed -i 's/x = 1/x = 2/' src/main.rs");
            project.run(&rustc, &["-g", "--out-dir", "out", "src/main.rs"]);
        });
    }
    if has(&rig.project, "rsync") {
        rig.there_and_back("rsync", |project| {
            project.sh("cp -a src ../from; echo changed > ../from/f1.txt; rm ../from/f2.txt; rsync -a --delete ../from/ src/");
        });
        rig.there_and_back("rsync-in-place", |project| {
            project.sh("echo again > ../from/f3.txt; rsync -a --inplace ../from/ src/");
        });
    }
    if has(&rig.project, "python3") {
        rig.there_and_back("mapped-write", |project| {
            let write = "import mmap\nf=open('src/f20.txt','r+b')\nm=mmap.mmap(f.fileno(),0)\nm[0:5]=b'MMAPP'\nm.flush()\nm.close()\nf.close()";
            project.run("python3", &["-c", write]);
        });
    }
}

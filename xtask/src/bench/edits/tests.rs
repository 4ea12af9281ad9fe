//! Edits are repeatable, small, and undone exactly.

use super::*;

fn tree(name: &str) -> (PathBuf, Vec<PathBuf>) {
    let dir = std::env::temp_dir().join(format!("aft-xtask-edits-{name}-{}", std::process::id()));
    let files: Vec<PathBuf> = (0..20)
        .map(|number| dir.join(format!("f{number}.rs")))
        .collect();
    for (number, file) in files.iter().enumerate() {
        shell::write(file, format!("one {number}\ntwo\nthree").as_bytes()).unwrap();
    }
    (dir, files)
}

#[test]
fn a_seed_gives_the_same_numbers() {
    let (mut a, mut b, mut c) = (Random::new("x"), Random::new("x"), Random::new("y"));
    let first: Vec<u64> = (0..5).map(|_| a.next()).collect();
    assert_eq!(first, (0..5).map(|_| b.next()).collect::<Vec<_>>());
    assert_ne!(first, (0..5).map(|_| c.next()).collect::<Vec<_>>());
    let items: Vec<usize> = (0..10).collect();
    let mut chosen = a.choose(&items, 10);
    chosen.sort();
    assert_eq!(chosen, items.iter().collect::<Vec<_>>());
}

#[test]
fn an_edit_adds_three_lines_and_loses_none() {
    let (dir, files) = tree("edit");
    let file = remember(&[&files[3]]).unwrap().remove(0);
    edit(&file, "t", &mut Random::new("x")).unwrap();
    let text = std::fs::read_to_string(&files[3]).unwrap();
    assert_eq!(text.matches("// edit t ").count(), 3);
    let kept: String = text
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("// edit"))
        .collect();
    assert_eq!(kept.as_bytes(), file.bytes);
    shell::remove_tree(&dir).unwrap();
}

#[test]
fn a_churn_knows_when_it_is_undone() {
    let (dir, files) = tree("churn");
    let churn = Churn::apply(&files, 10, "t", &mut Random::new("x")).unwrap();
    assert_eq!(churn.wrong(), 10 + 1 + 1);
    churn.undo().unwrap();
    assert_eq!(churn.wrong(), 0);
    shell::remove_tree(&dir).unwrap();
}

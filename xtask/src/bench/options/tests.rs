//! Options are parsed as the help says.

use super::*;

fn parse(text: &str) -> anyhow::Result<Options> {
    let arguments: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    Options::parse(&arguments)
}

#[test]
fn nothing_means_everything() {
    assert_eq!(parse("").unwrap(), Options::default());
}

#[test]
fn values_are_taken_and_mistakes_are_named() {
    let options = parse("--tree a --tree b --ns 5,6 --peers aft,git --runs 3 --write").unwrap();
    assert_eq!(options.trees, [PathBuf::from("a"), PathBuf::from("b")]);
    assert_eq!(options.counts, [5, 6]);
    assert_eq!(options.peers, ["aft", "git"]);
    assert!(options.write);
    for bad in [
        "--runs 0",
        "--runs",
        "--peers svn",
        "--frobnicate",
        "--ns 1,x",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

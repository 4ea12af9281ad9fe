//! Which names are secrets.

use super::*;

fn is_secret(path: &str) -> bool {
    SecretNames::default().is_secret(&RelPath::new(path).unwrap())
}

#[test]
fn keys_credentials_and_environment_files_are_secrets_wherever_they_lie() {
    for path in [
        ".env",
        ".env.local",
        ".ENV.Production",
        "deploy/prod.env",
        "a/b/server.pem",
        "tls/server.key",
        "id_rsa",
        "keys/id_ed25519",
        ".ssh/config",
        "home/.ssh/deep/er/known",
        ".aws/credentials",
        "x/.kube/config",
        ".docker/config.json",
        ".netrc",
        ".npmrc",
        ".pypirc",
        "vault.kdbx",
        "credentials",
        "credentials.json",
        "config/credentials.yml.enc",
        ".git-credentials",
        "infra/terraform.tfstate",
    ] {
        assert!(is_secret(path), "{path}");
    }
}

#[test]
fn what_only_looks_like_one_is_none() {
    for path in [
        "src/main.rs",
        ".env.example",
        ".env.local.sample",
        ".env.template",
        "prod.env.dist",
        "id_rsa.pub",
        "id_map.rs",
        "src/credentials.rs",
        "src/credentials_store.py",
        "keyboard.txt",
        "kube/config",
        ".docker/other.json",
        "config.json",
        ".environment.yml",
        "monkey",
        "",
    ] {
        assert!(!is_secret(path), "{path}");
    }
}

#[test]
fn a_directory_named_so_does_not_make_its_files_secrets() {
    assert!(!is_secret(".env/bin/python"), "a virtual environment");
    assert!(!is_secret("app.key/readme"));
}

#[test]
fn a_copy_that_an_editor_makes_beside_a_secret_is_one_too() {
    for path in [
        "server.key~",
        ".server.key.swp",
        "tls/.#server.key",
        "#server.key#",
        "server.key.bak",
        "server.pem.orig~",
        "server.key.tmp.8231",
        "server.key___jb_tmp___",
        ".netrc.swp",
        "..netrc.swp",
    ] {
        assert!(is_secret(path), "{path}");
    }
    for path in ["main.rs~", ".main.rs.swp", "~", ".swp", "#", ".#", ".tmp."] {
        assert!(!is_secret(path), "{path}");
    }
}

#[test]
fn names_are_added_and_the_last_that_fits_decides() {
    let added = ["*.token", "private/", "!demo.key", "!/private/readme.md"];
    let names = SecretNames::with(&added.map(str::to_owned)).unwrap();
    let is_secret = |path: &str| names.is_secret(&RelPath::new(path).unwrap());
    assert!(is_secret("a/x.token"));
    assert!(is_secret("deep/private/a/b"));
    assert!(is_secret(".env"), "what is built in still counts");
    assert!(!is_secret("i18n/demo.key"));
    assert!(is_secret("i18n/other.key"));
    assert!(!is_secret("private/readme.md"));
    assert!(!SecretNames::none().is_secret(&RelPath::new(".env").unwrap()));
}

#[test]
fn a_pattern_that_names_nothing_is_refused() {
    for text in ["", "!", "/", "a//b", "../x", "./x"] {
        let told = SecretNames::with(&[text.to_owned()]);
        assert_eq!(told, Err(SecretNameError(text.to_owned())), "{text:?}");
    }
}

#[test]
fn every_pattern_that_is_built_in_reads() {
    assert_eq!(
        SecretNames::default().patterns.len(),
        SecretNames::built_in().len()
    );
}

#[test]
fn a_star_finds_its_place_without_trying_every_one() {
    let name = vec![b'a'; 200_000];
    assert!(!wild(b"*a*a*a*a*b", &name));
    assert!(wild(b"*a*a*a*a*", &name));
    assert!(wild(b"a?c", b"abc") && !wild(b"a?c", b"ac"));
}

//! The environment decides, in the documented order.

use super::*;

fn paths(variables: &[(&str, &str)]) -> Result<Paths, PathsError> {
    Paths::from_lookup(|name| {
        variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| OsString::from(value))
    })
}

#[test]
fn each_place_follows_its_own_variable_then_xdg_then_home() {
    let home = paths(&[("HOME", "/h")]).unwrap();
    assert_eq!(home.home, Path::new("/h/.local/state/afterimage"));
    assert_eq!(
        home.runtime_dir,
        Path::new("/h/.local/state/afterimage/run")
    );
    assert_eq!(home.config, Path::new("/h/.config/afterimage/config.toml"));

    let xdg = paths(&[
        ("HOME", "/h"),
        ("XDG_STATE_HOME", "/s"),
        ("XDG_RUNTIME_DIR", "/r"),
        ("XDG_CONFIG_HOME", "/c"),
    ])
    .unwrap();
    assert_eq!(xdg.home, Path::new("/s/afterimage"));
    assert_eq!(xdg.runtime_dir, Path::new("/r/afterimage"));
    assert_eq!(xdg.config, Path::new("/c/afterimage/config.toml"));

    let own = paths(&[
        ("AFT_HOME", "/a"),
        ("XDG_STATE_HOME", "/s"),
        ("AFT_CONFIG", "/f.toml"),
    ])
    .unwrap();
    assert_eq!(
        own,
        Paths {
            home: "/a".into(),
            runtime_dir: "/a/run".into(),
            config: "/f.toml".into()
        }
    );
    assert_eq!(own.control_key(), Path::new("/a/control.key"));
}

#[test]
fn empty_is_unset_and_relative_is_refused() {
    assert_eq!(
        paths(&[("AFT_HOME", ""), ("HOME", "/h")]).unwrap().home,
        Path::new("/h/.local/state/afterimage")
    );
    assert_eq!(
        paths(&[("AFT_HOME", "x")]),
        Err(PathsError::Relative("AFT_HOME", "x".to_owned()))
    );
    assert_eq!(paths(&[]), Err(PathsError::NoHome("AFT_HOME")));
}

#[test]
fn a_socket_path_that_does_not_fit_names_the_variable() {
    let fits = format!("/{}", "d".repeat(107 - "/".len() - "/agent.sock".len()));
    let long = format!("{fits}d");
    let at = |dir: &str| {
        paths(&[("HOME", "/h"), ("AFT_RUNTIME_DIR", dir)])
            .unwrap()
            .socket(Role::Agent)
    };
    assert!(at(&fits).is_ok());
    assert!(
        at(&long)
            .unwrap_err()
            .to_string()
            .contains("AFT_RUNTIME_DIR")
    );
}

//! The lexer keeps lines and tells code, comments and literals apart.

use super::*;

fn code(source: &str) -> String {
    split(source)
        .code
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn comments_and_literals_are_blanked() {
    assert_eq!(code("a // x\nb /* y /* z */ w */ c"), "a b c");
    assert_eq!(code(r#"f("x \" y", 'z', '\'', b"q")"#), "f( , , , b )");
    assert_eq!(
        code(r##"f(r#"x " y"#, br"z") for r in s"##),
        "f( , b ) for r in s"
    );
}

#[test]
fn a_lifetime_is_code() {
    assert_eq!(code("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
    assert_eq!(code("let c = 'é'; d"), "let c = ; d");
}

#[test]
fn both_views_keep_every_line() {
    let source = "//! Doc\nfn f() {\n  \"two\n lines\"; // end\n}\n";
    let views = split(source);
    assert_eq!(views.code.lines().count(), source.lines().count());
    assert_eq!(views.comments.lines().count(), source.lines().count());
    assert!(views.comments.contains("// end"));
    assert!(!views.comments.contains("two"));
}

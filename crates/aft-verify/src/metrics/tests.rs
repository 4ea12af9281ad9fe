//! Counted by hand, and held against the walk.

use std::fmt::Write as _;

use super::*;

/// A line for each function: name, line, complexity, nesting, lines.
fn functions(path: &str, source: &str) -> String {
    let file = measure(path, source.as_bytes(), &mut || true).unwrap();
    let mut text = String::new();
    for one in &file.functions {
        let FunctionMetrics {
            name,
            line,
            lines,
            complexity,
            nesting,
        } = one;
        writeln!(
            text,
            "{name} at {line}: {complexity}, {nesting} deep, {lines} long"
        )
        .unwrap();
    }
    text
}

fn check(path: &str, source: &str, expected: &str) {
    let trim = |text: &str| {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.join("\n").trim().to_owned()
    };
    assert_eq!(trim(&functions(path, source)), trim(expected));
}

#[test]
fn rust_counts_branches_arms_guards_and_operators() {
    let source = r#"
fn plain() -> u32 { 1 }

struct Shape;
impl Shape {
    // if && || in a comment are nothing
    fn area(&self, a: bool, b: bool) -> u32 {
        if a && b || a {                        // +1 +2
            for i in 0..3 {                     // +1
                while i > 2 { return 1; }       // +1
            }
        } else if b {                           // +1
            return 2;
        }
        match 3 {                               // 4 arms: +3
            0 => 1,
            1 | 2 => 2,
            n if n > 3 => 3,                    // +1
            _ => 4,
        }
    }
}
fn question(a: Option<u32>) -> Option<u32> {
    let Some(b) = a else { return None };       // +1
    let c = a?;
    loop { break; }
    assert!(b == c && true);
    [1].iter().map(|x| if *x > 1 { 1 } else { 2 }).next()  // +1
}
"#;
    check(
        "src/lib.rs",
        source,
        "plain at 2: 1, 0 deep, 1 long
         Shape::area at 7: 11, 3 deep, 15 long
         question at 23: 3, 1 deep, 7 long",
    );
    let file = measure("lib.rs", source.as_bytes(), &mut || true).unwrap();
    let flagged: Vec<&str> = file
        .functions
        .iter()
        .filter(|one| one.is_flagged())
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(flagged, ["Shape::area"]);
}

#[test]
fn python_counts_handlers_comprehensions_and_cases() {
    check(
        "a.py",
        r#"
class Shape:
    def area(self, a, b):
        if a and b or a:            # +1 +2
            return 1
        elif b:                     # +1
            return 2
        else:
            for i in a:             # +1
                try:
                    pass
                except ValueError:  # +1
                    pass
                finally:
                    pass
        return [x for x in a if x]  # +1 +1

def cases(a):
    match a:
        case 1:                     # +1
            return 1 if a else 2    # +1
        case [x] if x:              # +1 +1
            return 2
        case _:
            return 3
    def inner():
        while a:                    # +1
            pass
"#,
        "Shape.area at 3: 9, 3 deep, 14 long
         cases at 18: 5, 1 deep, 11 long
         inner at 26: 2, 1 deep, 3 long",
    );
}

#[test]
fn typescript_and_javascript_name_functions_by_what_they_are_given_to() {
    let source = r#"
class Shape {
  area(a, b) {
    if (a && b || a) { return 1; }              // +1 +2
    else if (b ?? a) { return 2; }              // +1 +1
    for (const x of a) { for (;;) { if (x) break; } }   // +1 +1 +1
    switch (a) { case 1: return 1; case 2: return 2; default: return 3; }   // +2
  }
}
const arrow = (a) => a ? 1 : 2;                 // +1
const table = { key: function () { try { go(); } catch (e) { } } };  // +1
function outer(list) {
  return list.map((x) => { while (x) { x--; } do { x++; } while (x < 3); return x; });   // +1 +1
}
describe('x', () => { if (a) b(); });
"#;
    let expected = "Shape.area at 3: 11, 3 deep, 6 long
         arrow at 10: 2, 0 deep, 1 long
         key at 11: 2, 1 deep, 1 long
         outer at 12: 3, 1 deep, 3 long
         (unnamed) at 15: 2, 1 deep, 1 long";
    check("a.js", source, expected);
    check("a.ts", source, expected);
    check(
        "a.ts",
        "export function typed<T>(a: T | null): a is T { return <boolean>(a !== null && true); }",
        "typed at 1: 2, 0 deep, 1 long",
    );
    check(
        "a.tsx",
        "export const View = ({ on }: { on: boolean }) => <div>{on && <b>yes</b>}</div>;",
        "View at 1: 2, 0 deep, 1 long",
    );
}

#[test]
fn go_names_methods_by_their_receiver() {
    check(
        "a.go",
        r#"package a
func (s *Shape[T]) Area(a, b bool) int {
	if a && b || a {            // +1 +2
		return 1
	} else if b {               // +1
		return 2
	}
	for i := range s.x {        // +1
		switch i {
		case 1, 2:              // +1
			return 3
		case 4:                 // +1
			return 5
		default:
			return 6
		}
	}
	select {
	case <-s.c:                 // +1
	default:
	}
	return 0
}
func Outer() func() { return func() { if true { } } }   // +1
"#,
        "Shape.Area at 2: 9, 2 deep, 22 long
         Outer at 24: 2, 1 deep, 1 long",
    );
}

#[test]
fn c_finds_the_name_below_its_declarators() {
    check(
        "a.c",
        r#"#include <stdio.h>
static const char *name(int a, int b)
{
	if (a && (b || a))          /* +1 +2 */
		return "x";
	else if (b)                 /* +1 */
		return "y";
	for (int i = 0; i < a; i++) /* +1 */
		while (b) b--;          /* +1 */
	do { a--; } while (a);      /* +1 */
	switch (a) {
	case 1: return "1";         /* +1 */
	case 2: return "2";         /* +1 */
	default: break;
	}
	return a ? "a" : "b";       /* +1 */
}
"#,
        "name at 2: 11, 2 deep, 16 long",
    );
}

#[test]
fn what_is_harder_to_read_is_less_maintainable() {
    let index = |source: &str| {
        let file = measure("a.rs", source.as_bytes(), &mut || true).unwrap();
        file.maintainability
    };
    let short = index("fn a() -> u32 { 1 }\n");
    let long: String = (0..100)
        .map(|n| format!("    if x == {n} && y{n} > {n} {{ z += {n}; }}\n"))
        .collect();
    let long = index(&format!("fn a() {{\n{long}}}\n"));
    assert!(short > 70.0, "{short}");
    assert!(long < 20.0, "{long}");
    assert!((0.0..=100.0).contains(&index("")));
}

#[test]
fn real_files_are_measured_whole() {
    // This crate's own, which a person can look at.
    let file = measure("walk.rs", include_bytes!("walk.rs"), &mut || true).unwrap();
    let named = |name: &str| file.functions.iter().find(|one| one.name == name).unwrap();
    assert_eq!(named("Walker::given_name").complexity, 1);
    assert_eq!(named("walk").complexity, 7);
    assert_eq!(named("walk").nesting, 3);
    assert!(file.functions.len() >= 20, "{}", file.functions.len());
    assert!(file.code_lines > 250, "{}", file.code_lines);
    assert!(file.functions.iter().all(|one| !one.is_flagged()));
}

#[test]
fn names_tell_the_language() {
    assert_eq!(Language::of("src/a.rs"), Some(Language::Rust));
    assert_eq!(Language::of("a.test.mjs"), Some(Language::JavaScript));
    assert_eq!(Language::of("a.d.ts"), Some(Language::TypeScript));
    for other in ["rs", ".rs", "src/.py", "Makefile", "a.rb", "a."] {
        assert_eq!(Language::of(other), None, "{other}");
    }
    let stop = measure("a.txt", b"", &mut || true);
    assert_eq!(stop.unwrap_err(), Unmeasured::Language);
}

#[test]
fn measuring_has_an_end() {
    let large = vec![b'x'; SOURCE_MAX + 1];
    let said = measure("a.rs", &large, &mut || true);
    assert_eq!(said.unwrap_err(), Unmeasured::TooLarge);
    let source = "fn a() { if b { c } }\n".repeat(20_000);
    let said = measure("a.rs", source.as_bytes(), &mut || false);
    assert_eq!(said.unwrap_err(), Unmeasured::Stopped);
    // Stopped late, too: within the walk.
    let mut asked = 0_usize;
    let mut after = |max: usize| {
        let mut left = max;
        let said = measure("a.rs", source.as_bytes(), &mut || {
            asked += 1;
            left = left.saturating_sub(1);
            left > 0
        });
        (said.is_ok(), std::mem::take(&mut asked))
    };
    let (whole, questions) = after(usize::MAX);
    assert!(whole);
    assert_eq!(after(questions - 1), (false, questions - 1));
}

#[test]
fn hostile_source_ends_at_the_parsers_limit_or_is_measured() {
    let deep = |open: &str| open.repeat(30_000);
    for (path, source) in [
        ("a.rs", deep("(")),
        ("a.rs", deep("fn a() {")),
        ("a.rs", deep("<")),
        ("a.py", deep("[")),
        ("a.py", deep("if a:\n ")),
        ("a.js", deep("`${")),
        ("a.ts", deep("<")),
        ("a.tsx", deep("<a>")),
        ("a.go", deep("a{")),
        ("a.c", deep("(a)")),
        ("a.c", deep("*")),
        ("a.c", deep("#if 1\n")),
    ] {
        let source = source.get(..SOURCE_MAX.min(source.len())).unwrap();
        match measure(path, source.as_bytes(), &mut || true) {
            Ok(_) | Err(Unmeasured::TooHard) => {}
            Err(other) => panic!("{path}: {other}"),
        }
    }
}

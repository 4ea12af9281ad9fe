//! What Rust's tools print: cargo, libtest, nextest.

use super::{Format, check, fixture};

#[test]
fn cargo_says_what_does_not_compile_and_what_the_tests_say_after_it() {
    check(
        &Format::Cargo,
        fixture!("cargo-broken.txt"),
        "",
        "0 passed, 0 failed, 0 skipped
         error src/lib.rs:5 cannot find value `c` in this scope",
    );
    check(
        &Format::Cargo,
        fixture!("cargo-test.txt"),
        "",
        "4 passed, 2 failed, 1 skipped
         failed tests::fails | some words
         failed outer_fails | Error: \"no\"
         warning src/lib.rs:5 unused variable: `unused`
         warning src/lib.rs:5 unused variable: `unused`",
    );
}

#[test]
fn what_a_test_prints_of_another_build_is_no_compile_error_of_this_one() {
    let broken = fixture!("cargo-broken.txt");
    let inner = format!(
        "{}\nrunning 1 test\n{broken}test it ... ok\n\ntest result: ok. 1 passed; 0 failed\n",
        r#"{"reason":"build-finished","success":true}"#
    );
    check(&Format::Cargo, &inner, "", "1 passed, 0 failed, 0 skipped");
}

#[test]
fn libtest_is_read_as_text_for_people_short_text_and_json() {
    let usual = "4 passed, 2 failed, 1 skipped
         failed tests::fails | some words
         failed outer_fails | Error: \"no\"";
    check(&Format::Libtest, fixture!("libtest.txt"), "", usual);
    check(
        &Format::Libtest,
        fixture!("libtest-q.txt"),
        "",
        &usual.replace("1 skipped", "0 skipped"),
    );
    check(
        &Format::Libtest,
        fixture!("libtest.jsonl"),
        "",
        &usual.replace("4 passed", "3 passed"),
    );
    check(
        &Format::Libtest,
        fixture!("libtest-nocapture.txt"),
        "",
        "2 passed, 1 failed, 1 skipped
         failed tests::fails |",
    );
}

#[test]
fn libtest_without_a_test_shows_what_the_compiler_said() {
    check(
        &Format::Libtest,
        "",
        fixture!("libtest-broken.err"),
        "0 passed, 0 failed, 0 skipped
         error src/lib.rs:5 cannot find value `c` in this scope",
    );
    let only_printed = "error: test failed\nerror: something else\n";
    check(
        &Format::Libtest,
        "",
        only_printed,
        "no libtest report was found",
    );
}

#[test]
fn a_harness_that_dies_leaves_a_report_that_is_not_whole() {
    let died = "running 3 tests\ntest one ... ok\ntest two ... ";
    check(
        &Format::Libtest,
        died,
        "",
        "1 passed, 1 failed, 0 skipped
         failed two |
         cut",
    );
}

#[test]
fn benchmarks_of_libtest_are_timings() {
    let text = "running 1 test\ntest adds ... bench:       1,234.50 ns/iter (+/- 100)\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 1 measured; 0 filtered out\n";
    check(
        &Format::Libtest,
        text,
        "",
        "1 passed, 0 failed, 0 skipped
         timing adds 1.234e-6 5.000e-8 50",
    );
}

#[test]
fn nextest_is_read_as_text_as_json_and_as_xml() {
    check(
        &Format::Nextest,
        "",
        fixture!("nextest.txt"),
        "3 passed, 2 failed, 0 skipped
         failed sample tests::fails |
         failed sample::outer outer_fails |",
    );
    check(
        &Format::Nextest,
        "",
        fixture!("nextest-retry.txt"),
        "3 passed, 2 failed, 0 skipped
         failed sample tests::fails |
         failed sample::outer outer_fails |",
    );
    check(
        &Format::Nextest,
        fixture!("nextest.jsonl"),
        "",
        "3 passed, 2 failed, 1 skipped
         failed sample::outer$outer_fails | Error: \"no\"
         failed sample::sample$tests::fails | some words",
    );
    check(
        &Format::Nextest,
        fixture!("nextest.xml"),
        "",
        "3 passed, 2 failed, 0 skipped
         failed sample::tests::fails | thread 'tests::fails' (29691) panicked at src/lib.rs:10:50
         failed sample::outer::outer_fails | Error: \"no\"",
    );
    check(
        &Format::Nextest,
        "",
        fixture!("libtest-broken.err"),
        "0 passed, 0 failed, 0 skipped
         error src/lib.rs:5 cannot find value `c` in this scope",
    );
}

#[test]
fn a_test_that_passes_at_its_second_try_has_passed_for_nextest() {
    let text = "  TRY 1 FAIL [   0.152s] (───) sample flaky\n  TRY 2 PASS [   0.010s] (1/1) sample flaky\n────────────\n     Summary [   0.2s] 1 test run: 1 passed (1 flaky), 0 skipped\n   FLAKY 2/2 [   0.010s] (1/1) sample flaky\n";
    check(&Format::Nextest, "", text, "1 passed, 0 failed, 0 skipped");
}

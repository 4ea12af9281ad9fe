//! JUnit XML, as pytest, nextest, Maven, Gradle, jest and node write it.
//!
//! Does: read test cases at any depth of suites, up to a depth and a number.
//! Does not: expand entities, read a document type, believe the totals that suites state.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::read::Unreadable;
use crate::report::{CaseOutcome, MESSAGE_MAX, Report};

/// How deep elements may stand in each other.
const DEPTH_MAX: usize = 64;
const FORMAT: &str = "JUnit";

/// Reads a document.
pub(super) fn read(text: &str) -> Result<Report, Unreadable> {
    let text = text.trim_start();
    let begins = text.starts_with("<?xml") || text.starts_with("<testsuite");
    if !begins {
        return Err(Unreadable::Missing(FORMAT));
    }
    let mut reader = Reader::from_str(text);
    let mut document = Document::default();
    loop {
        match reader.read_event() {
            Err(error) => return Err(malformed(error)),
            Ok(Event::Eof) => break,
            Ok(Event::DocType(_)) => return Err(malformed("it declares a document type")),
            Ok(Event::Start(element)) => {
                document.depth += 1;
                if document.depth > DEPTH_MAX {
                    return Err(malformed("its elements stand too deep in each other"));
                }
                document.open(&element)?;
            }
            Ok(Event::Empty(element)) => {
                document.open(&element)?;
                document.close(element.local_name().as_ref());
            }
            Ok(Event::End(element)) => {
                document.depth = document.depth.saturating_sub(1);
                document.close(element.local_name().as_ref());
            }
            Ok(Event::Text(said)) => document.text(&said.xml10_content()),
            Ok(Event::CData(said)) => document.text(&said.xml10_content()),
            Ok(Event::GeneralRef(name)) => document.text(replaced(&name.into_inner())),
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_)) => {}
        }
    }
    match document {
        Document { depth: 1.., .. } => Err(malformed("it ends in the middle")),
        Document { any: false, .. } => Err(Unreadable::Missing(FORMAT)),
        Document { report, .. } => Ok(report),
    }
}

fn malformed(why: impl ToString) -> Unreadable {
    Unreadable::Malformed {
        format: FORMAT,
        why: why.to_string(),
    }
}

/// What an entity that XML itself defines stands for. Others stand for nothing.
fn replaced(name: &str) -> &'static str {
    match name {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "apos" => "'",
        "#10" => "\n",
        _ => " ",
    }
}

/// What has been read so far.
#[derive(Default)]
struct Document {
    report: Report,
    any: bool,
    depth: usize,
    suites: Vec<String>,
    case: Option<OpenCase>,
}

/// The test case that is being read.
struct OpenCase {
    name: String,
    seconds: Option<f64>,
    outcome: CaseOutcome,
    message: String,
    /// Whether text belongs to its failure.
    in_failure: bool,
}

/// The attributes that are looked at.
#[derive(Default)]
struct Attributes {
    name: String,
    class: String,
    message: String,
    time: String,
    status: String,
}

impl Attributes {
    /// Without the reader's own check for repeated names, which costs the square of their number.
    fn of(element: &BytesStart<'_>) -> Result<Self, Unreadable> {
        let mut found = Self::default();
        for attribute in element.attributes().with_checks(false) {
            let attribute = attribute.map_err(malformed)?;
            let place = match attribute.key.local_name().as_ref() {
                "name" => &mut found.name,
                "classname" => &mut found.class,
                "message" => &mut found.message,
                "time" => &mut found.time,
                "status" => &mut found.status,
                _ => continue,
            };
            *place = attribute
                .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                .map_err(malformed)?
                .into_owned();
        }
        Ok(found)
    }
}

impl Document {
    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), Unreadable> {
        match element.local_name().as_ref() {
            "testsuites" => self.any = true,
            "testsuite" => {
                self.any = true;
                self.suites.push(Attributes::of(element)?.name);
            }
            "testcase" => self.case = Some(self.opened(&Attributes::of(element)?)),
            kind @ ("failure" | "error") => self.failed(kind, &Attributes::of(element)?.message),
            "skipped" | "disabled" => {
                if let Some(case) = &mut self.case {
                    case.outcome = CaseOutcome::Skipped;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn opened(&self, attributes: &Attributes) -> OpenCase {
        // Some name no class, node names every one the same; the suites tell then what the test is in.
        let within = match attributes.class.as_str() {
            "" | "test" => self.suites.join("::"),
            class => class.to_owned(),
        };
        let name = match attributes.name.as_str() {
            name if within.is_empty() || name.starts_with(within.as_str()) => name.to_owned(),
            name => format!("{within}::{name}"),
        };
        let outcome = match attributes.status.as_str() {
            "notrun" | "disabled" | "skipped" => CaseOutcome::Skipped,
            _ => CaseOutcome::Passed,
        };
        OpenCase {
            name,
            seconds: attributes.time.replace(',', "").parse().ok(),
            outcome,
            message: String::new(),
            in_failure: false,
        }
    }

    /// A failure or an error. One that is to be done, or skipped, says so in another element, and that counts.
    fn failed(&mut self, kind: &str, message: &str) {
        let Some(case) = &mut self.case else { return };
        if case.outcome == CaseOutcome::Passed {
            case.outcome = CaseOutcome::Failed;
        }
        case.in_failure = true;
        case.message.push_str(message);
        case.message.push('\n');
        // In pytest's words: the module could not even be loaded.
        if kind == "error" && message == "collection failure" {
            let module = case.name.rsplit("::").next();
            self.report.diagnostic(module, None, message, true);
        }
    }

    fn text(&mut self, said: &str) {
        if let Some(case) = &mut self.case
            && case.in_failure
            && case.message.len() < MESSAGE_MAX
        {
            case.message.push_str(said);
        }
    }

    fn close(&mut self, element: &str) {
        match element {
            "testsuite" => {
                self.suites.pop();
            }
            "failure" | "error" => {
                if let Some(case) = &mut self.case {
                    case.in_failure = false;
                }
            }
            "testcase" => {
                if let Some(case) = self.case.take() {
                    let message = Some(case.message.as_str());
                    self.report
                        .case_with(&case.name, case.outcome, message, case.seconds);
                }
            }
            _ => {}
        }
    }
}

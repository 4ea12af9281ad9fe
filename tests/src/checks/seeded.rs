//! Stories of agents and people by seeds, over real daemons and real checks: no rule goes back where it should not, and none stays
//! where it should go.
//!
//! Does: play so many stories, a few of them at every change and `AFT_STORIES=200` in full; `AFT_STORY=17` plays one alone. Count ways back
//! that were wrong or missed. The checks are a shell's: they read the tree and print what test runners print.
//! Does not: know how the product decides.

use super::agent::Rig;
use super::stories::{Event, Kind, Story};

/// Played at every change: each kind once.
const FEW: u64 = 12;

/// What a story came to.
#[derive(Default)]
struct Tally {
    turns: usize,
    ways_back: usize,
    wrong: Vec<String>,
    missed: Vec<String>,
}

impl Tally {
    fn play(&mut self, seed: u64) {
        let mut story = Story::new(seed);
        println!("story {seed}: {:?} read as {}", story.kind, story.form());
        let rig = Rig::new(&story.config(), &[("README", "x\n")]);
        rig.turn(&story.good());
        for event in story.events() {
            self.turns += 1;
            let files = story.files(&event);
            let before = rig.json(&["sync"])["head"].as_u64();
            if event == Event::PersonMeanwhile {
                story.meanwhile(&rig, &files);
            } else {
                rig.turn(&files);
            }
            let newest = rig.newest();
            let is_new = newest["operation"].as_u64() > before;
            let went = is_new && rig.went_back();
            self.ways_back += usize::from(went);
            let told = format!("story {seed}, {event:?}: {newest:#}");
            match (story.goes_back(&event), went) {
                (true, false) => self.missed.push(told),
                (false, true) => self.wrong.push(told),
                (goes, _) => {
                    let expected = if goes { story.good() } else { files.clone() };
                    for (path, text) in expected {
                        let is_persons = event == Event::PersonMeanwhile && path == "cases";
                        assert!(
                            is_persons || rig.project.text(path) == text,
                            "{told}\n{path}"
                        );
                    }
                }
            }
            story.happened(&event, went);
        }
    }
}

#[test]
fn no_story_has_a_way_back_too_many_or_too_few() {
    let number = |name: &str| -> Option<u64> { std::env::var(name).ok()?.parse().ok() };
    let stories: Vec<u64> = match number("AFT_STORY") {
        Some(one) => vec![one],
        None => (0..number("AFT_STORIES").unwrap_or(FEW)).collect(),
    };
    let mut tally = Tally::default();
    for seed in &stories {
        tally.play(*seed);
    }
    println!(
        "{} stories, {} turns, {} ways back, {} wrong, {} missed",
        stories.len(),
        tally.turns,
        tally.ways_back,
        tally.wrong.len(),
        tally.missed.len()
    );
    assert!(tally.wrong.is_empty(), "wrong: {:#?}", tally.wrong);
    assert!(tally.missed.is_empty(), "missed: {:#?}", tally.missed);
    let all = stories.len() as u64 >= FEW;
    assert!(
        !all || tally.ways_back >= Kind::ALL.len() / 2,
        "nothing went back"
    );
}

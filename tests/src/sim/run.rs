//! One run: whose turn it is, what goes wrong when, and how it comes to rest at the end.

mod plant;
mod tally;

use std::collections::BTreeMap;
use std::sync::Arc;

use aft_daemon::config::Config;
use aft_daemon::workspace::{Ground, Load, Stepped};
use aft_os::{SignalSink, Watch};
use aft_testkit::SimWorld;
use aft_testkit::sim::{Rng, SimWatch};

use super::Violation;
use super::history::History;
use super::options::RunOptions;
use super::requests::{Answers, Asked};
use super::user::{self, Users};
pub(crate) use tally::Tally;

/// How often everything may take a turn before it has to be at rest.
const REST_TURNS: usize = 3000;

const FIXTURE: &str = "\
//- /.git/info/exclude
target/
*.log
//- /a
one
//- /d/c.txt
two
//- /d/deep/e
three
//- /target/out
built
//- /x.log
logged
";

/// What happened, step by step.
#[derive(Default)]
pub(super) struct Log {
    pub(super) text: Vec<String>,
}

impl Log {
    pub(super) fn say(&mut self, line: impl Into<String>) {
        self.text.push(line.into());
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        *blake3::hash(self.text.join("\n").as_bytes()).as_bytes()
    }
}

/// One run.
pub(super) struct Run {
    pub(super) options: RunOptions,
    pub(super) world: SimWorld,
    pub(super) rng: Rng,
    pub(super) users: Users,
    pub(super) log: Log,
    pub(super) tally: Tally,
    pub(super) history: History,
    pub(super) answers: Answers,
    pub(super) asked: BTreeMap<u64, Asked>,
    pub(super) n_requests: u64,
    /// Checkpoints that were promised, with the operation each names.
    pub(super) checkpoints: BTreeMap<String, u64>,
    pub(super) workspace: Option<Stepped>,
    pub(super) watch: Option<SimWatch>,
    /// How many actions were done before the errand that made this operation's intent.
    pub(super) applied_at: BTreeMap<u64, usize>,
    /// The newest operation before the last errand, and how many actions were done by then.
    pub(super) last_errand: (u64, usize),
    /// Intents that the last start found open.
    pub(super) found_intents: Vec<aft_store::Intent>,
    /// A call of the store was made to fail in this life of the process.
    pub(super) faulted: bool,
    /// An errand was cut short after it had changed something.
    pub(super) half_done: bool,
    /// The last errand did not come to its end, or what became of its intent is not known.
    pub(super) is_cut: bool,
}

impl Run {
    pub(super) fn new(options: RunOptions) -> Self {
        let world = SimWorld::new(options.world.clone());
        let rng = world.rng();
        Self {
            options,
            world,
            rng,
            users: Users::default(),
            log: Log::default(),
            tally: Tally::default(),
            history: History::default(),
            answers: Answers::default(),
            asked: BTreeMap::new(),
            n_requests: 0,
            checkpoints: BTreeMap::new(),
            workspace: None,
            watch: None,
            applied_at: BTreeMap::new(),
            last_errand: (0, 0),
            found_intents: Vec::new(),
            faulted: false,
            half_done: false,
            is_cut: false,
        }
    }

    /// The whole run.
    pub(super) fn go(&mut self) -> Result<(), Violation> {
        self.world
            .root
            .user_fixture(FIXTURE)
            .map_err(Violation::of)?;
        // The rules stand from the beginning: a power cut must not take them away.
        self.world.sync_all();
        for _ in 0..self.rng.below(10) {
            self.act();
        }
        if self.rng.chance(500) {
            self.world.sync_all();
        }
        self.world.clock.advance_ms(self.rng.below(3000));
        self.open()?;
        for _ in 0..self.options.steps {
            self.step()?;
        }
        self.rest()?;
        self.final_look()
    }

    /// Opens store and workspace as the daemon does.
    pub(super) fn open_once(&mut self) -> Result<Stepped, String> {
        let options = self.store_options();
        let store = aft_store::open(Arc::new(self.world.store.clone()), &options)
            .map_err(|error| format!("{error}: {:?}", error))?;
        self.log.say(format!(
            "open: next {}, unclean {}, intents {:?}",
            store.recovery.next_operation,
            store.recovery.unclean,
            store
                .recovery
                .open_intents
                .iter()
                .map(|intent| intent.operation.id.0)
                .collect::<Vec<_>>()
        ));
        self.found_intents.clone_from(&store.recovery.open_intents);
        let world = self.world.clone();
        let mut watcher = None;
        let mut watch = |sink: Arc<dyn SignalSink>| {
            let made = world.watch(sink);
            watcher = Some(made.clone());
            Arc::new(made) as Arc<dyn Watch>
        };
        let ground = Ground {
            root: Arc::new(self.world.root.clone()),
            writable: Arc::new(self.world.root.clone()),
            watch: &mut watch,
            store,
            clock: Arc::new(self.world.clock.clone()),
            config: Config::default(),
            notes: Arc::new(self.world.store.clone()),
            boot: format!("boot {}", self.tally.crashes),
        };
        let opened = Stepped::open(ground).map_err(|error| format!("{error}: {error:?}"));
        self.watch = watcher;
        opened
    }

    /// Small segments, so that a run meets several.
    pub(super) fn store_options(&self) -> aft_store::Options {
        let mut seed = [7; 32];
        let own = self.world.options.seed.to_le_bytes();
        seed.iter_mut().zip(own).for_each(|(to, from)| *to = from);
        aft_store::Options {
            segment_max: 64 * 1024,
            seed: Some(seed),
            ..aft_store::Options::default()
        }
    }

    fn step(&mut self) -> Result<(), Violation> {
        self.tally.steps += 1;
        let RunOptions {
            user,
            requests,
            signals,
            ..
        } = self.options;
        let draw = self.rng.below(100 + user + requests + signals);
        if draw < user {
            self.act();
        } else if draw < user + requests {
            self.ask();
        } else if draw < user + requests + signals {
            self.deliver();
        } else {
            self.work()?;
        }
        self.trouble()?;
        self.read_news();
        self.judge_answers()
    }

    fn work(&mut self) -> Result<(), Violation> {
        match self.rng.below(100) {
            0..36 => self.turn("actor", |workspace| {
                workspace.actor();
                true
            }),
            36..52 => self.look(),
            52..66 => self.errand()?,
            66..82 => self.turn("writer", Stepped::writer),
            82..86 => self.turn("writer idle", |workspace| {
                workspace.writer_idle();
                true
            }),
            86..89 => self.errand_idle()?,
            _ => self.wait(),
        }
        Ok(())
    }

    fn turn(&mut self, who: &str, turn: impl FnOnce(&mut Stepped) -> bool) {
        if let Some(workspace) = &mut self.workspace {
            let before = workspace.load();
            if turn(workspace) {
                let line = format!("{who}: {} -> {}", load(before), load(workspace.load()));
                self.log.say(line);
            }
        }
    }

    fn look(&mut self) {
        if self
            .workspace
            .as_ref()
            .is_some_and(|workspace| workspace.load().looks > 0)
        {
            self.plant_actions();
            self.turn("look", Stepped::look);
        }
    }

    fn wait(&mut self) {
        let ns = match self.rng.below(6) {
            0 => self.rng.below(100_000),
            1 => 1_000_000,
            2 => 5_000_000,
            3 => 21_000_000,
            4 => 60_000_000,
            _ => self.rng.below(1_500_000_000),
        };
        self.world.clock.advance_ns(ns);
        self.log.say(format!("wait {ns}"));
    }

    fn deliver(&mut self) {
        if let Some(watch) = &self.watch {
            let count = if self.rng.chance(500) {
                usize::MAX
            } else {
                1 + self.rng.index(4)
            };
            let taken = watch.deliver(count);
            self.log.say(format!("deliver {taken}"));
        }
    }

    pub(super) fn act(&mut self) {
        let action = if self.options.rules && self.rng.chance(60) {
            user::draw_rules(&self.world, &mut self.rng)
        } else {
            user::draw(&self.world, &self.users, &mut self.rng)
        };
        self.users.act(&self.world.root, &action);
        self.tally.actions += 1;
        self.read_news();
    }

    pub(super) fn read_news(&mut self) {
        let news = std::mem::take(&mut self.users.0.lock().news);
        news.into_iter().for_each(|line| self.log.say(line));
    }

    /// Everything takes its turn until nothing is left to do.
    pub(super) fn rest(&mut self) -> Result<(), Violation> {
        self.log.say("rest");
        self.world.faults.heal();
        for _ in 0..REST_TURNS {
            // An action that was planted for some call may still open a file.
            self.users.let_go();
            if let Some(watch) = &self.watch {
                watch.deliver_all();
            }
            self.turn("actor", |workspace| {
                workspace.actor();
                true
            });
            self.turn("look", Stepped::look);
            self.errand_uncut()?;
            self.turn("writer", Stepped::writer);
            self.turn("writer idle", |workspace| {
                workspace.writer_idle();
                true
            });
            self.errand_idle()?;
            self.read_news();
            self.judge_answers()?;
            let Some(workspace) = &self.workspace else {
                return Ok(());
            };
            if workspace.is_idle() && self.watch.as_ref().is_none_or(|watch| watch.pending() == 0) {
                return self.at_rest();
            }
            if workspace.load() == Load::default() {
                self.world
                    .clock
                    .advance_ns(workspace.patience_ns().min(300_000_000));
            }
        }
        let why = self.workspace.as_ref().map(|workspace| {
            (
                workspace.load(),
                workspace.held(),
                workspace.tree().n_entries(),
            )
        });
        Err(Violation(format!(
            "liveness: it never comes to rest: {why:?}"
        )))
    }

    fn at_rest(&mut self) -> Result<(), Violation> {
        if let Some(id) = self.asked.keys().next() {
            return Err(Violation(format!(
                "liveness: request {id} was never answered"
            )));
        }
        Ok(())
    }
}

fn load(load: Load) -> String {
    let Load {
        inbox,
        looks,
        errands,
        orders,
    } = load;
    format!("{inbox}/{looks}/{errands}/{orders}")
}

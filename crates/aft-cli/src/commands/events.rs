//! `aft events`.

#[cfg(test)]
mod tests;

use std::io::Write;

use aft_rpc::types::event::{
    Event, EventName, EventsSubscribeParams, EventsSubscribeResult, EventsUnsubscribeParams,
};
use aft_rpc::{ExitKind, client::ClientError};
use clap::Args;
use serde_json::value::RawValue;

use crate::context::{Context, read};
use crate::failure::{Failure, Outcome};
use crate::render::text::shown;
use crate::render::time::Now;

/// Print events, one a line
///
/// Without --follow: what the daemon still holds. With it: also what happens from now on, until Ctrl-C.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft events --follow --json\n  aft events --follow --event snapshot:rollback --all\n\nExit codes: 0 done, 1 the daemon ended or the reader was too slow"
)]
pub(crate) struct EventsArgs {
    /// Go on with what happens
    #[arg(long, short = 'f')]
    follow: bool,
    /// Of every workspace
    #[arg(long)]
    all: bool,
    /// Only this event; may be given several times
    #[arg(long = "event", value_name = "NAME", value_parser = name)]
    events: Vec<EventName>,
    /// Only what came after this clock
    #[arg(long, value_name = "CLOCK")]
    after: Option<String>,
}

/// The event of that name.
fn name(text: &str) -> Result<EventName, String> {
    let text = serde_json::Value::String(text.to_owned());
    serde_json::from_value(text).map_err(|error| error.to_string())
}

pub(crate) fn run(args: &EventsArgs, context: &mut Context) -> Outcome {
    let workspace = if args.all {
        None
    } else {
        Some(context.workspace()?)
    };
    let events = if args.events.is_empty() {
        None
    } else {
        Some(args.events.clone())
    };
    // Without a clock only new events are sent; an unknown one brings everything that is held.
    let after = args
        .after
        .clone()
        .or_else(|| (!args.follow).then(String::new));
    let subscribed: EventsSubscribeResult = context.call(&EventsSubscribeParams {
        workspace,
        events,
        after,
    })?;
    if args.follow {
        return follow(context);
    }
    // The answer to this call comes after every event that was held.
    context.call_raw(&EventsUnsubscribeParams {
        subscription: subscribed.subscription,
    })?;
    while let Some(raw) = context.client()?.take_event_raw() {
        print(&raw, context)?;
    }
    Ok(ExitKind::Done)
}

fn follow(context: &mut Context) -> Outcome {
    loop {
        let raw = context
            .client()?
            .next_event_raw()
            .map_err(|error| match error {
                ClientError::Closed => Failure::new(
                    ExitKind::Failed,
                    "the daemon ended; there are no more events",
                ),
                error => error.into(),
            })?;
        let is_dropped = print(&raw, context)?;
        context.out.flush()?;
        if is_dropped {
            return Err(Failure::new(
                ExitKind::Failed,
                "events were missed, because they were read too slowly",
            )
            .with_remedy("Give the command again."));
        }
    }
}

/// Prints one event; true when it says that there are no more.
fn print(raw: &RawValue, context: &mut Context) -> Result<bool, Failure> {
    let event: Event = read(raw)?;
    if context.json {
        context.print_raw(raw)?;
    } else if let Some(name) = event.event {
        let time = event
            .time
            .map(|time| Now::read().brief(time))
            .unwrap_or_default();
        let line = format!(
            "{time}  {}  {}  {}",
            name.as_str(),
            event.workspace.as_deref().unwrap_or("-"),
            event.payload
        );
        context.print(&format!("{}\n", shown(&line)))?;
    }
    Ok(event.fresh_instance && event.event.is_none())
}

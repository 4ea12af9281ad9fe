//! Writes segments as hunks with context.
//!
//! Does: group changes, number lines, mark a missing final newline.
//! Does not: match lines or write file headers.

use super::compare::{Compared, Deadline, Segment, count_lines, lines};
use super::{FileDiff, Form, Hunk, Options, words};

const NO_NEWLINE: &[u8] = b"\n\\ No newline at end of file\n";

/// Appends the hunks of one pair of contents to `out`.
pub(super) fn write(out: &mut FileDiff, compared: &Compared<'_>, options: &Options) {
    let mut writer = Writer {
        out,
        form: options.form,
        deadline: Deadline::after(options.timeout),
        old_line: 0,
        new_line: 0,
        body: Vec::new(),
        open: None,
    };
    let mut previous: &[u8] = &[];
    let mut left = compared.segments.len();
    for segment in &compared.segments {
        left -= 1;
        if segment.equal {
            writer.equal(segment.old, options.context, left == 0);
            previous = segment.old;
        } else {
            writer.change(segment, previous, options.context);
        }
    }
    writer.close();
}

struct Writer<'a> {
    out: &'a mut FileDiff,
    form: Form,
    deadline: Deadline,
    /// Lines of each side already passed.
    old_line: usize,
    new_line: usize,
    /// Lines of the open hunk; its header needs their number first.
    body: Vec<u8>,
    open: Option<Open>,
}

#[derive(Default)]
struct Open {
    old_first: usize,
    old_len: usize,
    new_first: usize,
    new_len: usize,
}

impl Writer<'_> {
    fn equal(&mut self, bytes: &[u8], context: usize, is_last: bool) {
        let count = count_lines(bytes);
        if self.open.is_some() {
            let joins = !is_last && count <= context.saturating_mul(2);
            let shown = if joins { count } else { count.min(context) };
            self.context(lines(bytes).take(shown));
            if !joins {
                self.close();
            }
        }
        self.old_line += count;
        self.new_line += count;
    }

    fn change(&mut self, segment: &Segment<'_>, previous: &[u8], context: usize) {
        if self.open.is_none() {
            let before: Vec<&[u8]> = lines(previous).rev().take(context).collect();
            self.open = Some(Open {
                old_first: self.old_line - before.len(),
                new_first: self.new_line - before.len(),
                ..Open::default()
            });
            self.context(before.into_iter().rev());
        }
        let (removed, added) = (count_lines(segment.old), count_lines(segment.new));
        match self.form {
            Form::Lines => {
                self.put_all(b'-', segment.old);
                self.put_all(b'+', segment.new);
            }
            Form::Words => words::write(&mut self.body, segment.old, segment.new, self.deadline),
        }
        if let Some(open) = &mut self.open {
            open.old_len += removed;
            open.new_len += added;
        }
        self.old_line += removed;
        self.new_line += added;
        self.out.removed = self.out.removed.saturating_add(number(removed));
        self.out.added = self.out.added.saturating_add(number(added));
    }

    fn context<'b>(&mut self, shown: impl Iterator<Item = &'b [u8]>) {
        let mut count = 0;
        for line in shown {
            match self.form {
                Form::Lines => self.put(b' ', line),
                Form::Words => words::write(&mut self.body, line, line, self.deadline),
            }
            count += 1;
        }
        if let Some(open) = &mut self.open {
            open.old_len += count;
            open.new_len += count;
        }
    }

    fn put_all(&mut self, sign: u8, bytes: &[u8]) {
        self.body.reserve(bytes.len() + bytes.len() / 16);
        for line in lines(bytes) {
            self.put(sign, line);
        }
    }

    fn put(&mut self, sign: u8, line: &[u8]) {
        self.body.push(sign);
        self.body.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            self.body.extend_from_slice(NO_NEWLINE);
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        let start = self.out.text.len();
        let hunk = Hunk {
            old_start: number(open.old_first + usize::from(open.old_len > 0)),
            old_len: number(open.old_len),
            new_start: number(open.new_first + usize::from(open.new_len > 0)),
            new_len: number(open.new_len),
            range: start..start,
        };
        let text = &mut self.out.text;
        let old = span(hunk.old_start, hunk.old_len);
        let new = span(hunk.new_start, hunk.new_len);
        text.extend_from_slice(format!("@@ -{old} +{new} @@\n").as_bytes());
        text.append(&mut self.body);
        let end = text.len();
        self.out.hunks.push(Hunk {
            range: start..end,
            ..hunk
        });
    }
}

/// `start,len`, where git leaves a length of 1 out.
fn span(start: u32, len: u32) -> String {
    if len == 1 {
        start.to_string()
    } else {
        format!("{start},{len}")
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

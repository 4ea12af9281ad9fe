//! A filter of system calls that takes Unix sockets away from a process and its children.
//!
//! Does: refuse `socket(AF_UNIX)` with "address family not supported", so that nobody asks a daemon outside of the
//! limits to do what is not allowed within; pairs that cannot be connected to anything else stay.
//! Does not: limit anything else. A filter is written for the processor types named here; there is none for others.
//!
//! `io_uring` makes sockets as well and is not seen by filters, so it is refused as if the kernel had none. So are the
//! other calling conventions of the processor where they have the same calls under other numbers.

use std::io;

use libc::sock_filter;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const IS: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const IS_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Where the kernel puts what a filter may look at; arguments are looked at by their lower half.
const CALL: u32 = 0;
const PROCESSOR: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;
const SECOND_ARGUMENT: u32 = 24;

const ALLOW: u32 = 0x7fff_0000;
const REFUSE: u32 = 0x0005_0000;
const NOT_SUPPORTED: u32 = REFUSE | libc::EAFNOSUPPORT as u32;
const NO_SUCH_CALL: u32 = REFUSE | libc::ENOSYS as u32;

const AF_UNIX: u32 = libc::AF_UNIX as u32;
/// The type of a socket without its flags.
const TYPE_BITS: u32 = 0xf;
const STREAM: u32 = libc::SOCK_STREAM as u32;
const SEQUENCED: u32 = libc::SOCK_SEQPACKET as u32;

/// How one calling convention names the calls that matter.
struct Convention {
    processor: u32,
    /// Numbers from here on belong to a convention that is not spoken.
    foreign_from: u32,
    socket: u32,
    socketpair: u32,
    io_uring_setup: u32,
    /// One number for all calls of sockets, with the arguments in memory that a filter cannot see.
    multiplexed: Option<u32>,
}

#[cfg(target_arch = "x86_64")]
const CONVENTIONS: &[Convention] = &[
    Convention {
        processor: 0xc000_003e,
        foreign_from: 0x4000_0000,
        socket: 41,
        socketpair: 53,
        io_uring_setup: 425,
        multiplexed: None,
    },
    Convention {
        processor: 0x4000_0003,
        foreign_from: u32::MAX,
        socket: 359,
        socketpair: 360,
        io_uring_setup: 425,
        multiplexed: Some(102),
    },
];

#[cfg(target_arch = "aarch64")]
const CONVENTIONS: &[Convention] = &[Convention {
    processor: 0xc000_00b7,
    foreign_from: u32::MAX,
    socket: 198,
    socketpair: 199,
    io_uring_setup: 425,
    multiplexed: None,
}];

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const CONVENTIONS: &[Convention] = &[];

/// Whether there is a filter for this processor and the kernel takes one.
#[expect(unsafe_code, reason = "PR_GET_SECCOMP is called directly")]
pub(super) fn is_there() -> bool {
    // SAFETY: the call takes no pointer.
    let answers = unsafe { libc::prctl(libc::PR_GET_SECCOMP, 0, 0, 0, 0) } >= 0;
    answers && !CONVENTIONS.is_empty()
}

/// Puts the filter on the calling process and all it starts. It must have given up new privileges.
#[expect(unsafe_code, reason = "the C library has no function for this")]
pub(super) fn cut_unix_sockets() -> io::Result<()> {
    let mut filter = filter();
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(io::Error::other)?,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: `program` and the filter it points to are live; the kernel copies both and checks the filter.
    let done = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
            0,
            0,
        )
    };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn filter() -> Vec<sock_filter> {
    let mut filter = vec![load(PROCESSOR)];
    for convention in CONVENTIONS {
        let body = body(convention);
        let over = u8::try_from(body.len()).unwrap_or(u8::MAX);
        filter.push(jump(IS, convention.processor, 0, over));
        filter.extend(body);
    }
    filter.push(answer(NO_SUCH_CALL));
    filter
}

/// What is done with calls of one convention. Every way through it ends in an answer.
fn body(of: &Convention) -> Vec<sock_filter> {
    let mut body = vec![
        load(CALL),
        jump(IS_AT_LEAST, of.foreign_from, 0, 1),
        answer(NO_SUCH_CALL),
        jump(IS, of.io_uring_setup, 0, 1),
        answer(NO_SUCH_CALL),
    ];
    if let Some(number) = of.multiplexed {
        body.extend([jump(IS, number, 0, 1), answer(NOT_SUPPORTED)]);
    }
    body.extend([
        jump(IS, of.socket, 6, 0),
        // A pair of streams is connected for good; one of datagrams can be connected again.
        jump(IS, of.socketpair, 0, 4),
        load(SECOND_ARGUMENT),
        with(AND, TYPE_BITS),
        jump(IS, STREAM, 1, 0),
        jump(IS, SEQUENCED, 0, 1),
        answer(ALLOW),
        load(FIRST_ARGUMENT),
        jump(IS, AF_UNIX, 0, 1),
        answer(NOT_SUPPORTED),
        answer(ALLOW),
    ]);
    body
}

fn load(offset: u32) -> sock_filter {
    with(LOAD, offset)
}

fn answer(what: u32) -> sock_filter {
    with(RETURN, what)
}

fn with(code: u16, k: u32) -> sock_filter {
    jump(code, k, 0, 0)
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the filter answers, by the kernel's own rules for such programs.
    fn run(processor: u32, call: u32, arguments: [u32; 2]) -> u32 {
        let (filter, mut at, mut held) = (filter(), 0, 0);
        loop {
            let step = filter[at];
            at += 1;
            let goes = |yes: bool| usize::from(if yes { step.jt } else { step.jf });
            match step.code {
                LOAD => {
                    held = match step.k {
                        CALL => call,
                        PROCESSOR => processor,
                        FIRST_ARGUMENT => arguments[0],
                        SECOND_ARGUMENT => arguments[1],
                        other => panic!("looks at {other}"),
                    }
                }
                AND => held &= step.k,
                IS => at += goes(held == step.k),
                IS_AT_LEAST => at += goes(held >= step.k),
                RETURN => return step.k,
                other => panic!("does {other}"),
            }
        }
    }

    #[test]
    fn unix_sockets_are_refused_in_every_convention_and_nothing_else_is() {
        let inet = libc::AF_INET as u32;
        for of in CONVENTIONS {
            let asks = |call, arguments| run(of.processor, call, arguments);
            assert_eq!(asks(of.socket, [AF_UNIX, STREAM]), NOT_SUPPORTED);
            assert_eq!(asks(of.socket, [inet, STREAM]), ALLOW);
            let closing = libc::SOCK_CLOEXEC as u32;
            assert_eq!(asks(of.socketpair, [AF_UNIX, STREAM | closing]), ALLOW);
            assert_eq!(asks(of.socketpair, [AF_UNIX, SEQUENCED]), ALLOW);
            for reconnected in [libc::SOCK_DGRAM as u32, libc::SOCK_RAW as u32] {
                let asked = [AF_UNIX, reconnected | closing];
                assert_eq!(asks(of.socketpair, asked), NOT_SUPPORTED);
            }
            assert_eq!(asks(of.io_uring_setup, [1, 0]), NO_SUCH_CALL);
            assert_eq!(asks(0, [AF_UNIX, STREAM]), ALLOW, "reading");
            if let Some(number) = of.multiplexed {
                assert_eq!(asks(number, [1, 0]), NOT_SUPPORTED);
            }
            if of.foreign_from != u32::MAX {
                let foreign = of.foreign_from + of.socket;
                assert_eq!(asks(foreign, [AF_UNIX, STREAM]), NO_SUCH_CALL);
            }
        }
        assert_eq!(run(1, 41, [AF_UNIX, STREAM]), NO_SUCH_CALL, "unknown");
    }
}

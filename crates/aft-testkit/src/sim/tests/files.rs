//! Reading and writing through the seams.

use aft_os::{Clock, ReadDir, WriteDir};

use super::*;

fn read(world: &SimWorld, path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut world.root.open(&p(path)).unwrap(), &mut bytes).unwrap();
    bytes
}

#[test]
fn what_users_write_is_what_is_read_and_listed() {
    let root = &SimWorld::of_seed(1);
    root.root.user_mkdir("src/deep").unwrap();
    root.root.user_write("src/a.rs", "fn a() {}").unwrap();
    root.root.user_append("src/a.rs", "\n").unwrap();
    root.root.user_symlink("src/link", "../elsewhere").unwrap();
    assert_eq!(read(root, "src/a.rs"), b"fn a() {}\n");
    let names: Vec<_> = root
        .root
        .scan(&p("src"))
        .unwrap()
        .into_iter()
        .map(|e| e.name)
        .collect();
    assert_eq!(
        names,
        [
            b"a.rs".as_slice().into(),
            b"deep".as_slice().into(),
            b"link".as_slice().into()
        ]
    );
    assert_eq!(
        root.root.read_link(&p("src/link")).unwrap(),
        b"../elsewhere"
    );
    let stat = root.root.lstat(&p("src/a.rs")).unwrap().unwrap();
    assert_eq!((stat.size, stat.mode, stat.nlink), (10, 0o100_644, 1));
    assert_eq!(root.root.lstat(&p("src/none")).unwrap(), None);
    assert_eq!(root.root.lstat(&p("src/a.rs/none")).unwrap(), None);
}

#[test]
fn links_mounts_and_special_files_are_refused_with_the_right_error() {
    let root = SimWorld::of_seed(1).root;
    root.user_mkdir("real/sub").unwrap();
    root.user_write("real/f", "x").unwrap();
    root.user_symlink("link", "real").unwrap();
    root.user_fifo("pipe").unwrap();
    assert_eq!(errno(&root.lstat(&p("link/f")).unwrap_err()), Errno::LOOP);
    assert_eq!(errno(&root.scan(&p("link")).unwrap_err()), Errno::LOOP);
    assert_eq!(
        errno(&root.create(&p("link/new"), 0o644, b"x").unwrap_err()),
        Errno::LOOP
    );
    assert_eq!(
        errno(&root.exchange(&p("link/f"), &p("real/f")).unwrap_err()),
        Errno::LOOP
    );
    assert_eq!(
        root.open(&p("pipe")).err().unwrap().kind(),
        std::io::ErrorKind::InvalidInput
    );
    assert_eq!(
        root.open(&p("link")).err().unwrap().kind(),
        std::io::ErrorKind::InvalidInput
    );
    assert_eq!(
        root.read_link(&p("real/f")).unwrap_err().kind(),
        std::io::ErrorKind::InvalidInput
    );
    root.user_mount("real/sub", true).unwrap();
    assert_eq!(errno(&root.scan(&p("real/sub")).unwrap_err()), Errno::XDEV);
    assert_ne!(
        root.lstat(&p("real/sub")).unwrap().unwrap().dev,
        root.identity().unwrap().dev
    );
    assert_eq!(
        root.scan(&p("real/f")).unwrap_err().kind(),
        std::io::ErrorKind::NotADirectory
    );
    assert_eq!(
        root.scan(&p("gone")).unwrap_err().kind(),
        std::io::ErrorKind::NotFound
    );
}

#[test]
fn exchange_swaps_two_inodes_and_moves_only_their_change_times() {
    let world = SimWorld::of_seed(1);
    let root = &world.root;
    root.user_write("a", "old").unwrap();
    root.create(&p("b"), 0o600, b"new").unwrap();
    let before = (
        root.lstat(&p("a")).unwrap().unwrap(),
        root.lstat(&p("b")).unwrap().unwrap(),
    );
    world.clock.advance_ms(50);
    root.exchange(&p("a"), &p("b")).unwrap();
    let after = (
        root.lstat(&p("a")).unwrap().unwrap(),
        root.lstat(&p("b")).unwrap().unwrap(),
    );
    assert_eq!((after.0.ino, after.1.ino), (before.1.ino, before.0.ino));
    assert_eq!(after.0.mtime_ns, before.1.mtime_ns);
    assert!(after.0.ctime_ns > before.1.ctime_ns);
    assert_eq!(read(&world, "a"), b"new");
    assert_eq!(
        root.exchange(&p("a"), &p("none")).unwrap_err().kind(),
        std::io::ErrorKind::NotFound
    );
}

#[test]
fn an_exchange_may_be_unsupported() {
    let mut options = WorldOptions::new(1);
    options.root.no_exchange = true;
    let root = SimWorld::new(options).root;
    root.user_write("a", "1").unwrap();
    root.user_write("b", "2").unwrap();
    assert_eq!(
        root.exchange(&p("a"), &p("b")).unwrap_err().kind(),
        std::io::ErrorKind::Unsupported
    );
    assert_eq!(root.peek("a").unwrap(), b"1");
}

#[test]
fn nothing_but_an_exchange_replaces_an_entry() {
    let root = SimWorld::of_seed(1).root;
    root.user_write("a", "1").unwrap();
    root.user_write("b", "2").unwrap();
    root.user_mkdir("d/sub").unwrap();
    let exists = std::io::ErrorKind::AlreadyExists;
    assert_eq!(
        root.create(&p("a"), 0o644, b"x").unwrap_err().kind(),
        exists
    );
    assert_eq!(
        root.rename_new(&p("a"), &p("b")).unwrap_err().kind(),
        exists
    );
    assert_eq!(root.make_dir(&p("a"), 0o755).unwrap_err().kind(), exists);
    assert_eq!(root.make_link(&p("a"), b"x").unwrap_err().kind(), exists);
    assert_eq!(
        root.remove_dir(&p("d")).unwrap_err().kind(),
        std::io::ErrorKind::DirectoryNotEmpty
    );
    assert_eq!(errno(&root.remove_file(&p("d")).unwrap_err()), Errno::ISDIR);
    assert_eq!(
        errno(&root.rename_new(&p("d"), &p("d/sub/x")).unwrap_err()),
        Errno::INVAL
    );
    assert_eq!(
        (root.peek("a").unwrap(), root.peek("b").unwrap()),
        (b"1".to_vec(), b"2".to_vec())
    );
}

#[test]
fn set_mode_refuses_another_inode_than_the_expected_one() {
    let root = SimWorld::of_seed(1).root;
    root.user_write("a", "1").unwrap();
    root.user_write("b", "1").unwrap();
    let (a, b) = (
        root.lstat(&p("a")).unwrap().unwrap(),
        root.lstat(&p("b")).unwrap().unwrap(),
    );
    assert_eq!(
        root.set_mode(&p("a"), 0o755, &b).unwrap_err().kind(),
        std::io::ErrorKind::InvalidData
    );
    root.set_mode(&p("a"), 0o755, &a).unwrap();
    assert_eq!(root.manifest().get("a").unwrap().mode, 0o755);
}

#[test]
fn permissions_count_for_files_and_directories() {
    let root = SimWorld::of_seed(1).root;
    root.user_mkdir("d").unwrap();
    root.user_write("d/f", "1").unwrap();
    root.user_chmod("d/f", 0).unwrap();
    assert_eq!(errno(&root.open(&p("d/f")).err().unwrap()), Errno::ACCESS);
    root.user_chmod("d", 0o555).unwrap();
    assert_eq!(
        errno(&root.create(&p("d/new"), 0o644, b"").unwrap_err()),
        Errno::ACCESS
    );
    root.user_chmod("d", 0o600).unwrap();
    assert_eq!(errno(&root.lstat(&p("d/f")).unwrap_err()), Errno::ACCESS);
}

#[test]
fn a_freed_inode_number_is_given_out_again_unless_it_is_held_open() {
    let root = SimWorld::of_seed(1).root;
    root.user_write("a", "1").unwrap();
    let old = root.lstat(&p("a")).unwrap().unwrap().ino;
    let held = root.open(&p("a")).unwrap();
    root.user_remove("a").unwrap();
    root.user_write("b", "2").unwrap();
    assert_ne!(root.lstat(&p("b")).unwrap().unwrap().ino, old);
    assert_eq!(held.stat().unwrap().nlink, 0);
    drop(held);
    root.user_write("c", "3").unwrap();
    assert_eq!(root.lstat(&p("c")).unwrap().unwrap().ino, old);
}

#[test]
fn coarse_stamps_hide_a_same_size_edit_and_multigrain_shows_it_once_looked_at() {
    let stats = |granularity, look: bool| {
        let mut options = WorldOptions::new(1);
        options.root.granularity = granularity;
        let root = SimWorld::new(options).root;
        root.user_write("a", "1").unwrap();
        root.user_write("other", "1").unwrap();
        let first = look.then(|| root.lstat(&p("a")).unwrap());
        root.user_write_unseen("a", "2").unwrap();
        let second = root.lstat(&p("a")).unwrap();
        (
            first.flatten(),
            second.unwrap(),
            root.lstat(&p("other")).unwrap().unwrap(),
        )
    };
    let (first, second, _) = stats(Granularity::Coarse(10_000_000), true);
    assert!(first.unwrap().same(&second));
    let (first, second, _) = stats(Granularity::Multigrain, true);
    assert!(!first.unwrap().same(&second));
    let (_, second, other) = stats(Granularity::Multigrain, false);
    assert_eq!(
        second.mtime_ns, other.mtime_ns,
        "without a look between, two files share a tick"
    );
    let (first, second, _) = stats(Granularity::Exact, true);
    assert!(!first.unwrap().same(&second));
}

#[test]
fn the_clock_moves_only_when_told_and_the_wall_may_jump() {
    let world = SimWorld::of_seed(1);
    let (wall, mono) = (world.clock.wall_ns(), world.clock.mono_ns());
    world.root.user_write("a", "1").unwrap();
    assert_eq!((world.clock.wall_ns(), world.clock.mono_ns()), (wall, mono));
    world.clock.advance_ms(5);
    world.clock.jump_wall_ns(-1_000_000_000);
    assert_eq!(world.clock.mono_ns(), mono + 5_000_000);
    assert_eq!(world.clock.wall_ns(), wall + 5_000_000 - 1_000_000_000);
    world.root.user_write("a", "2").unwrap();
    assert!(world.root.lstat(&p("a")).unwrap().unwrap().mtime_ns < wall);
}

#[test]
fn a_held_file_has_a_writer_until_it_is_closed() {
    let root = SimWorld::of_seed(1).root;
    let file = root.user_open("log").unwrap();
    file.write("line\n").unwrap();
    assert_eq!(root.has_writer(&p("log")).unwrap(), Some(true));
    root.user_rename("log", "log.1").unwrap();
    file.write("late\n").unwrap();
    assert_eq!(root.peek("log.1").unwrap(), b"line\nlate\n");
    drop(file);
    assert_eq!(root.has_writer(&p("log.1")).unwrap(), Some(false));
}

#[test]
fn somebody_may_step_in_between_two_calls() {
    let root = SimWorld::of_seed(1).root;
    root.user_write("a", "planned").unwrap();
    root.before(Op::Exchange, 1, |root| {
        root.user_write("a", "late").unwrap()
    });
    root.create(&p("s"), 0o644, b"staged").unwrap();
    root.exchange(&p("a"), &p("s")).unwrap();
    root.exchange(&p("a"), &p("s")).unwrap();
    assert_eq!(
        root.peek("s").unwrap(),
        b"late",
        "written into what had been the staged file"
    );
}

#[test]
fn a_file_grows_while_it_is_read() {
    let root = SimWorld::of_seed(1).root;
    root.user_write("a", "12345678").unwrap();
    let mut file = root.open(&p("a")).unwrap();
    let before = file.stat().unwrap();
    root.before(Op::Read, 1, |root| root.user_append("a", "9").unwrap());
    let mut bytes = Vec::new();
    let mut piece = [0; 4];
    loop {
        match std::io::Read::read(&mut file, &mut piece).unwrap() {
            0 => break,
            n => bytes.extend_from_slice(&piece[..n]),
        }
    }
    assert_eq!(bytes, b"123456789");
    assert!(!file.stat().unwrap().same(&before));
}

#[test]
fn a_full_workspace_refuses_and_leaves_nothing_behind() {
    let root = SimWorld::of_seed(1).root;
    root.set_quota(10, 3);
    root.create(&p("a"), 0o644, b"12345678").unwrap();
    assert_eq!(root.free_space().unwrap(), (2, 1));
    assert_eq!(
        errno(&root.create(&p("b"), 0o644, b"123").unwrap_err()),
        Errno::NOSPC
    );
    root.create(&p("b"), 0o644, b"12").unwrap();
    assert_eq!(
        errno(&root.make_dir(&p("d"), 0o755).unwrap_err()),
        Errno::NOSPC
    );
    assert_eq!(root.manifest().entries.len(), 2);
}

#[test]
fn a_moved_root_is_detached_and_the_handle_still_works() {
    let root = SimWorld::of_seed(1).root;
    root.user_write("a", "1").unwrap();
    let id = root.identity().unwrap();
    root.user_move_root(true);
    assert!(!root.is_attached());
    assert!(root.lstat(&p("a")).unwrap().is_some());
    root.user_move_root(false);
    assert!(root.is_attached());
    assert_eq!(root.identity().unwrap(), id);
}

#[test]
fn planted_errors_strike_at_the_chosen_calls() {
    let world = SimWorld::of_seed(1);
    world.root.user_write("a", "1").unwrap();
    world.faults.fail_after(Op::Lstat, 1, 2, Errno::IO);
    let results: Vec<bool> = (0..5).map(|_| world.root.lstat(&p("a")).is_ok()).collect();
    assert_eq!(results, [true, false, false, true, true]);
    world.faults.fail_after(Op::Open, 0, u64::MAX, Errno::MFILE);
    assert_eq!(
        errno(&world.root.open(&p("a")).err().unwrap()),
        Errno::MFILE
    );
    assert!(world.root.open(&p("a")).is_err());
    world.faults.heal();
    assert!(world.root.open(&p("a")).is_ok());
}

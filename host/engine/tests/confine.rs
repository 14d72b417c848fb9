//! Confined processes: what they can touch, and what they cannot, however they try.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use omi_engine::{Confine, ProcessFolder, Registration};
use tempfile::TempDir;

use crate::support::{Probe, engine_of, limits, load, program, shell, supervisor};
use crate::tree::bound;

/// The folders of a confined process.
struct World {
    root: TempDir,
    registration: Registration,
}

impl World {
    /// `registration`, confined to a folder, with state, with something it may read, and with a home it may not touch.
    fn of(mut registration: Registration) -> Self {
        let root = TempDir::new().unwrap();
        let at = |name: &str| root.path().join(name);
        for folder in ["work/a", "work/b", "read", "home", "private"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for folder in ["read", "home", "private"] {
            fs::write(at(folder).join("file"), "content").unwrap();
        }
        let process = bound(&mut registration);
        process.cwd = ProcessFolder::At(at("work"));
        process.setting.confine = Some(Confine { state: vec![at("state")], read: vec![at("read")] });
        for (name, folder) in [("HOME", "home"), ("STATE", "state"), ("READ", "read"), ("PRIVATE", "private")]
        {
            process.setting.set_env.insert(name.into(), at(folder).display().to_string());
        }
        Self { root, registration }
    }

    fn confine(&mut self) -> &mut Confine {
        bound(&mut self.registration).setting.confine.as_mut().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// What the probe says to its end.
    fn told(&self, orders: &str) -> String {
        let engine = engine_of(
            limits(),
            omi_engine::SupervisorCommand {
                private: ["private", "soon/not/there", "links/configuration"]
                    .map(|name| self.path(name))
                    .into(),
                ..supervisor()
            },
        );
        let adapter = load(&engine, "process_probe");
        let probe = Probe::on(engine, &adapter, self.registration.clone(), 7);
        let attempt = probe.execute(orders);
        probe.answer(&attempt).0
    }

    /// The lines of a script, confined.
    fn lines_of(script: &str) -> (Self, Vec<String>) {
        let world = Self::of(shell(script));
        let told = world.told("spawn lines 0");
        let lines = told.lines().filter_map(|line| line.strip_prefix("stdout ChunkEnd::Newline "));
        let lines: Vec<_> = lines.map(str::to_owned).collect();
        assert!(told.contains("exited Exit::Code(0)"), "{told}");
        (world, lines)
    }
}

/// Says for each command whether it worked. Each is run by a child of what was started.
fn attempts(commands: &[&str]) -> String {
    let attempt =
        "try() { if sh -c \"$1\" >/dev/null 2>&1; then echo \"yes $1\"; else echo \"no $1\"; fi; }\n";
    let each: Vec<_> = commands.iter().map(|command| format!("try '{command}'")).collect();
    attempt.to_owned() + &each.join("\n")
}

fn assert_each(word: &str, commands: &[&str]) -> World {
    let (world, lines) = World::lines_of(&attempts(commands));
    let wanted: Vec<_> = commands.iter().map(|command| format!("{word} {command}")).collect();
    assert_eq!(lines, wanted);
    world
}

pub(crate) fn it_works_inside() {
    let world = assert_each(
        "yes",
        &[
            "echo x > file && echo y > file && rm file",
            "echo x > a/file && mv a/file b/file && cat b/file",
            "mkdir c && mv c b/c && rmdir b/c && ln -s b d && mkfifo e",
            "truncate -s 0 b/file",
            "cp /bin/true a/program && a/program",
            "echo x > $STATE/file && mv $STATE/file b/other",
            "f=$(mktemp) && echo x > $f && mkdir -p $XDG_CACHE_HOME/npm && echo x > $XDG_CACHE_HOME/npm/x",
            "case $(mktemp) in $TMPDIR/*) ;; *) false ;; esac",
            "echo x > /dev/null && head -c 1 /dev/urandom && ls /dev && f=$(mktemp -p /dev/shm) && rm $f",
            "cat $READ/file && ls $READ",
            "ls /usr /etc && cat /etc/passwd /proc/self/status /proc/meminfo",
            "echo x > /dev/stderr && echo x | cat /dev/stdin && set -- $(ls -l /proc/self/fd)",
            "stat $HOME/file",
        ],
    );
    assert!(world.path("work/b/other").exists());
    let mode = fs::metadata(world.path("state")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "its state is its own");
}

pub(crate) fn it_cannot_leave() {
    let world = assert_each(
        "no",
        &[
            "echo x > $HOME/new",
            "echo x >> $HOME/file",
            "truncate -s 0 $HOME/file",
            "rm $HOME/file",
            "mv $HOME/file a",
            "mkdir $HOME/folder",
            "cat $HOME/file",
            "ls $HOME",
            "echo x > $READ/new",
            "echo x > $READ/file",
            "mv $READ/file a",
            "mv b $READ",
            "echo x > /tmp/omi-confine-test",
            "echo x > ${TMPDIR%/*}/omi-confine-test",
            "ls ${TMPDIR%/*}",
            "ln $HOME/file a/hard",
            "ln -s $HOME/file a/link && cat a/link",
            "cat ../home/file",
            "cat $PRIVATE/file",
            "cat /proc/self/root$PRIVATE/file",
            "echo x > /etc/omi-confine-test",
            "head -c 1 /dev/mem",
            "nsenter -t 1 -m cat $HOME/file",
            "chroot . /bin/true",
            "mknod a/device c 1 3",
            "mount -t tmpfs none a",
            "for procs in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/unified/cgroup.procs; do echo 0 > $procs && exit; done; exit 1",
            "ls /root",
            "ls /home",
            "ls /var/lib",
            "head -c 1 /dev/pts/0",
        ],
    );
    assert_eq!(fs::read_to_string(world.path("home/file")).unwrap(), "content");
    assert_eq!(fs::read_to_string(world.path("read/file")).unwrap(), "content");
    assert_eq!(fs::read_dir(world.path("home")).unwrap().count(), 1);
}

pub(crate) fn it_cannot_look_into_the_daemon() {
    // The parent of what is confined is its supervisor, and the parent of that is the daemon.
    let script = "for pid in $PPID $(sed 's/.*) //' /proc/$PPID/stat | cut -d ' ' -f 2); do \
                  for what in environ maps mem cwd/.. root/etc fd/0; do \
                  if head -c 1 /proc/$pid/$what >/dev/null 2>&1 || ls /proc/$pid/$what/ >/dev/null 2>&1; \
                  then echo open; else echo closed; fi; done; done; \
                  cat /proc/self/environ > /dev/null && echo own";
    let closed = std::iter::repeat_n("closed", 12);
    assert_eq!(World::lines_of(script).1, closed.chain(["own"]).collect::<Vec<_>>());
}

pub(crate) fn its_temporary_folder_is_its_own_and_goes_with_it() {
    let script =
        "mkdir -p $TMPDIR/a/b; chmod 0 $TMPDIR/a; stat -c %a $TMPDIR; echo $TMPDIR; echo $XDG_CACHE_HOME";
    let (_, lines) = World::lines_of(script);
    let [mode, temporary, cache] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(mode, "700");
    assert_eq!(*cache, format!("{temporary}/cache"));
    assert!(Path::new(temporary).starts_with(std::env::temp_dir()));
    assert!(!Path::new(temporary).exists());
}

pub(crate) fn the_folder_of_the_daemon_is_never_granted() {
    let refused = |change: &dyn Fn(&mut World)| {
        let mut world = World::of(shell("echo begun"));
        change(&mut world);
        let told = world.told("spawn lines 0");
        let named = told.contains("cannot confine `/bin/sh`: it would be granted") && told.contains("hint: ");
        assert!(named && !told.contains("begun"), "{told}");
    };
    refused(&|world| {
        let root = world.path("");
        world.confine().read = vec![root];
    });
    refused(&|world| {
        let private = world.path("private");
        world.confine().state = vec![private];
    });
    refused(&|world| world.confine().read = vec!["/".into()]);
    refused(&|world| {
        let link = world.path("link");
        std::os::unix::fs::symlink(world.root.path(), &link).unwrap();
        world.confine().read = vec![link];
    });
    refused(&|world| {
        let root = world.path("");
        bound(&mut world.registration).cwd = ProcessFolder::At(root);
    });
    refused(&|world| {
        let inside = world.path("private/inside");
        fs::create_dir(&inside).unwrap();
        world.confine().read = vec![inside];
    });
    // Where the daemon's own is not there yet, and where it is a symlink, it could be put or replaced.
    refused(&|world| {
        let soon = world.path("soon");
        fs::create_dir(&soon).unwrap();
        world.confine().state = vec![soon];
    });
    refused(&|world| {
        let links = world.path("links");
        fs::create_dir(&links).unwrap();
        std::os::unix::fs::symlink(world.path("private"), links.join("configuration")).unwrap();
        world.confine().state = vec![links];
    });
}

pub(crate) fn what_its_variables_name_is_not_opened() {
    let mut world =
        World::of(shell(&attempts(&["cat $SSL_CERT_FILE", "ls $SSL_CERT_DIR", "cat $READ/file"])));
    let home = world.path("home");
    let set_env = &mut bound(&mut world.registration).setting.set_env;
    set_env.insert("SSL_CERT_FILE".into(), home.join("file").display().to_string());
    set_env.insert("SSL_CERT_DIR".into(), home.display().to_string());
    let told = world.told("spawn lines 0");
    let lines: Vec<_> =
        told.lines().filter_map(|line| line.strip_prefix("stdout ChunkEnd::Newline ")).collect();
    assert_eq!(lines, ["no cat $SSL_CERT_FILE", "no ls $SSL_CERT_DIR", "yes cat $READ/file"], "{told}");
}

pub(crate) fn a_folder_that_is_not_there_is_named() {
    let mut world = World::of(shell("echo begun"));
    world.confine().read.push("/no/such/folder".into());
    let told = world.told("spawn lines 0");
    let named = told.contains("cannot confine `/bin/sh`: there is no `/no/such/folder`");
    assert!(named && told.contains("hint: "), "{told}");
    let told = World::of(program(&["no-such-program-anywhere"])).told("spawn lines 0");
    assert!(told.contains("cannot start `no-such-program-anywhere`: No such file"), "{told}");
}

/// Whether there is a Node here. Where there is none, the tests with it show nothing.
fn has_node() -> bool {
    let version = Command::new("node").arg("--version").stdout(Stdio::null()).status();
    let has = version.is_ok_and(|status| status.success());
    if !has {
        println!("not shown: there is no `node` here");
    }
    has
}

/// A Node program as an agent is one: it writes, renames and starts children, and says what comes of it.
const NODE: &str = r"
const fs = require('fs'), os = require('os'), path = require('path'), { spawnSync } = require('child_process');
const attempt = (name, action) => {
  try { action(); console.log(`${name} yes`); } catch (error) { console.log(`${name} ${error.code}`); }
};
const child = process.argv[1] === 'child' ? 'child ' : '';
attempt(child + 'inside', () => fs.writeFileSync('file', 'x'));
attempt(child + 'rename', () => { fs.renameSync('file', 'a/file'); fs.renameSync('a/file', 'b/file'); });
attempt(child + 'temporary', () => fs.writeFileSync(path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'x-')), 'f'), 'x'));
attempt(child + 'state', () => fs.appendFileSync(path.join(process.env.STATE, 'log'), 'x'));
attempt(child + 'home', () => fs.writeFileSync(path.join(os.homedir(), 'new'), 'x'));
attempt(child + 'tmp', () => fs.writeFileSync('/tmp/omi-confine-test', 'x'));
attempt(child + 'read', () => fs.readFileSync(path.join(os.homedir(), 'file')));
if (!child) {
  const ignored = spawnSync(process.execPath, ['-e', '0'], { stdio: 'ignore' });
  console.log(`ignored ${ignored.error ? ignored.error.code : ignored.status}`);
  process.stdout.write(spawnSync(process.execPath, ['-e', process.env.NODE_TEXT, 'child']).stdout);
}
";

pub(crate) fn a_node_program_works_inside_and_not_outside() {
    if !has_node() {
        return;
    }
    let mut world = World::of(program(&["node", "-e", NODE]));
    bound(&mut world.registration).setting.set_env.insert("NODE_TEXT".into(), NODE.into());
    let told = world.told("spawn lines 0");
    let lines: Vec<_> =
        told.lines().filter_map(|line| line.strip_prefix("stdout ChunkEnd::Newline ")).collect();
    let own = [
        "inside yes",
        "rename yes",
        "temporary yes",
        "state yes",
        "home EACCES",
        "tmp EACCES",
        "read EACCES",
    ];
    let childs: Vec<_> = own.iter().map(|line| format!("child {line}")).collect();
    let wanted: Vec<&str> =
        own.into_iter().chain(["ignored 0"]).chain(childs.iter().map(String::as_str)).collect();
    assert_eq!(lines, wanted, "{told}");
}

/// Runs each agent that is installed where the daemon installs them, as far as its answer to the first request.
pub(crate) fn real_agents_answer() {
    let agents = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/omi-agentd/agents"));
    let programs = [("gemini", vec!["gemini", "--experimental-acp"]), ("claude", vec!["claude-code-acp"])];
    for (agent, argv) in programs {
        let binary = agents.as_ref().map(|agents| agents.join(agent).join("node_modules/.bin").join(argv[0]));
        let Some(binary) = binary.filter(|binary| binary.exists() && has_node()) else {
            println!("not shown: `{agent}` is not installed");
            continue;
        };
        let mut command = vec![binary.to_str().unwrap()];
        command.extend(&argv[1..]);
        let mut world = World::of(program(&command));
        let state = world.path("home");
        world.confine().state.push(state);
        let initialize = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":1,"clientCapabilities":{}}}"#;
        let told = world.told(&format!("spawn lines 100\nwrite {initialize}\nclose"));
        assert!(told.contains(r#""result""#) && told.contains(r#""protocolVersion":1"#), "{agent}: {told}");
    }
}

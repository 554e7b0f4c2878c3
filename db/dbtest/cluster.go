package dbtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// startCluster gives the URL of the throw-away cluster of this "go test" run,
// which it starts unless another package of the run has. The cluster lives as
// long as the go command that runs the tests and not as long as one test
// process, so ten packages pay for one initdb. A watchdog, a process of its
// own, removes it when that command has ended, however it ended.
func startCluster() (string, error) {
	bin, err := postgresBin()
	if err != nil {
		return "", err
	}
	owner := owningProcess()
	dir := filepath.Join(clusterHome(), fmt.Sprintf("techtreks-pg-%d-%d", os.Getuid(), owner))
	if err := os.Mkdir(dir, 0o711); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(st.Uid) != os.Getuid() {
		return "", fmt.Errorf("%s exists and is not ours", dir)
	}

	// One test process sets it up, the others wait here. The kernel releases
	// the lock of one that is killed.
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	ready := filepath.Join(dir, "url")
	if u, err := os.ReadFile(ready); err == nil {
		return string(u), nil
	}
	if err := startWatchdog(dir, owner); err != nil {
		return "", err
	}
	u, err := initCluster(bin, dir)
	if err != nil {
		return "", err
	}
	return u, os.WriteFile(ready, []byte(u), 0o600)
}

// clusterHome is the folder that clusters stand in: in memory, where there is room, as nothing
// in them is worth keeping. A test has its database in a sixth of the time that a disk takes.
// Its size decides and not what is free: all packages of a run must come to the same folder.
func clusterHome() string {
	const inMemory, room = "/dev/shm", 2 << 30 // bytes, ten times what a run of all tests takes
	var fs syscall.Statfs_t
	if syscall.Access(inMemory, 7) != nil || syscall.Statfs(inMemory, &fs) != nil {
		return os.TempDir()
	}
	if fs.Blocks*uint64(fs.Bsize) < room {
		return os.TempDir()
	}
	return inMemory
}

// owningProcess is the go command when it runs this test, which outlives the
// single package, or else this process.
func owningProcess() int {
	parent := os.Getppid()
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", parent))
	if err != nil {
		name, _ = exec.Command("ps", "-o", "comm=", "-p", strconv.Itoa(parent)).Output()
	}
	if filepath.Base(strings.TrimSpace(string(name))) == "go" {
		return parent
	}
	return os.Getpid()
}

// watchdog outlives the tests: it is no child of theirs to be waited for, has
// none of their pipes, and a session of its own, so that Ctrl-C does not reach
// it. A signal instead of pg_ctl, because root may send one to any user's
// process and pg_ctl refuses to run as root. QUIT is PostgreSQL's immediate
// shutdown.
const watchdog = `
while kill -0 "$2" 2>/dev/null; do sleep 1; done
if read -r pid < "$1/data/postmaster.pid"; then
	kill -QUIT "$pid"
	kill -CONT "$pid" # in case a test has stopped it
	while kill -0 "$pid"; do sleep 0.1; done
fi 2>/dev/null
rm -rf "$1"
`

func startWatchdog(dir string, owner int) error {
	cmd := exec.Command("/bin/sh", "-c", watchdog, "techtreks-pg-watchdog", dir, strconv.Itoa(owner))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Dir = "/"
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}

// initCluster makes a cluster that forgets durability, as nothing in it is
// worth keeping, and listens on a Unix socket alone, so that no port is taken.
func initCluster(bin, dir string) (string, error) {
	data := filepath.Join(dir, "data")
	// What another package's attempt left, when it was killed or failed.
	if err := os.RemoveAll(data); err != nil {
		return "", err
	}
	if err := os.Mkdir(data, 0o700); err != nil {
		return "", err
	}
	attr := &syscall.SysProcAttr{Setsid: true}
	if os.Getuid() == 0 {
		// PostgreSQL refuses to run as root.
		uid, gid, err := unprivileged()
		if err != nil {
			return "", err
		}
		attr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
		if err := os.Chown(data, int(uid), int(gid)); err != nil {
			return "", err
		}
	}
	run := func(name string, args ...string) error {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.SysProcAttr = attr
		cmd.Dir = "/"
		cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
		// To a file: the server would keep a pipe open, and go test waits for it.
		log, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		defer func() { _ = log.Close() }()
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Run(); err != nil {
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("%s: %w\n%s", name, err, said)
		}
		return nil
	}
	if err := run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"); err != nil {
		return "", err
	}
	// The socket sits in the data folder: that is 0700 and the server's.
	options := strings.Join([]string{
		"-c listen_addresses=", "-c unix_socket_directories=" + data,
		"-c fsync=off", "-c synchronous_commit=off", "-c full_page_writes=off",
		// Many tests in parallel, each with a pool of ten.
		"-c max_connections=300",
		// Its log may stand in memory.
		"-c max_wal_size=256MB",
	}, " ")
	if err := run("pg_ctl", "start", "-w", "-D", data, "-o", options, "-l", filepath.Join(data, "server.log")); err != nil {
		said, _ := os.ReadFile(filepath.Join(data, "server.log"))
		return "", fmt.Errorf("%w\n%s", err, said)
	}
	return "postgres://postgres@/postgres?host=" + data, nil
}

// unprivileged is the user that a cluster started by root runs as.
func unprivileged() (uid, gid uint32, err error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		id, err1 := strconv.ParseUint(u.Uid, 10, 32)
		group, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return uint32(id), uint32(group), nil
		}
	}
	return 0, 0, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

var versionNumber = regexp.MustCompile(`\d+`)

// postgresBin finds the folder of initdb and pg_ctl, version 15 or newer.
func postgresBin() (string, error) {
	var candidates []string
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			candidates = append(candidates, filepath.Dir(real))
		}
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		candidates = append(candidates, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin"} {
		found, _ := filepath.Glob(pattern)
		candidates = append(candidates, found...)
	}
	for _, dir := range candidates {
		if _, err := os.Stat(filepath.Join(dir, "pg_ctl")); err != nil {
			continue
		}
		out, err := exec.Command(filepath.Join(dir, "initdb"), "--version").Output()
		if err != nil {
			continue
		}
		if major, err := strconv.Atoi(versionNumber.FindString(string(out))); err == nil && major >= 15 {
			return dir, nil
		}
	}
	return "", errors.New("set TEST_DATABASE_URL, or install PostgreSQL 15 or newer (Debian: postgresql)")
}

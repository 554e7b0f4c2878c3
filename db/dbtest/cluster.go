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

// startCluster returns the URL of this "go test" run's temporary cluster, and
// starts the cluster unless another package of the run has. The cluster lives as
// long as the go command and not as one test process, so all packages share one
// initdb. A separate watchdog process removes the cluster when the go command
// has ended for any reason.
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
		return "", fmt.Errorf("%s exists and belongs to another user", dir)
	}

	// One test process creates the cluster, the others wait here. If that
	// process is killed, the kernel releases its lock.
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

// clusterHome returns the folder for clusters: in memory if there is room, where
// a test database takes a sixth of the time that it takes on disk. The total size
// decides, not the free space, so that all packages of a run get the same folder.
func clusterHome() string {
	const inMemory, room = "/dev/shm", 2 << 30 // bytes; ten times the need of a run of all tests
	var fs syscall.Statfs_t
	if syscall.Access(inMemory, 7) != nil || syscall.Statfs(inMemory, &fs) != nil {
		return os.TempDir()
	}
	if fs.Blocks*uint64(fs.Bsize) < room {
		return os.TempDir()
	}
	return inMemory
}

// owningProcess returns the process id of the go command if it runs this test,
// because it outlives a single package. Otherwise it returns the own process id.
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

// watchdog outlives the tests: they do not wait for it, it has none of their
// pipes, and it has its own session, so that Ctrl-C does not reach it. It sends a
// signal instead of calling pg_ctl: root may send a signal to any process, but
// pg_ctl refuses to run as root. QUIT is PostgreSQL's immediate shutdown.
const watchdog = `
while kill -0 "$2" 2>/dev/null; do sleep 1; done
if read -r pid < "$1/data/postmaster.pid"; then
	kill -QUIT "$pid"
	kill -CONT "$pid" # in case a test has frozen it
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

// initCluster creates and starts a cluster without durability, because its data
// is temporary. It listens on a Unix socket only, so that it occupies no port.
func initCluster(bin, dir string) (string, error) {
	data := filepath.Join(dir, "data")
	// Remove the remains of a failed or killed attempt by another package.
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
		// Log to a file: the server would keep a pipe open, and go test would
		// wait for the pipe to close.
		log, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		defer func() { _ = log.Close() }()
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Run(); err != nil {
			output, _ := os.ReadFile(log.Name())
			return fmt.Errorf("%s: %w\n%s", name, err, output)
		}
		return nil
	}
	if err := run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"); err != nil {
		return "", err
	}
	// The socket is in the data folder, which has mode 0700 and belongs to the
	// server's user.
	options := strings.Join([]string{
		"-c listen_addresses=", "-c unix_socket_directories=" + data,
		"-c fsync=off", "-c synchronous_commit=off", "-c full_page_writes=off",
		// Many tests run in parallel, each with a pool of ten.
		"-c max_connections=300",
		// The write-ahead log may be in memory.
		"-c max_wal_size=256MB",
	}, " ")
	if err := run("pg_ctl", "start", "-w", "-D", data, "-o", options, "-l", filepath.Join(data, "server.log")); err != nil {
		output, _ := os.ReadFile(filepath.Join(data, "server.log"))
		return "", fmt.Errorf("%w\n%s", err, output)
	}
	return "postgres://postgres@/postgres?host=" + data, nil
}

// unprivileged returns the user that runs the cluster when root runs the tests.
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

// postgresBin returns the folder of initdb and pg_ctl, version 15 or newer.
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

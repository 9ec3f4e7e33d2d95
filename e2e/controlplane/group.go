package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The kernel kills a child by Pdeathsig when the thread that forked it ends, not the process
// (prctl(2), PR_SET_PDEATHSIG). Tied to the main thread here, main starts every child from a thread
// that lives as long as the process.
func init() {
	runtime.LockOSThread()
}

// group is the child processes of one control plane. They never outlive this process.
type group struct {
	dir   *directory
	exits chan exitError // the first one

	mutex    sync.Mutex
	members  []*process
	children chan struct{} // that there is one
}

// process is one running component.
type process struct {
	name  string
	cmd   *exec.Cmd
	once  bool
	ended bool
	done  chan struct{}
}

// exitError reports a component that ended without a request.
type exitError struct {
	name  string
	state string
	tail  string
}

func (e exitError) Error() string {
	return fmt.Sprintf("%s ended: %s%s", e.name, e.state, e.tail)
}

func newGroup(dir *directory) *group {
	g := &group{dir: dir, exits: make(chan exitError, 1), children: make(chan struct{}, 1)}
	go g.reap()
	return g
}

// start runs a component of this binary, or the program given instead, with its output in a log file
// of its name. A component that runs once may end by itself, if it succeeds. Must be called from the
// main goroutine: see init.
func (g *group) start(name, program string, args []string, once bool) (*process, error) {
	if program == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		program = self
	}
	log, err := os.OpenFile(g.dir.path(name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := &exec.Cmd{
		Path:   program,
		Args:   append([]string{name}, args...),
		Dir:    g.dir.root,
		Stdout: log,
		Stderr: log,
		SysProcAttr: &syscall.SysProcAttr{
			Pdeathsig: syscall.SIGKILL,
			// Ctrl-C reaches only this process, which then ends the others in order.
			Setpgid: true,
		},
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	member := &process{name: name, cmd: cmd, once: once, done: make(chan struct{})}
	g.members = append(g.members, member)
	select {
	case g.children <- struct{}{}:
	default:
	}
	return member, nil
}

// reap waits for every child that ends. That includes orphans, which the first process of a process
// id namespace inherits.
func (g *group) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.ECHILD):
			<-g.children
		case err == nil:
			g.ended(pid, status)
		}
	}
}

func (g *group) ended(pid int, status syscall.WaitStatus) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for _, member := range g.members {
		// The kernel reuses a process id once the process has been waited for.
		if member.ended || member.cmd.Process.Pid != pid {
			continue
		}
		member.ended = true
		close(member.done)
		if member.once && status == 0 {
			return
		}
		select {
		case g.exits <- exitError{name: member.name, state: describe(status), tail: g.tail(member.name)}:
		default:
		}
	}
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return fmt.Sprintf("signal: %v", status.Signal())
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}

// stop ends every component, the last started first, and waits for them. Only etcd needs a clean
// shutdown, and only if its data outlives this process.
func (g *group) stop() {
	for _, member := range slices.Backward(g.members) {
		if member.name == "etcd" && !g.dir.remove {
			_ = member.cmd.Process.Signal(syscall.SIGTERM)
			select {
			case <-member.done:
			case <-time.After(5 * time.Second):
			}
		}
		_ = member.cmd.Process.Kill()
		<-member.done
	}
}

// pids returns the process id of each component.
func (g *group) pids() map[string]int {
	pids := make(map[string]int, len(g.members))
	for _, member := range g.members {
		if !member.once {
			pids[member.name] = member.cmd.Process.Pid
		}
	}
	return pids
}

// explain adds the end of every log to an error that no single component caused.
func (g *group) explain(err error) error {
	var tails strings.Builder
	for _, member := range g.members {
		tails.WriteString(g.tail(member.name))
	}
	return fmt.Errorf("%w%s", err, tails.String())
}

// tail is the end of a component's log, indented under a heading.
func (g *group) tail(name string) string {
	const lines = 15
	content, err := os.ReadFile(g.dir.path(name + ".log"))
	if err != nil || len(content) == 0 {
		return ""
	}
	all := bytes.Split(bytes.TrimRight(content, "\n"), []byte("\n"))
	last := all[max(0, len(all)-lines):]
	return fmt.Sprintf("\nthe end of %s.log:\n  %s", name, bytes.Join(last, []byte("\n  ")))
}

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
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
	dir     *directory
	members []*process
	exits   chan exitError
}

// process is one running component.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
}

// exitError is the end of a component that nobody asked for.
type exitError struct {
	name  string
	state string
	tail  string
}

func (e exitError) Error() string {
	return fmt.Sprintf("%s ended: %s%s", e.name, e.state, e.tail)
}

func newGroup(dir *directory) *group {
	return &group{dir: dir, exits: make(chan exitError, 8)}
}

// start runs a component of this binary, or the program given instead, with its output in a log
// file of its name. Must be called from the main goroutine: see init.
func (g *group) start(name, program string, args []string) error {
	if program == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		program = self
	}
	log, err := os.OpenFile(g.dir.path(name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
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
			// Ctrl-C reaches this process alone, which then ends the others in order.
			Setpgid: true,
		},
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	member := &process{name: name, cmd: cmd, done: make(chan struct{})}
	g.members = append(g.members, member)
	go func() {
		_ = cmd.Wait()
		close(member.done)
		g.exits <- exitError{name: name, state: cmd.ProcessState.String(), tail: g.tail(name)}
	}()
	return nil
}

// stop ends every component, the last started first, and returns when they are gone. Only etcd has
// state worth an orderly end, and only if somebody can look at it later.
func (g *group) stop() {
	for i := len(g.members) - 1; i >= 0; i-- {
		member := g.members[i]
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

// pids is the process id of each component.
func (g *group) pids() map[string]int {
	pids := make(map[string]int, len(g.members))
	for _, member := range g.members {
		pids[member.name] = member.cmd.Process.Pid
	}
	return pids
}

// explain adds the end of every log to an error that no single component is to blame for.
func (g *group) explain(err error) error {
	var tails strings.Builder
	for _, member := range g.members {
		tails.WriteString(g.tail(member.name))
	}
	return fmt.Errorf("%w%s", err, tails.String())
}

// tail is the end of a component's log, indented under a line that says so.
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

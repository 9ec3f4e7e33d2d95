package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A world is a set of namespaces with a control plane and a node in it. Every
// process, interface, packet filter and mount in it ends with its first process, which ends with this
// one.

// settings configures that process, as one line of JSON on its standard input. The input stays open
// until the world must end.
type settings struct {
	Block        int    `json:"block"`
	ControlGroup string `json:"control_group"`
}

// report is a line of JSON on the process's standard output: first a summary and, if the process
// ends without a request, the reason.
type report struct {
	Summary *summary `json:"summary,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// serveWorld runs a control plane with a node and returns when everything has ended. After a
// requested end it returns no error.
func serveWorld(ctx context.Context, options options, dir *directory, started time.Time) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("a node needs root")
	}
	cleaner, err := startCleaner(options.programs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cleaner.clean()) }()

	world, err := startWorld(dir)
	if err != nil {
		return err
	}
	defer world.stop()

	connection, err := connect(world.cmd.Process.Pid)
	if err != nil {
		return err
	}
	defer func() { world.stop(); connection.close() }()

	group, err := prepareControlGroup(options.programs, connection.block, cleaner)
	if err != nil {
		return err
	}
	told := settings{Block: connection.block.index, ControlGroup: group.name}
	if err := json.NewEncoder(world.input).Encode(told); err != nil {
		return fmt.Errorf("telling the node's first process what to do: %w", err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case report, ok := <-world.reports:
			switch {
			case !ok:
				return fmt.Errorf("the node's first process ended: %w", world.wait())
			case report.Error != "":
				return errors.New(report.Error)
			default:
				if err := world.announce(report.Summary, started); err != nil {
					return err
				}
			}
		}
	}
}

// prepareControlGroup removes the control groups of dead nodes and creates a new one. The cleaner
// knows the new one before it exists, so that it is always removed.
func prepareControlGroup(programs string, b block, cleaner *cleaner) (controlGroup, error) {
	dead, err := deadControlGroups(b)
	if err != nil {
		return controlGroup{}, err
	}
	if err := clean(programs, dead); err != nil {
		return controlGroup{}, fmt.Errorf("removing the control groups of a dead node: %w", err)
	}
	group, err := newControlGroup(b)
	if err != nil {
		return controlGroup{}, err
	}
	if err := cleaner.remember(group.directories()); err != nil {
		return controlGroup{}, fmt.Errorf("telling the cleaner what to remove: %w", err)
	}
	return group, group.create()
}

// worldProcess is the first process of a world, seen from outside.
type worldProcess struct {
	cmd     *exec.Cmd
	input   io.WriteCloser
	reports chan report
	ended   chan struct{}
	err     error
}

// startWorld starts it. It waits for its settings. Must be called from the main goroutine: see init
// in group.go.
func startWorld(dir *directory) (*worldProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	arguments := append([]string{"world"}, os.Args[1:]...)
	arguments = append(arguments, "--dir", dir.root, "--rm="+strconv.FormatBool(dir.remove))
	cmd := &exec.Cmd{
		Path:   self,
		Args:   arguments,
		Stderr: os.Stderr,
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
			Pdeathsig:  syscall.SIGKILL,
			// Ctrl-C reaches only this process, which then ends the other one.
			Setpgid: true,
		},
	}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a process in separate namespaces: %w", err)
	}
	w := &worldProcess{cmd: cmd, input: input, reports: make(chan report), ended: make(chan struct{})}
	go w.listen(output)
	return w, nil
}

// listen forwards the process's reports until it ends.
func (w *worldProcess) listen(output io.Reader) {
	defer close(w.ended)
	defer close(w.reports)
	for decoder := json.NewDecoder(output); ; {
		var r report
		if err := decoder.Decode(&r); err != nil {
			break
		}
		w.reports <- r
	}
	w.err = w.cmd.Wait()
}

// wait waits for the process and returns its exit error.
func (w *worldProcess) wait() error {
	for range w.reports {
		// The process has ended, so nothing reads this.
	}
	<-w.ended
	if w.err == nil {
		return errors.New(w.cmd.ProcessState.String())
	}
	return w.err
}

// stop ends the world, unless it has ended, and waits until it has.
func (w *worldProcess) stop() {
	w.input.Close()
	patience := time.AfterFunc(10*time.Second, func() { _ = w.cmd.Process.Kill() })
	defer patience.Stop()
	_ = w.wait()
}

// announce prints the summary. It contains the process ids of this process's namespace.
func (w *worldProcess) announce(summary *summary, started time.Time) error {
	numbers, err := numbersOutside(w.cmd.Process.Pid)
	if err != nil {
		return fmt.Errorf("finding the node's processes: %w", err)
	}
	for name, inside := range summary.Pids {
		summary.Pids[name] = numbers[inside]
	}
	return summary.print(started)
}

// numbersOutside maps process ids in the namespace of the given process to those in the namespace
// of this process.
func numbersOutside(pid int) (map[int]int, error) {
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		return nil, err
	}
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	numbers := map[int]int{}
	for _, process := range processes {
		outside, err := strconv.Atoi(process.Name())
		if err != nil {
			continue
		}
		if n, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", outside)); err != nil || n != namespace {
			continue
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", outside))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			if ids, ok := strings.CutPrefix(line, "NSpid:"); ok {
				fields := strings.Fields(ids)
				if inside, err := strconv.Atoi(fields[len(fields)-1]); err == nil {
					numbers[inside] = outside
				}
			}
		}
	}
	return numbers, nil
}

package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// controlGroup is where everything that a node's Pods use is counted and limited: a directory of this
// name at the root of every hierarchy.
type controlGroup struct {
	name string
	// directories has one entry on a machine with cgroup v2, and one for each controller with v1.
	directories []string
}

// newControlGroup names the control group of the block's next node. It does not exist yet.
func newControlGroup(b block) (controlGroup, error) {
	roots, err := hierarchies()
	if err != nil {
		return controlGroup{}, err
	}
	// The random part tells it from the one of a killed node, which a cleaner may still be at.
	g := controlGroup{name: fmt.Sprintf("%s%s", controlGroupPrefix(b), strings.ToLower(rand.Text()[:8]))}
	for _, root := range roots {
		g.directories = append(g.directories, filepath.Join(root, g.name))
	}
	return g, nil
}

func (g controlGroup) create() error {
	for _, directory := range g.directories {
		if err := os.Mkdir(directory, 0o755); err != nil {
			return fmt.Errorf("creating the node's control group: %w", err)
		}
	}
	return nil
}

// deadControlGroups are those that killed nodes of the block left: the block is ours, so they are
// nobody's.
func deadControlGroups(b block) ([]string, error) {
	roots, err := hierarchies()
	if err != nil {
		return nil, err
	}
	var dead []string
	for _, root := range roots {
		found, err := filepath.Glob(filepath.Join(root, controlGroupPrefix(b)+"*"))
		if err != nil {
			return nil, err
		}
		dead = append(dead, found...)
	}
	return dead, nil
}

func controlGroupPrefix(b block) string {
	return fmt.Sprintf("mtk-node-%d-", b.index)
}

// hierarchies are the roots of the control group file systems that can limit something. The one of
// cgroup v2 beside those of v1 cannot.
func hierarchies() ([]string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 2 {
			found[fields[2]] = append(found[fields[2]], fields[1])
		}
	}
	for _, kind := range []string{"cgroup", "cgroup2"} {
		if roots := found[kind]; len(roots) > 0 {
			return roots, nil
		}
	}
	return nil, errors.New("no control groups are mounted on this machine")
}

// cleaner is a process that removes control groups when its input ends, which this process's end is
// enough for.
type cleaner struct {
	cmd   *exec.Cmd
	input io.WriteCloser
}

func startCleaner(programs string) (*cleaner, error) {
	cmd := exec.Command(filepath.Join(programs, "cleaner"))
	cmd.Stderr = os.Stderr
	// Nothing that ends this process's group or session reaches it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the cleaner: %w", err)
	}
	return &cleaner{cmd: cmd, input: input}, nil
}

// remember has the directories removed in the end.
func (c *cleaner) remember(directories []string) error {
	_, err := io.WriteString(c.input, strings.Join(append(directories, ""), "\n"))
	return err
}

// clean removes what is remembered and returns when it is gone.
func (c *cleaner) clean() error {
	c.input.Close()
	return c.cmd.Wait()
}

// clean removes the directories now.
func clean(programs string, directories []string) error {
	c, err := startCleaner(programs)
	if err != nil {
		return err
	}
	return errors.Join(c.remember(directories), c.clean())
}

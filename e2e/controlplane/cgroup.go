package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// controlGroup is the control group of a node's Pods: a directory of this name at the root of every
// hierarchy.
type controlGroup struct {
	name  string
	roots hierarchies
}

// newControlGroup returns the name for the control group of the block's next node. It does not
// exist yet.
func newControlGroup(b block) (controlGroup, error) {
	roots, err := findHierarchies()
	if err != nil {
		return controlGroup{}, err
	}
	// The random part distinguishes it from that of a killed node, which a cleaner may still remove.
	return controlGroup{controlGroupPrefix(b) + strings.ToLower(rand.Text()[:8]), roots}, nil
}

// directories lists its possible directories: the container runtime creates it in the hierarchies
// that it finds.
func (g controlGroup) directories() []string {
	var directories []string
	for _, root := range g.roots.all() {
		directories = append(directories, filepath.Join(root, g.name))
	}
	return directories
}

// create creates it where the kubelet expects it.
func (g controlGroup) create() error {
	roots := g.roots.v1
	if len(roots) == 0 {
		roots = g.roots.v2
	}
	for _, root := range roots {
		if err := os.Mkdir(filepath.Join(root, g.name), 0o755); err != nil {
			return fmt.Errorf("creating the node's control group: %w", err)
		}
	}
	return nil
}

// deadControlGroups lists the control groups that killed nodes of the block left behind. This
// process holds the block, so no running node uses them.
func deadControlGroups(b block) ([]string, error) {
	roots, err := findHierarchies()
	if err != nil {
		return nil, err
	}
	var dead []string
	for _, root := range roots.all() {
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

// hierarchies are the roots of the control group file systems: with v1 one for each controller, with v2
// one for all. A machine with v1 may also mount v2, for resources that v1 has no controller for.
type hierarchies struct{ v1, v2 []string }

func (h hierarchies) all() []string { return slices.Concat(h.v1, h.v2) }

func findHierarchies() (hierarchies, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return hierarchies{}, err
	}
	var found hierarchies
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		switch fields[2] {
		case "cgroup":
			found.v1 = append(found.v1, fields[1])
		case "cgroup2":
			found.v2 = append(found.v2, fields[1])
		}
	}
	if len(found.all()) == 0 {
		return found, errors.New("no control groups are mounted on this machine")
	}
	return found, nil
}

// cleaner is a process that removes control groups when its standard input ends. The input ends
// with this process at the latest.
type cleaner struct {
	cmd   *exec.Cmd
	input io.WriteCloser
}

func startCleaner(programs string) (*cleaner, error) {
	cmd := exec.Command(filepath.Join(programs, "cleaner"))
	cmd.Stderr = os.Stderr
	// Signals to this process's group or session do not reach it.
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

// remember passes the directories to the cleaner, which removes them when this process ends.
func (c *cleaner) remember(directories []string) error {
	_, err := io.WriteString(c.input, strings.Join(append(directories, ""), "\n"))
	return err
}

// clean removes the remembered directories and waits until they are removed.
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

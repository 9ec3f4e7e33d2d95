package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// world is the first process in new namespaces. It prepares them, and runs the control plane and
// the node there.
func world() int {
	options, err := parseOptions(os.Args[1:])
	if err != nil {
		return 2 // the flag package has said why
	}
	reports := json.NewEncoder(os.Stdout)
	if err := inhabit(options, reports); err != nil {
		_ = reports.Encode(report{Error: err.Error()})
		return 1
	}
	return 0
}

func inhabit(options options, reports *json.Encoder) error {
	ctx := untilAskedToEnd(false)
	input := bufio.NewReader(os.Stdin)
	line, err := input.ReadBytes('\n')
	if err != nil {
		return nil // given up before it began
	}
	var told settings
	if err := json.Unmarshal(line, &told); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, input)
		cancel(errors.New("not wanted any more"))
	}()

	n := &node{block: block{told.Block}, controlGroup: told.ControlGroup, programs: options.programs, dir: options.dir}
	if err := n.furnish(); err != nil {
		return err
	}
	n.snapshotter = chooseSnapshotter(n.dir)
	dir := &directory{root: options.dir, remove: options.remove}
	return run(ctx, options, dir, n, func(s *summary) error {
		return reports.Encode(report{Summary: s})
	})
}

// hidden lists directories of this machine that the node's programs write to under every
// configuration. In the new namespaces these directories are empty and in memory.
var hidden = []string{"/run", "/var/lib", "/var/log"}

// furnish prepares the namespaces: mounts, the host name and the loopback interface.
func (n *node) furnish() error {
	// Mounts from here on are invisible outside.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := hide(hidden, n.dir, n.programs, filepath.Dir(self)); err != nil {
		return err
	}
	if err := maskKernelSettings(); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(nodeName)); err != nil {
		return fmt.Errorf("naming the machine: %w", err)
	}
	if err := n.block.configureNode(); err != nil {
		return fmt.Errorf("setting up the node's network: %w", err)
	}
	// The user's proxy settings do not apply: the node reaches no other network.
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		os.Unsetenv(name)
		os.Unsetenv(strings.ToLower(name))
	}
	return os.Setenv("PATH", n.programs+":/usr/local/sbin:/usr/sbin:/sbin:"+os.Getenv("PATH"))
}

// hide mounts an empty file system over the directories, and keeps the paths in keep accessible.
func hide(directories []string, keep ...string) error {
	opened := map[string]*os.File{}
	for _, path := range keep {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
		opened[path] = file
	}
	for _, directory := range directories {
		if err := unix.Mount("tmpfs", directory, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
			return fmt.Errorf("mounting an empty %s: %w", directory, err)
		}
		for path, file := range opened {
			if !strings.HasPrefix(path, directory+"/") {
				continue
			}
			if err := os.MkdirAll(path, 0o700); err != nil {
				return err
			}
			if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", file.Fd()), path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
				return fmt.Errorf("mounting %s: %w", path, err)
			}
		}
	}
	return nil
}

// kernelSettings are the machine's settings that the kubelet requires, by path below /proc/sys. The kubelet
// writes those that differ.
var kernelSettings = map[string]string{
	"kernel/keys/root_maxbytes": "25000000",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
}

// maskKernelSettings shows the kubelet the settings that it requires, so that it does not change
// those of the machine.
func maskKernelSettings() error {
	for path, value := range kernelSettings {
		mask := filepath.Join("/run/mtk-kernel-settings", path)
		if err := os.MkdirAll(filepath.Dir(mask), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(mask, []byte(value+"\n"), 0o444); err != nil {
			return err
		}
		if err := unix.Mount(mask, filepath.Join("/proc/sys", path), "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("masking /proc/sys/%s: %w", path, err)
		}
	}
	return nil
}

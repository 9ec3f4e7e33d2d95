package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// directory holds all files of one control plane. Only its owner can read it.
type directory struct {
	root   string
	remove bool
}

// openDirectory creates the directory, or uses an empty one, and writes the owner to a file in it.
func openDirectory(options options) (*directory, error) {
	dir := &directory{root: options.dir, remove: options.remove}
	if dir.root == "" {
		made, err := os.MkdirTemp("", "mtk-controlplane-")
		if err != nil {
			return nil, err
		}
		dir.root, dir.remove = made, true
	}
	root, err := filepath.Abs(dir.root)
	if err != nil {
		return nil, err
	}
	dir.root = root
	if err := os.MkdirAll(dir.root, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir.root, 0o700); err != nil {
		return nil, err
	}
	// Mkdir is the lock: if two processes start in the same directory, one of them fails here.
	if err := os.Mkdir(dir.path("etcd"), 0o700); errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s holds a control plane already; end that one and remove the directory, or name another", dir.root)
	} else if err != nil {
		return nil, err
	}
	if err := dir.writeOwner(); err != nil {
		dir.close()
		return nil, err
	}
	return dir, nil
}

// path returns the path of the file with that name.
func (d *directory) path(name string) string {
	return filepath.Join(d.root, name)
}

// write stores a file that only the owner may read.
func (d *directory) write(name string, content []byte) error {
	return os.WriteFile(d.path(name), content, 0o600)
}

// close removes a temporary directory, and with `--rm` any other. Otherwise it only removes the file
// that names the owner.
func (d *directory) close() {
	if d.remove {
		_ = os.RemoveAll(d.root)
		return
	}
	_ = os.Remove(d.path("up.json"))
}

// owner distinguishes this process from a later one with the same number: the kernel reuses process
// ids, and a start time counts from the boot.
type owner struct {
	Pid       int    `json:"pid"`
	StartTime string `json:"start_time"`
	Boot      string `json:"boot"`
}

func (d *directory) writeOwner() error {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return err
	}
	// Field 22 of proc_pid_stat(5). Field 2, the command's name, may contain blanks and brackets, so
	// the count starts after its last bracket, at field 3.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	note, err := json.Marshal(owner{
		Pid:       os.Getpid(),
		StartTime: fields[22-3],
		Boot:      strings.TrimSpace(string(boot)),
	})
	if err != nil {
		return err
	}
	return d.write("up.json", note)
}

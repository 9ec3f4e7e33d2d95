// Command cleaner removes the control groups named on its standard input, one path per line, when
// the input ends. The kernel ends the processes of a node together with their first process, but it
// keeps control groups. So the cleaner outlives them for a moment.
package main

import (
	"bufio"
	"errors"
	"io/fs"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

func main() {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	var groups []string
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		groups = append(groups, lines.Text())
	}
	code := 0
	patience := time.Now().Add(20 * time.Second)
	for _, group := range groups {
		err := remove(group)
		// Busy: its processes are still ending.
		for errors.Is(err, syscall.EBUSY) && time.Now().Before(patience) {
			time.Sleep(20 * time.Millisecond)
			err = remove(group)
		}
		if err != nil {
			log.Print(err)
			code = 1
		}
	}
	os.Exit(code)
}

// remove deletes the directories of a tree, the innermost first. The kernel removes the files in
// them.
func remove(root string) error {
	var directories []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.IsDir() {
			directories = append(directories, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, directory := range slices.Backward(directories) {
		if err := syscall.Rmdir(directory); err != nil && !errors.Is(err, syscall.ENOENT) {
			return &fs.PathError{Op: "rmdir", Path: directory, Err: err}
		}
	}
	return nil
}

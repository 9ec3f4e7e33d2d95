// Command mtk-controlplane is a Kubernetes control plane in one file: etcd, kube-apiserver,
// kube-controller-manager and kubectl, and `up`, which runs them together on loopback.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	run, ok := command()
	if !ok {
		names := slices.Sorted(maps.Keys(commands))
		fmt.Fprintf(os.Stderr, "usage: mtk-controlplane %s [ARGUMENTS]\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	os.Exit(run())
}

// command selects the program: by the name of the link through which this binary was called,
// otherwise by the first argument. It removes that argument, so that the program sees its own
// os.Args.
func command() (func() int, bool) {
	if run, ok := commands[filepath.Base(os.Args[0])]; ok {
		return run, true
	}
	if len(os.Args) < 2 {
		return nil, false
	}
	run, ok := commands[os.Args[1]]
	os.Args = os.Args[1:]
	return run, ok
}

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"text/template"

	"golang.org/x/sys/unix"
)

// runtimeConfig contains the inputs of containerd's configuration.
type runtimeConfig struct {
	Node    *node
	Runc    string
	Plugins string
}

func (c runtimeConfig) Root() string        { return c.Node.path("containerd") }
func (c runtimeConfig) Socket() string      { return c.Node.containerd() }
func (c runtimeConfig) Networks() string    { return c.Node.path("cni") }
func (c runtimeConfig) PauseImage() string  { return pauseImage }
func (c runtimeConfig) Snapshotter() string { return c.Node.snapshotter }

func (c runtimeConfig) render() ([]byte, error) {
	var text bytes.Buffer
	err := runtimeTemplate.Execute(&text, c)
	return text.Bytes(), err
}

// Its state is in the node's own /run, which is empty at each start.
var runtimeTemplate = template.Must(template.New("containerd").Parse(`version = 3
root = {{printf "%q" .Root}}
state = "/run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri"]

[grpc]
address = {{printf "%q" .Socket}}

[plugins."io.containerd.cri.v1.images"]
snapshotter = {{printf "%q" .Snapshotter}}
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = {{printf "%q" .PauseImage}}

[plugins."io.containerd.cri.v1.runtime"]
disable_apparmor = true
netns_mounts_under_state_dir = true
# Some machines do not let root lower an OOM score.
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = [{{printf "%q" .Plugins}}]
conf_dir = {{printf "%q" .Networks}}
use_internal_loopback = true
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = {{printf "%q" .Runc}}
SystemdCgroup = false
`))

// chooseSnapshotter returns the snapshotter for image layers: overlayfs, unless the directory
// itself is on an overlay, as in a container.
func chooseSnapshotter(directory string) string {
	probe, err := os.MkdirTemp(directory, "overlay-")
	if err != nil {
		return "native"
	}
	defer os.RemoveAll(probe)
	path := func(name string) string { return filepath.Join(probe, name) }
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(path(name), 0o700); err != nil {
			return "native"
		}
	}
	layers := "lowerdir=" + path("lower") + ",upperdir=" + path("upper") + ",workdir=" + path("work")
	if err := unix.Mount("overlay", path("merged"), "overlay", 0, layers); err != nil {
		return "native"
	}
	_ = unix.Unmount(path("merged"), 0)
	return "overlayfs"
}

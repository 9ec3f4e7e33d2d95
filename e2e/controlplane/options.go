package main

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
)

// options are the flags of `up`.
type options struct {
	dir              string
	etcd             string
	apiserver        string
	advertiseAddress netip.Addr
	audit            bool
	admissionPlugins string
	detach           bool
	durable          bool
	lifeline         bool
	node             bool
	programs         string
	remove           bool
}

func parseOptions(args []string) (options, error) {
	o := options{advertiseAddress: netip.MustParseAddr("127.0.0.1")}
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	flags.StringVar(&o.dir, "dir", "", "directory for keys, data and logs (default: a temporary one, removed at the end)")
	flags.StringVar(&o.etcd, "etcd", "", "an etcd to use instead of the built-in one")
	flags.StringVar(&o.apiserver, "kube-apiserver", "", "a kube-apiserver to use instead of the built-in one")
	flags.Func("advertise-address", "address that the API server binds and advertises (default 127.0.0.1)", func(value string) (err error) {
		o.advertiseAddress, err = netip.ParseAddr(value)
		return err
	})
	flags.StringVar(&o.admissionPlugins, "enable-admission-plugins", "", "admission plug-ins of the API server to turn on as well, separated by commas")
	flags.BoolVar(&o.audit, "audit", false, "record every request's metadata in DIR/audit.log, as JSON lines")
	flags.BoolVar(&o.detach, "detach", false, "run in a new session, detached from the terminal")
	flags.BoolVar(&o.durable, "durable", false, "have etcd sync to disk on every write (slower; for tests that crash it)")
	flags.BoolVar(&o.lifeline, "lifeline", false, "end when standard input reaches its end")
	flags.BoolVar(&o.node, "node", false, "add a node that runs Pods, all in separate namespaces (needs root)")
	flags.StringVar(&o.programs, "programs", "", "directory with the node's programs: containerd, its shim, ctr, cleaner, pause")
	flags.BoolVar(&o.remove, "rm", false, "remove DIR at the end")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	err := o.check(flags.Args())
	if err == nil && o.node {
		o.programs, err = filepath.Abs(o.programs)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "mtk-controlplane: %v\n", err)
	}
	return o, err
}

func (o options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case o.node && o.programs == "":
		return errors.New("--node needs --programs")
	case o.node && !o.advertiseAddress.IsLoopback():
		return errors.New("--advertise-address cannot be combined with --node")
	}
	return nil
}

package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
)

// options are the flags of `up`.
type options struct {
	dir              string
	etcd             string
	apiserver        string
	advertiseAddress net.IP
	audit            bool
	detach           bool
	durable          bool
	lifeline         bool
	remove           bool
}

func parseOptions(args []string) (options, error) {
	o := options{advertiseAddress: net.IPv4(127, 0, 0, 1)}
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	flags.StringVar(&o.dir, "dir", "", "directory for keys, data and logs (default: a temporary one, removed at the end)")
	flags.StringVar(&o.etcd, "etcd", "", "an etcd to use instead of the built-in one")
	flags.StringVar(&o.apiserver, "kube-apiserver", "", "a kube-apiserver to use instead of the built-in one")
	flags.Func("advertise-address", "address that the API server binds and advertises (default 127.0.0.1)", func(value string) error {
		if o.advertiseAddress = net.ParseIP(value); o.advertiseAddress == nil {
			return errors.New("not an IP address")
		}
		return nil
	})
	flags.BoolVar(&o.audit, "audit", false, "record every request's metadata in DIR/audit.log, as JSON lines")
	flags.BoolVar(&o.detach, "detach", false, "run in a session of its own, out of reach of the terminal")
	flags.BoolVar(&o.durable, "durable", false, "have etcd sync to disk on every write (slower; for tests that crash it)")
	flags.BoolVar(&o.lifeline, "lifeline", false, "end when standard input reaches its end")
	flags.BoolVar(&o.remove, "rm", false, "remove DIR at the end")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q", flags.Arg(0))
		fmt.Fprintf(os.Stderr, "mtk-controlplane: %v\n", err)
		return o, err
	}
	return o, nil
}

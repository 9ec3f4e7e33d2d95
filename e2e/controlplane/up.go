package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// summary is the one line that up prints when the control plane is ready.
type summary struct {
	Kubeconfig string         `json:"kubeconfig"`
	Server     string         `json:"server"`
	AuditLog   string         `json:"audit_log,omitempty"`
	ReadyMS    int64          `json:"ready_ms"`
	Pids       map[string]int `json:"pids"`
}

// up runs the control plane until it is told to end, and returns the exit code.
func up() int {
	options, err := parseOptions(os.Args[1:])
	if err != nil {
		return 2 // the flag package has said why
	}
	if err := serve(options); err != nil {
		fmt.Fprintf(os.Stderr, "mtk-controlplane: %v\n", err)
		return 1
	}
	return 0
}

// serve starts everything and returns when everything has ended: without an error if it was asked
// to end.
func serve(options options) error {
	started := time.Now()
	if options.detach {
		if err := detach(); err != nil {
			return err
		}
	}
	// From here on a signal is handled, so that nothing is left behind however early it comes.
	ctx := untilAskedToEnd(options.lifeline)

	dir, err := openDirectory(options)
	if err != nil {
		return err
	}
	defer dir.close()

	group := newGroup(dir)
	defer group.stop()

	plane, err := prepare(options, dir)
	if err != nil {
		return err
	}
	defer plane.port.Close()

	for _, stage := range stages {
		for _, component := range stage.components {
			if err := group.start(component.name, component.program(options), component.args(options, plane)); err != nil {
				return err
			}
		}
		ready := make(chan error, 1)
		go func() { ready <- plane.poll(ctx, stage.ready) }()
		if err := await(ctx, group, ready); err != nil {
			return orderly(ctx, err)
		}
	}
	if err := plane.announce(group.pids(), time.Since(started)); err != nil {
		return err
	}
	return orderly(ctx, await(ctx, group, nil))
}

// await returns the first that comes: readiness (nil), the reason why it does not come, the end of
// a component, or the request to end.
func await(ctx context.Context, group *group, ready <-chan error) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case exit := <-group.exits:
		return exit
	case err := <-ready:
		if err != nil {
			return group.explain(err)
		}
		return nil
	}
}

// orderly is the error to end with: none if the end was asked for.
func orderly(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "mtk-controlplane: ending: %v\n", context.Cause(ctx))
	return nil
}

// announce prints the summary. Whoever reads it may close the pipe afterwards.
func (p *plane) announce(pids map[string]int, took time.Duration) error {
	line, err := json.Marshal(summary{
		Kubeconfig: p.dir.path("kubeconfig"),
		Server:     p.server,
		AuditLog:   p.auditLog,
		ReadyMS:    took.Milliseconds(),
		Pids:       pids,
	})
	if err != nil {
		return err
	}
	_, err = fmt.Println(string(line))
	return err
}

// untilAskedToEnd gives a context that ends, with the reason as its cause, on SIGINT, SIGTERM or,
// with lifeline, when nobody holds the other end of standard input any more.
func untilAskedToEnd(lifeline bool) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	// A reader that has gone is an error of the write, not the end of this process.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
	go func() { cancel(fmt.Errorf("received %v", <-signals)) }()
	if lifeline {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel(errors.New("the process that started it has gone"))
		}()
	}
	return ctx
}

// detach leaves the caller's terminal and process group, so that neither Ctrl-C there nor its end
// reaches this process.
func detach() error {
	if _, err := syscall.Setsid(); err != nil {
		return fmt.Errorf("starting a session of its own: %w", err)
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// up runs the control plane until it gets a signal to end, and returns the exit code.
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

// serve starts everything and returns when everything has ended. After a requested end it returns
// no error.
func serve(options options) error {
	started := time.Now()
	if options.detach {
		if err := detach(); err != nil {
			return err
		}
	}
	// From here on a signal is handled, so that even an early one leaves no files behind.
	ctx := untilAskedToEnd(options.lifeline)

	dir, err := openDirectory(options)
	if err != nil {
		return err
	}
	defer dir.close()

	if options.node {
		err = serveWorld(ctx, options, dir, started)
	} else {
		err = run(ctx, options, dir, nil, func(s *summary) error { return s.print(started) })
	}
	if err == nil {
		fmt.Fprintf(os.Stderr, "mtk-controlplane: ending: %v\n", context.Cause(ctx))
	}
	return err
}

// run starts every component, announces that they are ready, and returns when they have ended.
// After a requested end it returns no error. The node is optional.
func run(ctx context.Context, options options, dir *directory, node *node, announce func(*summary) error) error {
	group := newGroup(dir)
	defer group.stop()

	plane, err := prepare(options, dir, node)
	if err != nil {
		return err
	}
	defer plane.port.Close()

	for _, stage := range plane.stages() {
		var steps []*process
		for _, component := range stage.components {
			process, err := group.start(component.name, component.program(options), component.args(options, plane), component.once)
			if err != nil {
				return err
			}
			if component.once {
				steps = append(steps, process)
			}
		}
		ready := make(chan error, 1)
		go func() {
			for _, step := range steps {
				<-step.done
			}
			ready <- plane.await(ctx, stage.ready)
		}()
		if err := await(ctx, group, ready); err != nil {
			return orderly(ctx, err)
		}
	}
	if err := announce(plane.summary(group.pids())); err != nil {
		return err
	}
	return orderly(ctx, await(ctx, group, nil))
}

// await returns the first of these events: readiness (nil), the reason why a component is not
// ready, the end of a component, or the request to end.
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

// orderly returns the error to end with, nil after a requested end.
func orderly(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// untilAskedToEnd returns a context that ends on SIGINT, on SIGTERM or, with lifeline, when
// standard input ends. The context's cause is the reason.
func untilAskedToEnd(lifeline bool) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	// A closed pipe makes a write fail, and does not end this process.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
	go func() { cancel(fmt.Errorf("received %v", <-signals)) }()
	if lifeline {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel(errors.New("the parent process has ended"))
		}()
	}
	return ctx
}

// detach leaves the caller's terminal and process group, so that neither Ctrl-C nor the end of the
// terminal reaches this process.
func detach() error {
	if _, err := syscall.Setsid(); err != nil {
		return fmt.Errorf("starting a session of its own: %w", err)
	}
	return nil
}

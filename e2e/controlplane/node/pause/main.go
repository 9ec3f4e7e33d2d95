// Command pause holds the namespaces of a Pod and does nothing else.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	// It is process 1 where a Pod shares one process namespace, and the parent of all orphans there.
	// Ignored, a child's end leaves no entry to wait for.
	signal.Ignore(syscall.SIGCHLD)
	<-end
}

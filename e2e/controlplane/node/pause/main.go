// Command pause only holds the namespaces of a Pod.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	// If a Pod shares one process namespace, pause is process 1 there, and the parent of all orphans.
	// With SIGCHLD ignored, an ended child leaves no zombie.
	signal.Ignore(syscall.SIGCHLD)
	<-end
}

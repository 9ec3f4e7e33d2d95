package main

import (
	"fmt"
	"log"
	"os"

	"github.com/coredns/caddy"
	_ "github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
)

// coredns is CoreDNS with the plug-ins that a cluster's DNS needs. CoreDNS's own main is not used,
// because it would add its flags to the other programs of this binary.
func coredns() int {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: mtk-controlplane coredns COREFILE")
		return 2
	}
	log.SetFlags(0)
	caddy.Quiet = true
	caddy.AppName = "CoreDNS"
	content, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	instance, err := caddy.Start(caddy.CaddyfileInput{Contents: content, Filepath: os.Args[1], ServerTypeName: "dns"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	instance.Wait()
	return 0
}

package main

import (
	"fmt"
	"net"
	"strconv"
)

// plane is one control plane: where it is, and the admin's way in.
type plane struct {
	dir       *directory
	authority *authority
	admin     credential
	port      *reservedPort
	server    string
	auditLog  string
}

// prepare reserves the port and writes keys and configuration.
func prepare(options options, dir *directory) (*plane, error) {
	port, err := reservePort(options.advertiseAddress)
	if err != nil {
		return nil, fmt.Errorf("finding a free port on %s: %w", options.advertiseAddress, err)
	}
	p := &plane{
		dir:    dir,
		port:   port,
		server: "https://" + net.JoinHostPort(options.advertiseAddress.String(), strconv.Itoa(port.number)),
	}
	if err := p.writeFiles(options); err != nil {
		port.Close()
		return nil, err
	}
	return p, nil
}

// writeFiles makes the authority and everything it signs, and the files that components read.
func (p *plane) writeFiles(options options) error {
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	p.authority = ca
	// The second address is the Service `kubernetes`, the first of the Service range.
	server, err := ca.server(net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1), options.advertiseAddress)
	if err != nil {
		return err
	}
	if p.admin, err = ca.client("mtk-admin", "system:masters"); err != nil {
		return err
	}
	signing, err := newSigningKey()
	if err != nil {
		return err
	}
	admin, err := kubeconfig(p.server, ca.pem, p.admin)
	if err != nil {
		return err
	}
	manager, err := ca.client("system:kube-controller-manager")
	if err != nil {
		return err
	}
	managerConfig, err := kubeconfig(p.server, ca.pem, manager)
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"ca.crt":                             ca.pem,
		"kube-apiserver.crt":                 server.certificate,
		"kube-apiserver.key":                 server.key,
		"service-account.key":                signing,
		"kubeconfig":                         admin,
		"kube-controller-manager.kubeconfig": managerConfig,
	}
	if options.audit {
		p.auditLog = p.dir.path("audit.log")
		files["audit-policy.yaml"] = []byte(auditPolicy)
	}
	for name, content := range files {
		if err := p.dir.write(name, content); err != nil {
			return err
		}
	}
	return nil
}

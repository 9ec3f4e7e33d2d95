package main

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// plane is one control plane: its directory, its address and the admin's credentials.
type plane struct {
	dir       *directory
	authority *authority
	admin     credential
	address   netip.Addr
	services  netip.Prefix
	port      *reservedPort
	server    string
	auditLog  string
	node      *node // nil: a control plane without a node
}

// prepare reserves the port and writes keys and configuration.
func prepare(options options, dir *directory, node *node) (*plane, error) {
	p := &plane{
		dir:      dir,
		address:  options.advertiseAddress,
		services: netip.MustParsePrefix("10.96.0.0/16"),
		node:     node,
	}
	if node != nil {
		p.address, p.services = node.block.node(), node.block.services()
	}
	port, err := reservePort(p.address)
	if err != nil {
		return nil, fmt.Errorf("finding a free port on %s: %w", p.address, err)
	}
	p.port = port
	p.server = "https://" + net.JoinHostPort(p.address.String(), strconv.Itoa(port.number))
	if err := p.writeFiles(options); err != nil {
		port.Close()
		return nil, err
	}
	return p, nil
}

// writeFiles creates the certificate authority, the certificates and the files that components
// read.
func (p *plane) writeFiles(options options) error {
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	p.authority = ca
	// The second address is the Service `kubernetes`, the first of the Service range.
	server, err := ca.server("kube-apiserver", apiserverNames, netip.MustParseAddr("127.0.0.1"), p.services.Addr().Next(), p.address)
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
	files := map[string][]byte{
		"ca.crt":              ca.pem,
		"kube-apiserver.crt":  server.certificate,
		"kube-apiserver.key":  server.key,
		"service-account.key": signing,
		"kubeconfig":          admin,
	}
	if err := p.addIdentity(files, "kube-controller-manager", "system:kube-controller-manager"); err != nil {
		return err
	}
	if p.node != nil {
		if err := p.addNodeFiles(files); err != nil {
			return err
		}
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

// addIdentity adds the kubeconfig with which a component authenticates as the user.
func (p *plane) addIdentity(files map[string][]byte, component, user string, groups ...string) error {
	client, err := p.authority.client(user, groups...)
	if err != nil {
		return err
	}
	files[component+".kubeconfig"], err = kubeconfig(p.server, p.authority.pem, client)
	return err
}

// apiserverNames are the names of the Service `kubernetes`, and of loopback.
var apiserverNames = []string{
	"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
}

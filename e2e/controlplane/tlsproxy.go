package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
)

// tlsProxy accepts TLS connections and forwards their contents to a server without TLS. Before it
// listens, it writes the certificate of its new authority to a file.
func tlsProxy() int {
	flags := flag.NewFlagSet("tls-proxy", flag.ContinueOnError)
	listen := flags.String("listen", "", "the address to listen on, such as 192.0.2.1:8443")
	upstream := flags.String("upstream", "", "the address of the server")
	authority := flags.String("authority", "", "the file for the authority's certificate, as PEM")
	lifeline := flags.Bool("lifeline", false, "end when standard input reaches its end")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return 2 // the flag package has said why
	}
	if *lifeline {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	if err := serveTLS(*listen, *upstream, *authority); err != nil {
		fmt.Fprintf(os.Stderr, "mtk-controlplane: %v\n", err)
		return 1
	}
	return 0
}

func serveTLS(address, upstream, authorityFile string) error {
	listen, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	server, err := authority.server("tls-proxy", nil, listen.Addr())
	if err != nil {
		return err
	}
	certificate, err := tls.X509KeyPair(server.certificate, server.key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(authorityFile, authority.pem, 0o644); err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	listener, err := tls.Listen("tcp", listen.String(), config)
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			// A client that does not trust the authority breaks off.
			if err := forward(connection, upstream); err != nil {
				fmt.Fprintf(os.Stderr, "mtk-controlplane: %v\n", err)
			}
		}()
	}
}

// forward copies in both directions until one side ends.
func forward(client net.Conn, upstream string) error {
	defer client.Close()
	server, err := net.Dial("tcp", upstream)
	if err != nil {
		return err
	}
	defer server.Close()
	ended := make(chan error, 2)
	for _, pair := range [][2]net.Conn{{server, client}, {client, server}} {
		go func() {
			_, err := io.Copy(pair[0], pair[1])
			ended <- err
		}()
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

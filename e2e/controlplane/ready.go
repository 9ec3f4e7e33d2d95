package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"time"
)

// readyWithin is how long a start may take: ten times what two busy cores need.
const readyWithin = 2 * time.Minute

// waitUntilReady returns when the API server says that it is ready and the controllers have made
// the first ServiceAccount, without which no Pod is admitted.
func (p *plane) waitUntilReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	client, err := p.client()
	if err != nil {
		return err
	}
	for _, path := range []string{"/readyz", "/api/v1/namespaces/default/serviceaccounts/default"} {
		if err := poll(ctx, client, p.server+path); err != nil {
			return err
		}
	}
	return nil
}

// poll asks until the answer is 200 OK.
func poll(ctx context.Context, client *http.Client, url string) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	last := "no answer"
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w (last: %s)", url, context.Cause(ctx), last)
		case <-ticker.C:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			last = err.Error()
			continue
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return nil
		}
		last = response.Status
	}
}

// client speaks as the admin.
func (p *plane) client() (*http.Client, error) {
	pair, err := tls.X509KeyPair(p.admin.certificate, p.admin.key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.authority.pem)
	return &http.Client{
		Timeout: 5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{
			MinVersion:   tls.VersionTLS12,
			RootCAs:      roots,
			Certificates: []tls.Certificate{pair},
		}},
	}, nil
}

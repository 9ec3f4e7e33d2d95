package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// readyWithin is how long a stage may take: far more than two busy cores need.
const readyWithin = 2 * time.Minute

// poll asks the API server for the path until the answer is 200 OK.
func (p *plane) poll(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	client, err := p.client()
	if err != nil {
		return err
	}
	ticker := time.NewTicker(25 * time.Millisecond)
	defer ticker.Stop()
	for last := errors.New("not asked yet"); ; {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s%s: %w: %w", p.server, path, ctx.Err(), last)
		case <-ticker.C:
			if last = ask(ctx, client, p.server+path); last == nil {
				return nil
			}
		}
	}
}

// ask returns an error unless the answer is 200 OK.
func ask(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	// The connection is used again only if the body has been read.
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
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

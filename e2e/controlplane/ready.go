package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// readyWithin is how long a stage may take: far more than two busy cores need.
const readyWithin = 2 * time.Minute

// check is a condition that is polled with the admin's client until it holds.
type check struct {
	what string
	ask  func(context.Context, *plane, *http.Client) error
}

// await returns when every check has held.
func (p *plane) await(ctx context.Context, checks []check) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	client, err := p.client()
	if err != nil {
		return err
	}
	ticker := time.NewTicker(25 * time.Millisecond)
	defer ticker.Stop()
	for _, check := range checks {
		for last := errors.New("not asked yet"); last != nil; {
			select {
			case <-ctx.Done():
				return fmt.Errorf("waiting for %s: %w: %w", check.what, ctx.Err(), last)
			case <-ticker.C:
				last = check.ask(ctx, p, client)
			}
		}
	}
	return nil
}

// answers holds when the API server answers 200 OK at the path.
func answers(path string) check {
	return check{"the API server's answer at " + path, func(ctx context.Context, p *plane, client *http.Client) error {
		return ask(ctx, client, p.server+path, nil)
	}}
}

// ask returns an error unless the answer is 200 OK. It decodes the body as JSON into the target,
// unless that is nil.
func ask(ctx context.Context, client *http.Client, url string, into any) error {
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
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

// client authenticates as the admin.
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

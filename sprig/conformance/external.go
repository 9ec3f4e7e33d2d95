package main

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
	"text/template"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"sigs.k8s.io/yaml"
	"software.sslmate.com/src/go-pkcs12"
)

// The functions that External Secrets adds to Sprig, on the libraries that it uses. Their randomness
// is a counter that starts at zero, so their results are the same each time.
func externalFunctions() template.FuncMap {
	functions := template.FuncMap{
		"filterPEM":        filterPEM,
		"filterCertChain":  filterCertChain,
		"certSANs":         certSANs,
		"jwkPublicKeyPem":  jwkPublic,
		"jwkPrivateKeyPem": jwkPrivate,
		"rsaDecrypt":       rsaDecrypt,
		"pkcs12keyPass":    pkcs12Key,
		"pkcs12certPass":   pkcs12Certificates,
		"toYaml": func(value any) string {
			text, err := yaml.Marshal(value)
			if err != nil {
				return ""
			}
			return strings.TrimSuffix(string(text), "\n")
		},
		"fromYaml": func(text string) map[string]any {
			values := map[string]any{}
			if err := yaml.Unmarshal([]byte(text), &values); err != nil {
				values["Error"] = err.Error()
			}
			return values
		},
		"hexdec": func(text string) (string, error) {
			decoded, err := hex.DecodeString(text)
			return string(decoded), err
		},
	}
	functions["pkcs12key"] = func(file string) (string, error) { return pkcs12Key("", file) }
	functions["pkcs12cert"] = func(file string) (string, error) { return pkcs12Certificates("", file) }
	for suffix, full := range map[string]bool{"pemToPkcs12": false, "fullPemToPkcs12": true} {
		functions[suffix] = func(cert, key string) (string, error) { return toPKCS12(cert, key, "", full) }
		functions[suffix+"Pass"] = func(cert, key, password string) (string, error) {
			return toPKCS12(cert, key, password, full)
		}
	}
	functions["pemTruststoreToPKCS12"] = func(certs string) (string, error) { return trustStore(certs, "") }
	functions["pemTruststoreToPKCS12Pass"] = trustStore
	return functions
}

// counter is a deterministic source of bytes instead of a random one.
type counter byte

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(*c)
		*c++
	}
	return len(p), nil
}

func modern() *pkcs12.Encoder { return pkcs12.Modern.WithRand(new(counter)) }

func encodePEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func withoutJunk(text string) []byte {
	if start := strings.Index(text, "-----BEGIN"); start > 0 {
		text = text[start:]
	}
	return []byte(text)
}

func filterPEM(kind, text string) (string, error) {
	var found bytes.Buffer
	rest := withoutJunk(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if strings.EqualFold(block.Type, kind) {
			if err := pem.Encode(&found, block); err != nil {
				return "", err
			}
		}
	}
	if found.Len() == 0 && len(rest) != 0 {
		return "", errors.New("junk")
	}
	return found.String(), nil
}

// parseAll reads all certificates. With strict, no other data may follow them.
func parseAll(text []byte, strict bool) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for len(text) > 0 {
		block, rest := pem.Decode(text)
		if block == nil {
			if strict {
				return nil, errors.New("not PEM")
			}
			break
		}
		text = rest
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

// chain orders certificates from the leaf on.
func chain(certs []*x509.Certificate) ([]*x509.Certificate, error) {
	issuer := map[int]int{}
	isIssuer := map[int]bool{}
	for i, cert := range certs {
		for j, other := range certs {
			if i != j && bytes.Equal(cert.AuthorityKeyId, other.SubjectKeyId) {
				issuer[i], isIssuer[j] = j, true
				break
			}
		}
	}
	leaf := -1
	for i := range certs {
		if isIssuer[i] {
			continue
		}
		if leaf >= 0 {
			return nil, errors.New("more than one leaf")
		}
		leaf = i
	}
	if leaf < 0 {
		return nil, errors.New("no leaf")
	}
	var ordered []*x509.Certificate
	for next, ok := leaf, true; ok; next, ok = issuer[next] {
		if len(ordered) == len(certs) {
			return nil, errors.New("a cycle")
		}
		ordered = append(ordered, certs[next])
		if _, more := issuer[next]; !more {
			break
		}
	}
	return ordered, nil
}

func isRoot(cert *x509.Certificate) bool {
	return cert.AuthorityKeyId == nil || bytes.Equal(cert.AuthorityKeyId, cert.SubjectKeyId)
}

func encodeAll(certs []*x509.Certificate) string {
	var text strings.Builder
	for _, cert := range certs {
		text.WriteString(encodePEM("CERTIFICATE", cert.Raw))
	}
	return text.String()
}

func filterCertChain(part, text string) (string, error) {
	certs, err := parseAll([]byte(text), false)
	if err != nil {
		return "", err
	}
	ordered, err := chain(certs)
	if err != nil {
		return "", err
	}
	first, last := ordered[0], ordered[len(ordered)-1]
	switch part {
	case "leaf":
		if !isRoot(first) {
			return encodeAll(ordered[:1]), nil
		}
	case "intermediate":
		end := 1
		for end < len(ordered) && !isRoot(ordered[end]) {
			end++
		}
		return encodeAll(ordered[1:end]), nil
	case "root":
		if isRoot(last) {
			return encodeAll(ordered[len(ordered)-1:]), nil
		}
	}
	return "", nil
}

func certSANs(text string) ([]string, error) {
	block, _ := pem.Decode(withoutJunk(text))
	if block == nil {
		return nil, errors.New("not PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	names := append([]string{}, cert.DNSNames...)
	for _, address := range cert.IPAddresses {
		names = append(names, address.String())
	}
	names = append(names, cert.EmailAddresses...)
	for _, uri := range cert.URIs {
		names = append(names, uri.String())
	}
	return names, nil
}

func rawKey(text string) (raw any, err error) {
	key, err := jwk.ParseKey([]byte(text))
	if err != nil {
		return nil, err
	}
	return raw, key.Raw(&raw)
}

func jwkPublic(text string) (string, error) {
	key, err := rawKey(text)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	return encodePEM("PUBLIC KEY", der), err
}

func jwkPrivate(text string) (string, error) {
	key, err := rawKey(text)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return encodePEM("PRIVATE KEY", der), err
}

func parseKey(text string) (any, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("not PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	return x509.ParseECPrivateKey(block.Bytes)
}

func rsaDecrypt(scheme, hash, text, key string) (string, error) {
	switch scheme {
	case "None":
		return text, nil
	case "RSA-OAEP":
	default:
		return "", errors.New("no such scheme")
	}
	parsed, err := parseKey(key)
	if err != nil {
		return "", err
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return "", errors.New("not an RSA key")
	}
	function := map[string]crypto.Hash{"SHA1": crypto.SHA1, "SHA512": crypto.SHA512}[hash]
	if function == 0 {
		function = crypto.SHA256
	}
	plain, err := rsa.DecryptOAEP(function.New(), nil, private, []byte(text), nil)
	return string(plain), err
}

func pkcs12Key(password, file string) (string, error) {
	key, _, _, err := pkcs12.DecodeChain([]byte(file), password)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return encodePEM("PRIVATE KEY", der), err
}

func pkcs12Certificates(password, file string) (string, error) {
	_, cert, issuers, err := pkcs12.DecodeChain([]byte(file), password)
	if err != nil {
		return "", err
	}
	certs := append([]*x509.Certificate{cert}, issuers...)
	if ordered, err := chain(certs); err == nil {
		certs = ordered
	}
	return encodeAll(certs), nil
}

func toPKCS12(cert, key, password string, full bool) (string, error) {
	block, rest := pem.Decode([]byte(cert))
	if block == nil {
		return "", errors.New("not PEM")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", err
	}
	var issuers []*x509.Certificate
	if full {
		if issuers, err = parseAll(rest, true); err != nil {
			return "", err
		}
	}
	private, err := parseKey(key)
	if err != nil {
		return "", err
	}
	file, err := modern().Encode(private, parsed, issuers, password)
	return base64.StdEncoding.EncodeToString(file), err
}

func trustStore(text, password string) (string, error) {
	certs, err := parseAll([]byte(text), true)
	if err != nil {
		return "", err
	}
	file, err := modern().EncodeTrustStore(certs, password)
	return base64.StdEncoding.EncodeToString(file), err
}

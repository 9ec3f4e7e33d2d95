// Command conformance evaluates paths with the original gjson, as the AWS providers of the External Secrets
// Operator do, and writes the results.
//
// Without arguments, it writes the corpus: the cases of cases.go and generated ones. With SEED and COUNT, it
// writes that many generated cases. With -members, it writes the members of the documents instead.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// A testCase is one line. Text that is not UTF-8 is in base64, in the field that ends in _bytes. A line without
// a document uses that of the line before.
type testCase struct {
	JSON        *string  `json:"json,omitempty"`
	JSONBytes   string   `json:"json_bytes,omitempty"`
	Path        *string  `json:"path,omitempty"`
	Result      *string  `json:"result,omitempty"`
	ResultBytes string   `json:"result_bytes,omitempty"`
	Members     []member `json:"members,omitempty"`
	Missing     bool     `json:"missing,omitempty"`
}

// A member is a name and a value. A value that is not UTF-8 is in base64.
type member struct {
	Name       string  `json:"name"`
	Value      *string `json:"value,omitempty"`
	ValueBytes string  `json:"value_bytes,omitempty"`
}

// The generated part of the corpus.
const (
	seed        = 1
	count       = 2000
	memberCount = 300
)

func main() {
	isMembers := flag.Bool("members", false, "write the members of objects instead of the values at paths")
	flag.Parse()
	if err := run(os.Stdout, *isMembers, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, isMembers bool, arguments []string) error {
	buffered := bufio.NewWriter(out)
	defer buffered.Flush()
	encoder := json.NewEncoder(buffered)
	encoder.SetEscapeHTML(false)
	last := ""
	write := func(document, path string) error {
		if isMembers {
			return encoder.Encode(members(document))
		}
		c := answer(document, path)
		if document == last {
			c.JSON, c.JSONBytes = nil, ""
		}
		last = document
		return encoder.Encode(c)
	}
	switch len(arguments) {
	case 0:
		if err := written(write, isMembers); err != nil {
			return err
		}
		if isMembers {
			return generated(write, seed, memberCount)
		}
		return generated(write, seed, count)
	case 2:
		seed, err := strconv.ParseUint(arguments[0], 10, 64)
		if err != nil {
			return err
		}
		count, err := strconv.Atoi(arguments[1])
		if err != nil {
			return err
		}
		return generated(write, seed, count)
	default:
		return fmt.Errorf("expected no arguments, or SEED and COUNT")
	}
}

// property is GetSecret of the operator's secretsmanager.go and parameterstore.go.
func property(payload, property string) (result gjson.Result) {
	refProperty := property
	if strings.Contains(property, ".") {
		refProperty = strings.ReplaceAll(property, ".", "\\.")
		if !gjson.Get(payload, refProperty).Exists() {
			refProperty = property
		}
	}
	return gjson.Get(payload, refProperty)
}

func answer(document, path string) testCase {
	c := testCase{Path: &path}
	c.JSON, c.JSONBytes = text(document)
	result := property(document, path)
	if !result.Exists() {
		c.Missing = true
		return c
	}
	c.Result, c.ResultBytes = text(result.String())
	return c
}

// members is GetSecretMap of the operator's secretsmanager.go, but keeps the order of the document.
func members(document string) testCase {
	var c testCase
	c.JSON, c.JSONBytes = text(document)
	values := make(map[string]json.RawMessage)
	if err := json.Unmarshal([]byte(document), &values); err != nil {
		c.Missing = true
		return c
	}
	for _, name := range names(document) {
		raw := values[name]
		value := string(raw)
		var unquoted string
		if err := json.Unmarshal(raw, &unquoted); err == nil {
			value = unquoted
		}
		member := member{Name: name}
		member.Value, member.ValueBytes = text(value)
		c.Members = append(c.Members, member)
	}
	return c
}

// names returns each name of an object once, at its first position.
func names(document string) []string {
	var all []string
	known := make(map[string]bool)
	decoder := json.NewDecoder(bytes.NewReader([]byte(document)))
	for depth := 0; ; {
		token, err := decoder.Token()
		if err != nil {
			return all
		}
		delim, isDelim := token.(json.Delim)
		switch {
		case isDelim && (delim == '{' || delim == '['):
			depth++
		case isDelim:
			depth--
		case depth == 1:
			name := token.(string)
			if !known[name] {
				known[name] = true
				all = append(all, name)
			}
			var value json.RawMessage
			if decoder.Decode(&value) != nil {
				return all
			}
		}
	}
}

func text(value string) (asText *string, asBytes string) {
	if utf8.ValidString(value) {
		return &value, ""
	}
	return nil, base64.StdEncoding.EncodeToString([]byte(value))
}

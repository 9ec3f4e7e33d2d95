// Command conformance answers a corpus of templates with Go's own text/template and Sprig.
//
// It reads JSON lines (see case) and writes the same lines with "output" (or "bytes", in base64,
// where the output is not UTF-8) or "error": the phase in which the template failed.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"text/template"
	"unicode/utf8"

	"github.com/Masterminds/sprig/v3"
)

// A case is one line of the corpus. Data is any JSON; Strings is a context of strings only, as the
// controllers give it. Dialect is "go" (only the built-ins), "sealed-secret" or "external-secret".
type testCase struct {
	Dialect  string            `json:"dialect,omitempty"`
	Template string            `json:"template"`
	Data     any               `json:"data,omitempty"`
	Strings  map[string]string `json:"strings,omitempty"`
	Output   *string           `json:"output,omitempty"`
	Bytes    string            `json:"bytes,omitempty"`
	Error    string            `json:"error,omitempty"`
}

func main() {
	verbose := flag.Bool("verbose", false, "write Go's message instead of the phase of an error")
	rounds := flag.Int("time", 0, "render the corpora in these files so many times, and print how long it took")
	flag.Parse()
	if *rounds > 0 {
		if err := timeAll(*rounds, flag.Args()); err != nil {
			fmt.Fprintln(os.Stderr, "conformance:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(os.Stdin, os.Stdout, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, verbose bool) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	buffered := bufio.NewWriter(out)
	defer buffered.Flush()
	encoder := json.NewEncoder(buffered)
	encoder.SetEscapeHTML(false)
	// The context of lines without their own context.
	var shared any
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var c testCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return fmt.Errorf("%w in %s", err, lines.Bytes())
		}
		if c.Template == "" && c.Data != nil {
			shared = c.Data
			if err := encoder.Encode(c); err != nil {
				return err
			}
			continue
		}
		answer(&c, shared, verbose)
		if err := encoder.Encode(c); err != nil {
			return err
		}
	}
	return lines.Err()
}

func answer(c *testCase, shared any, verbose bool) {
	c.Output, c.Bytes, c.Error = nil, "", ""
	data := c.Data
	switch {
	case c.Strings != nil:
		data = c.Strings
	case data == nil:
		data = clone(shared)
	}
	output, phase, err := render(c.Dialect, c.Template, data)
	switch {
	case err != nil && verbose:
		c.Error = phase + ": " + err.Error()
	case err != nil:
		c.Error = phase
	case utf8.Valid(output):
		text := string(output)
		c.Output = &text
	default:
		c.Bytes = base64.StdEncoding.EncodeToString(output)
	}
}

func render(dialect, text string, data any) (output []byte, phase string, err error) {
	t, err := parse(dialect, text)
	if err != nil {
		return nil, "parse", err
	}
	var buffer bytes.Buffer
	if err := execute(t, &buffer, data); err != nil {
		return nil, "exec", err
	}
	return buffer.Bytes(), "", nil
}

var functions = map[string]template.FuncMap{"": nil, "go": nil}

func init() {
	functions["sealed-secret"] = sprig.GenericFuncMap()
	functions["external-secret"] = sprig.GenericFuncMap()
	for _, dialect := range []string{"sealed-secret", "external-secret"} {
		for _, name := range []string{"env", "expandenv", "getHostByName"} {
			delete(functions[dialect], name)
		}
	}
	maps.Copy(functions["external-secret"], externalFunctions())
}

func parse(dialect, text string) (*template.Template, error) {
	known, ok := functions[dialect]
	if !ok {
		return nil, fmt.Errorf("no dialect is called %q", dialect)
	}
	t := template.New("t").Funcs(known)
	if dialect == "external-secret" {
		t = t.Option("missingkey=error")
	}
	return t.Parse(text)
}

func execute(t *template.Template, out io.Writer, data any) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	return t.Execute(out, data)
}

// Templates may change their data.
func clone(value any) any {
	switch value := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(value))
		for key, item := range value {
			copied[key] = clone(item)
		}
		return copied
	case []any:
		copied := make([]any, len(value), cap(value))
		for i, item := range value {
			copied[i] = clone(item)
		}
		return copied
	default:
		return value
	}
}

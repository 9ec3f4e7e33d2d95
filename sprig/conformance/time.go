package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/template"
	"time"
)

// timeAll renders the templates of corpora repeatedly, like sprig/examples/corpus.rs, and prints the
// nanoseconds of all rounds: of parsing and rendering, and of rendering only. It leaves out the
// templates that are slow on purpose.
func timeAll(rounds int, files []string) error {
	type timed struct {
		testCase
		parsed *template.Template
	}
	var cases []timed
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 64<<20)
		var shared any
		for lines.Scan() {
			var c testCase
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				return err
			}
			switch {
			case c.Template == "" && c.Data != nil:
				shared = c.Data
				continue
			case c.Strings != nil:
				c.Data = c.Strings
			case c.Data == nil:
				c.Data = shared
			}
			if !strings.Contains(c.Template, "bcrypt") && !strings.Contains(c.Template, "derivePassword") &&
				!strings.Contains(c.Template, "htpasswd") {
				cases = append(cases, timed{testCase: c})
			}
		}
		file.Close()
	}
	started := time.Now()
	for range rounds {
		for _, c := range cases {
			if parsed, err := parse(c.Dialect, c.Template); err == nil {
				execute(parsed, io.Discard, clone(c.Data))
			}
		}
	}
	both := time.Since(started)
	for i := range cases {
		cases[i].parsed, _ = parse(cases[i].Dialect, cases[i].Template)
	}
	started = time.Now()
	for range rounds {
		for _, c := range cases {
			if c.parsed != nil {
				execute(c.parsed, io.Discard, clone(c.Data))
			}
		}
	}
	fmt.Println(both.Nanoseconds(), time.Since(started).Nanoseconds())
	return nil
}

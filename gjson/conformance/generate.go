package main

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// generated writes random documents and paths. Most paths follow the document, others consist of random parts.
// One path in six and one document in eight have a few characters changed, and one in ten of each is noise.
// Most paths without a value are left out.
func generated(write func(document, path string) error, seed uint64, count int) error {
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	for written := 0; written < count; {
		root := g.node(2 + g.IntN(3))
		if root.kind == 's' && !g.oneIn(10) {
			continue
		}
		document := g.serialize(root)
		if g.oneIn(20) {
			document = g.pick(junk) + document + g.pick(junk)
		}
		if g.oneIn(8) {
			document = g.mutated(document)
		}
		path := g.path(root, 3)
		if g.oneIn(6) {
			path = strings.ToValidUTF8(g.mutated(path), "")
		}
		if g.oneIn(10) {
			path = g.noise(pathTokens)
		}
		if g.oneIn(10) {
			document = g.noise(documentTokens)
		}
		if !property(document, path).Exists() && !g.oneIn(6) {
			continue
		}
		written++
		if err := write(document, path); err != nil {
			return err
		}
	}
	return nil
}

type generator struct{ *rand.Rand }

func (g generator) oneIn(n int) bool { return g.IntN(n) == 0 }

func (g generator) pick(from []string) string { return from[g.IntN(len(from))] }

// A node is a value: the text of a scalar, or an array or an object.
type node struct {
	scalar string
	keys   []string // names in an object, still quoted
	items  []*node
	kind   byte // 's', '[' or '{'
}

var keys = []string{
	"a", "b", "c", "ab", "abc", "a.b", "a*", "*", "?", "", "é", "0", "1", "#", "@this", "a|b", `\"`, `\\`, `a\\b`,
	`\u0061`, `\u00e9`, `\ud83d\ude00`, "😀", `\n`, "{a}", "[0]", "!x", "user name", "x:y", "a,b", "@keys", "..", "-1",
	"<&>", "\u2028", "K", `\x`, `\u12`, "a\xff",
}

var strs = []string{
	"", "a", "b", "ab", "abc", "x", "true", "false", "T", "0", "1", "null", "a.b", "é", "日本", "😀", `\u00e9`, `\ud83d\ude00`, `\ud83d`,
	`\ude00\ud83d`, `\ud83dx`, `\u00`, `\uzzzz`, `\n\t\r\b\f`, `\/`, `\\`, `\"`, `a\"b`, `\x`, "<b>&amp;", "[1,2]", `{\"a\":{\"b\":[1,2]}}`,
	`\"quoted\"`, "a b", "]", "}", "{", "[", "p@ss w|rd#1", "\x7f", "\u2028", "\u00a0", "*", "a*b?", `a\\*`, "1.50", "0x10", "\x01", "\xff\xfe",
	"long enough that an array of it is wider than eighty letters",
}

var numbers = []string{
	"0", "1", "-1", "2", "42", "1.50", "1e3", "1E+3", "1e-7", "1e400", "-1e400", "-0", "-0.0", "0.1", "3.14159", "123456789012345678901234567890",
	"9007199254740993", "9007199254740993.0", "1e21", "1e22", "5e-324", "2.2250738585072011e-308", "1.7976931348623157e308", "0.000001", "100000000000000000000.5", "-",
	"+1", "+", "01", "1.", ".5", "1e", "0x1p4", "0x1.8p1", "1_000.5", "1__0", "inf", "Inf", "+Inf", "-Infinity", "nan", "NaN", "-nan", "Nope", "1-2", "1a", "n", "1\u00a0",
}

var literals = []string{"true", "false", "null", "true", "false", "null", "tru", "nul", "f", "nullx", "trueX"}

var junk = []string{"", "", " ", "\n", "x", "}", "]", ",", " trailing", "{}", "[]", `{"a":1}`, "\n[1,2]", "\ufeff", "\x00", `"s"`, "//", "null"}

var spaces = []string{" ", "\n", "\t", "  ", "\r\n", "\v"}

func (g generator) node(depth int) *node {
	if depth > 0 && !g.oneIn(4) {
		n := &node{kind: '['}
		if g.oneIn(2) {
			n.kind = '{'
		}
		// Queries need arrays of similar objects.
		if n.kind == '[' && g.oneIn(2) {
			names := []string{g.key(), g.key()}
			for range g.IntN(4) {
				item := &node{kind: '{'}
				for _, name := range names {
					if !g.oneIn(5) {
						item.keys = append(item.keys, name)
						item.items = append(item.items, g.node(depth-2))
					}
				}
				n.items = append(n.items, item)
			}
			return n
		}
		size := 1 + g.IntN(4)
		if g.oneIn(12) {
			size = 0
		}
		for range size {
			n.items = append(n.items, g.node(depth-1))
			n.keys = append(n.keys, g.key())
		}
		return n
	}
	switch g.IntN(8) {
	case 0:
		return &node{kind: 's', scalar: g.pick(literals)}
	case 1:
		return &node{kind: 's', scalar: g.pick(numbers)}
	case 2, 3:
		return &node{kind: 's', scalar: strconv.Itoa(g.IntN(4))}
	default:
		return &node{kind: 's', scalar: `"` + g.pick(strs) + `"`}
	}
}

func (g generator) key() string {
	if g.oneIn(2) {
		return keys[g.IntN(5)]
	}
	return g.pick(keys)
}

func (g generator) serialize(n *node) string {
	var out strings.Builder
	spaced := g.oneIn(4)
	space := func() {
		if spaced && g.oneIn(2) {
			out.WriteString(g.pick(spaces))
		}
	}
	var put func(n *node)
	put = func(n *node) {
		space()
		if n.kind == 's' {
			out.WriteString(n.scalar)
			space()
			return
		}
		out.WriteByte(n.kind)
		for i, item := range n.items {
			if i > 0 {
				out.WriteByte(',')
			}
			if n.kind == '{' {
				space()
				out.WriteString(`"` + n.keys[i] + `"`)
				space()
				out.WriteByte(':')
			}
			put(item)
		}
		space()
		out.WriteByte(n.kind + 2)
	}
	put(n)
	return out.String()
}

var documentTokens = strings.Split(`{ } [ ] ( ) , : " \\ a b 0 1 - . e n t f u "a" "b" "a":1 "b": {" [1, null true false \\" \\\\ \\u00e9 \\ud83d é`, " ")

var pathTokens = strings.Split(`. . . | # ## #( #[ ( ) ) )# [ ] { } * ? \\ " @ ! !" ~ = == < > % !% , : :" a b 0 1 ~true .. é @this @keys @tostr @dig: @flatten:{"deep":true}`, " ")

func (g generator) noise(tokens []string) string {
	var out strings.Builder
	for range 1 + g.IntN(12) {
		out.WriteString(g.pick(tokens))
	}
	return out.String()
}

const letters = "\"\\{}[]():,.|#@!*?~<>=% 0-atnfu\x00\xff\n"

func (g generator) mutated(text string) string {
	bytes := []byte(text)
	for range 1 + g.IntN(2) {
		at := g.IntN(len(bytes) + 1)
		switch g.IntN(5) {
		case 0:
			bytes = bytes[:at]
		case 1:
			if at < len(bytes) {
				bytes = append(bytes[:at:at], bytes[at+1:]...)
			}
		case 2:
			if at < len(bytes) {
				bytes[at] = letters[g.IntN(len(letters))]
			}
		case 3:
			bytes = append(bytes[:at:at], bytes[min(len(bytes), at+g.IntN(6)):]...)
		default:
			bytes = append(bytes[:at:at], append([]byte{letters[g.IntN(len(letters))]}, bytes[at:]...)...)
		}
	}
	return string(bytes)
}

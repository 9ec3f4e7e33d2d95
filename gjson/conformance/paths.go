package main

import (
	"strconv"
	"strings"
)

var modifiers = []string{
	"@this", "@pretty", "@ugly", "@reverse", "@flatten", "@valid", "@keys", "@values", "@join", "@tostr", "@fromstr", "@group", "@nope", "@",
	"@flatten:{\"deep\":true}", "@flatten:{\"deep\":\"T\"}", "@flatten:{\"deep\":0}", "@flatten:true", "@join:{\"preserve\":true}", "@join:{\"preserve\":1}",
	"@pretty:{\"sortKeys\":true}", "@pretty:{\"indent\":\"\\t\",\"width\":0}", "@pretty:{\"prefix\":\"  \",\"sortKeys\":true}", "@pretty:{\"width\":20}",
	"@pretty:{\"width\":-1}", "@pretty:{\"width\":\"9\"}", "@pretty:{\"width\":1e30}", "@pretty:{\"indent\":\"ab\",\"prefix\":\"> \"}", "@pretty:[1]", "@pretty:",
	"@dig:a", "@dig:b", "@dig:#", "@dig:a.b", "@dig:0", "@dig:#(a=1)", "@dig", "@keys:x", "@this:\"x\"", "@reverse:[1,2]", "@ugly:(a|b)",
}

var operators = []string{"==", "=", "!=", "<", "<=", ">", ">=", "%", "!%", "=", "!", "~", "==~", "!=~"}

var values = []string{
	`"a"`, `"b"`, "a", `"*"`, `"a*"`, "*", "?", "1", "0", "2", "-1", "1.5", `"1"`, "true", "false", "null", "~true", "~false", "~null", "~*", "~x", "~",
	`"é"`, `"😀"`, `"a\"b"`, `"\u00e9"`, `"`, `""`, "", " 1 ", `"a b"`, "1e400", "nan", `"(a)"`, `"]"`, `*\*`, `"\\*"`, "a?", "*b*",
}

var pieces = []string{
	"a", "b", "c", "ab", "*", "a*", "?", "*b", "0", "1", "2", "-1", "01", "18446744073709551616", "#", "##", "#a", "é", "\\*", "a\\.b", "\\", "\\a", "a\\", "a:b", "😀",
}

var statics = []string{
	`!"x"`, `!"a.b"`, "!true", "!false", "!null", "!nan", "!inf", "!NaN", "!1", "!1.50", "!-1e3", `!{"a":1}`, "![1,2]", `!{"a":{"b":[1,2]}}`, "!nope", "!", `!"x`, "!TRUE",
}

// path returns a path into a value, or into anything if n is nil.
func (g generator) path(n *node, depth int) string {
	switch {
	case depth > 0 && g.oneIn(12):
		return g.multi(n, depth) + g.tail(depth)
	case g.oneIn(12):
		return g.modifier(n, depth) + g.tail(depth)
	case g.oneIn(40):
		return g.pick(statics) + g.tail(depth)
	case g.oneIn(25):
		return ".." + g.path(&node{kind: '[', items: []*node{n, n}}, depth-1)
	}
	var out strings.Builder
	for first := true; ; first = false {
		if !first {
			out.WriteString(g.separator())
			if g.oneIn(8) {
				out.WriteString(g.modifier(n, depth))
				return out.String() + g.tail(depth)
			}
			if depth > 0 && g.oneIn(14) {
				out.WriteString(g.multi(n, depth))
				return out.String() + g.tail(depth)
			}
			if g.oneIn(60) {
				out.WriteString(g.pick(statics))
				return out.String() + g.tail(depth)
			}
		}
		part, next := g.part(n, depth)
		out.WriteString(part)
		n = next
		if n == nil && !g.oneIn(6) || n != nil && n.kind == 's' && !g.oneIn(8) || g.oneIn(6) {
			return out.String()
		}
	}
}

func (g generator) separator() string {
	if g.oneIn(5) {
		return "|"
	}
	return "."
}

func (g generator) tail(depth int) string {
	if g.oneIn(3) {
		return g.separator() + g.path(nil, depth-1)
	}
	return ""
}

func (g generator) modifier(n *node, depth int) string {
	if depth > 0 && g.oneIn(10) {
		return "@dig:" + g.path(nil, 0)
	}
	return g.pick(modifiers)
}

// part writes one segment of a path and returns the value that it should lead to.
func (g generator) part(n *node, depth int) (string, *node) {
	if n == nil || len(n.items) == 0 || g.oneIn(10) {
		if depth > 0 && g.oneIn(6) {
			return g.query(nil, depth), nil
		}
		return g.pick(pieces), nil
	}
	chosen := g.IntN(len(n.items))
	if n.kind == '{' {
		return g.name(n.keys[chosen]), n.items[chosen]
	}
	switch g.IntN(5) {
	case 0, 1:
		return strconv.Itoa(chosen), n.items[chosen]
	case 2:
		return "#", n.items[chosen]
	default:
		return g.query(n.items[chosen], depth), n.items[chosen]
	}
}

// name returns the path segment for a key: escaped, with wildcards, or unchanged.
func (g generator) name(key string) string {
	key = strings.ToValidUTF8(key, "?")
	key = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n", `\u0061`, "a", `\u00e9`, "é", `\ud83d\ude00`, "😀").Replace(key)
	runes := []rune(key)
	switch g.IntN(6) {
	case 0:
		if len(runes) > 0 {
			runes[g.IntN(len(runes))] = '?'
		}
		return string(runes)
	case 1:
		at := g.IntN(len(runes) + 1)
		return string(runes[:at]) + "*" + string(runes[min(len(runes), at+g.IntN(3)):])
	case 2:
		return key
	default:
		return strings.NewReplacer(".", `\.`, "*", `\*`, "?", `\?`, "|", `\|`, "#", `\#`, "@", `\@`, `\`, `\\`, "!", `\!`, "{", `\{`, "[", `\[`).Replace(key)
	}
}

func (g generator) query(n *node, depth int) string {
	var path string
	switch {
	case n != nil && n.kind == 's' && !g.oneIn(4):
	case depth > 0 && g.oneIn(5):
		path = g.path(n, depth-1)
	case n != nil && n.kind != 's' && len(n.items) > 0:
		path, n = g.part(n, depth-1)
	default:
		path = g.pick(pieces)
	}
	condition := path
	if !g.oneIn(6) {
		value := g.pick(values)
		if n != nil && n.kind == 's' && g.oneIn(2) {
			value = strings.ToValidUTF8(n.scalar, "")
		}
		space := ""
		if g.oneIn(8) {
			space = " "
		}
		condition = path + space + g.pick(operators) + space + value
	}
	opening, closing := "#(", ")"
	if g.oneIn(10) {
		opening, closing = "#[", "]"
	}
	if g.oneIn(2) {
		closing += "#"
	}
	return opening + condition + closing
}

var renames = []string{"", "", "", "a:", "b:", `"x":`, `"x`, `"é\n":`, "n.m:", "<:", ":", "\"\\x\":"}

func (g generator) multi(n *node, depth int) string {
	opening, closing := "{", "}"
	if g.oneIn(2) {
		opening, closing = "[", "]"
	}
	var parts []string
	for range g.IntN(4) {
		name := ""
		if opening == "{" || g.oneIn(10) {
			name = g.pick(renames)
		}
		parts = append(parts, name+g.path(n, depth-1))
	}
	return opening + strings.Join(parts, ",") + closing
}

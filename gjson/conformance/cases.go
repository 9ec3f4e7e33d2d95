package main

import "strings"

// A group is a document with paths into it.
type group struct {
	document string
	paths    []string
}

// written writes the manual cases.
func written(write func(document, path string) error, isMembers bool) error {
	all := append([]group{}, groups...)
	for _, document := range documents {
		all = append(all, group{document, everywhere})
	}
	all = append(all, deep()...)
	for _, group := range all {
		paths := group.paths
		if isMembers {
			paths = paths[:1]
		}
		for _, path := range paths {
			if err := write(group.document, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// deep returns nested documents, within the limits of the Rust crate.
func deep() []group {
	const depth = 100
	objects := strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth)
	arrays := strings.Repeat("[", depth) + "1" + strings.Repeat("]", depth)
	dots := func(name string, times int) string { return strings.TrimSuffix(strings.Repeat(name+".", times), ".") }
	return []group{
		{objects, []string{dots("a", depth), dots("a", depth-1), dots("a", depth+1), dots("*", depth), "@valid", "@ugly", "@dig:a.a.a.a.a.a"}},
		{arrays, []string{dots("0", depth), dots("0", depth-1), dots("#", depth), "@flatten:{\"deep\":true}", "@pretty", "@reverse.0", "@dig:0.0.#"}},
	}
}

// service resembles typical values in Secrets Manager.
const service = `{
  "username": "app", "password": "p@ss w|rd#1", "engine": "postgres", "host": "db.example.com", "port": 5432, "ssl": true, "ratio": 1.50,
  "big": 12345678901234567890, "huge": 123456789012345678901234567890, "exp": 1e3, "off": null, "empty": "", "list": [1, "two", 3.50, null, true, [4], {"k": "v"}],
  "tls.crt": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "tls.key": "key", "tls": {"crt": "nested", "key": {"pem": "deep"}},
  "users": [
    {"name": "ann", "age": 31, "admin": true, "roles": ["dev", "ops"], "home": {"city": "Ulm"}},
    {"name": "bob", "age": 44, "admin": false, "roles": ["ops"], "home": {"city": "Aix"}},
    {"name": "eve", "age": 31.5, "roles": [], "home": null},
    {"name": "Zoë", "age": "31", "admin": "true", "roles": ["dev"], "nick.name": "z"}
  ],
  "json": "{\"inner\":{\"token\":\"t0k\\\"en\",\"n\":[1,2]}}", "uni": "\u00e9\ud83d\ude00", "wild*": "w", "wild?": "q", "pipe|name": "p", "at@name": "at", "@this": "this", "#": "hash",
  "": "nothing", "0": "zero", "a": {"b": {"c": "abc"}, "b.c": "dotted"}, "a.b": {"c": "literal"}, "username": "second"
}`

var groups = []group{
	{service, []string{
		"username", "password", "port", "ssl", "ratio", "big", "huge", "exp", "off", "empty", "list", "nope", "", "0", "#", "@this", "uni", "json",
		"tls.crt", "tls.key", "tls.key.pem", `tls\.crt`, `tls\.key`, "tls", "a.b", "a.b.c", `a\.b`, `a\.b.c`, `a.b\.c`, "tls.nope", "username.x", "username.0", "off.x",
		"list.0", "list.1", "list.2", "list.3", "list.4", "list.5", "list.5.0", "list.6.k", "list.7", "list.-1", "list.01", "list.#", "list.#.k", "list.x", "list.18446744073709551617", "list.1.5",
		"user*", "us?rname", "*name", "*", "?", "p*t", "p*d", "p?rt", "tls*", "tls?crt", `wild\*`, `wild\?`, `wild*`, `wil?\*`, `pipe\|name`, "pipe|name", "at@name", `\@this`, `\#`, "h*.x", "l*.1",
		"users.#", "users.#.name", "users.#.home.city", "users.#.roles", "users.#.roles.0", "users.#.roles.#", "users.#.nope", "users.0.name", "users.3.nick.name", `users.3.nick\.name`, "users.1.roles.0",
		`users.#(name=="bob").age`, `users.#(name="bob").age`, `users.#(name=bob).age`, `users.#(name=='bob').age`, `users.#[name=="bob"].age`, `users.#( name == "bob" ).age`, `users.#(name=="nope").age`,
		`users.#(name!="bob")#.name`, `users.#(name>"b")#.name`, `users.#(name>="bob")#.name`, `users.#(name<"bob")#.name`, `users.#(name<="bob")#.name`, `users.#(name%"*b*")#.name`, `users.#(name!%"?o?")#.name`,
		`users.#(age==31)#.name`, `users.#(age=="31")#.name`, `users.#(age!=31)#.name`, `users.#(age>31)#.name`, `users.#(age>=31)#.name`, `users.#(age<44)#.name`, `users.#(age<=31)#.name`, `users.#(age%"3*")#.name`, `users.#(age>x)#.name`,
		`users.#(admin==true)#.name`, `users.#(admin==false)#.name`, `users.#(admin!=true)#.name`, `users.#(admin>false)#.name`, `users.#(admin>=true)#.name`, `users.#(admin<true)#.name`, `users.#(admin<=false)#.name`,
		`users.#(admin==~true)#.name`, `users.#(admin==~false)#.name`, `users.#(admin==~null)#.name`, `users.#(admin==~*)#.name`, `users.#(admin!=~*)#.name`, `users.#(admin!=~true)#.name`, `users.#(home==~null)#.name`, `users.#(age==~true)#.name`,
		`users.#(admin>~false)#.name`, `users.#(admin<~true)#.name`, `users.#(admin>=~null)#.name`, `users.#(admin==~x)#.name`, `users.#(admin==~)#.name`, `users.#(roles.#==~true)#.name`, `users.#(home.city)#.name`, `users.#(home==null)#.name`,
		`users.#(admin)#.name`, `users.#(home)#.name`, `users.#(nope)#`, `users.#(nope)`, `users.#(home.city=="Aix").name`, `users.#(roles.0=="ops")#.name`, `users.#(roles.#>1)#.name`, `users.#(roles.#(=="ops"))#.name`,
		`users.#(roles.#(%"d*")#).name`, `users.#(name=="Zoë").age`, `users.#(name=="Zo\u00eb").age`, `users.#(name%"Zo?").age`, `users.#(nick\.name=="z").name`, `users.#(name=="bob").roles.#`, `users.#(name=="ann").roles.1`,
		`users.#(name=="bob")`, `users.#(name=="bob")#`, `users.#(name=="bob")#|0.age`, `users.#(age>0)#|#`, `users.#(age>0)#.#`, `users.#(age>0)#|#.name`, `users.#(age>0)#|0`, `users.#(age>0)#|@reverse|0.name`, `users.#()#.name`, `users.#(`, `users.#(name`, `users.#)`,
		`list.#(=="two")`, `list.#(>1)#`, `list.#(>=1)#`, `list.#(!=1)#`, `list.#(==true)`, `list.#(==null)`, `list.#(==~null)`, `list.#(==~true)#`, `list.#(==~false)#`, `list.#(k=="v")`, `list.#(#)`, `list.#(0)`, `list.#(=="two")#`, `list.#(="two"`, `list.#(!)`, `list.#(=)#`,
		"users|0", "users|0|name", "users|#", "users|#.name", "users.#|name", "users.#.name|0", "users.#.name.0", "users.#.roles|0", "users.#.roles|@flatten", "users.#.roles|@flatten|#", "users.#.home|#.city", "users|@reverse|0|name", "a|b|c", "a|b.c", "a.b|c", "|a", "a|", "a||b", "a.", ".a", "a..b", ".", "|", "..",
		"@this.port", "@this|port", "tls.@this.crt", "tls.@keys", "tls.@keys.0", "tls.@values", "tls.@values.1.pem", "tls|@keys|1", "list.@reverse", "list.@reverse.0.k", "tls.@reverse", "port.@reverse", "list.@flatten", "list.@keys", "list.@values", "port.@keys", "port.@values", "off.@keys", "nope.@keys", "nope.@values",
		"port.@tostr", "host.@tostr", "tls.@tostr", "tls.@tostr.@fromstr.crt", "json.@fromstr", "json.@fromstr.inner", "json.@fromstr.inner.token", "json|@fromstr|inner.n.1", "host.@fromstr", "json.@fromstr.@fromstr", "tls.@valid.crt", "nope.@valid", "nope.@tostr", "nope.@this", "off.@tostr",
		"tls.@pretty", "list.@pretty", "users.0.@pretty", `tls.@pretty:{"sortKeys":true}`, `users.0.@pretty:{"sortKeys":true,"indent":"\t","prefix":"    "}`, `users.0.@pretty:{"width":10}`, `list.@pretty:{"width":0}`, `list.@pretty:{"width":-1}`, "users.@ugly", "@ugly", "tls.@pretty|@ugly",
		`list.@flatten:{"deep":true}`, `users.#.roles.@flatten`, `users.#.home.@join`, `users.@join`, `users.@join:{"preserve":true}`, "users.#.roles.@group", "{users.#.name,users.#.age}|@group", `{"n":users.#.name,"a":users.#.age}.@group`, `{"n":users.#.name,"a":users.#.age}|@group|#.n`,
		"@dig:name", "@dig:city", "@dig:k", "users.@dig:roles.0", "@dig:nope", "@dig", "a.@dig:c", "@dig:#(age>40).name", "@nope", "@nope.x", "tls.@nope", "@this:x", "@this:{}", "@this:{}.port", "@keys.@this:[1].0", "@", "tls.@", "@keys:", "@reverse:|username",
		"{username,port}", "[username,port]", `{"user":username,"pass":password}`, `{user:username,"p":port}`, "{username,nope,port}", "[username,nope,port]", "{tls.crt,tls.key.pem}", "{tls.key}", `{tls\.key}`, "{a.b.c,a.b}", "[users.#.name,users.#]", `{users.#(name=="bob").age}`, `{"x":users.#(name=="bob").age}`,
		"{username,port}.port", "{username,port}|port", "[username,port].1", "[username,port]|#", "[username,port].#", "tls.{crt,key.pem}", "tls.[crt,key.pem]", "tls|{crt,key.pem}", "users.#.{name,age}", "users.#.[name,age]", "users.#.{name,age}|1", "users.#.{name,age}|@flatten", "users.0.{name,home.city}", "users.0.{n:name,home.city}",
		`users.#(age>31)#.{name,age}`, `users.#(age>31)#.[name,age]|0.0`, "{", "[", "{}", "[]", "{}x", "{username}x", "[username]port", "{username", "{username,", "{username:", "{:username}", "{x:}", `{"x":}`, "{,}", "{username,,port}", "[,]", "{[username],{port}}", "{{port}}", "[[port],[ssl]]", `{"a\"b":port}`, `{"a:port}`, "{a\"b:port}", "{<x>:port}", "{\u00e9:port}", "{é:port}",
		`{username,"at":@this.port}`, "{@this.port}", "{tls.@keys}", `{tls.@keys:{"a":1}}`, `{"k":tls.@pretty:{"width":1}}`, "[tls.@keys,tls.@values]", "{#,username}", "{list.#}", "{users.#.name}", "{list.0,list.1}", "{*}", "{user*}", `{!"x"}`, `{"x":!"y"}`, `{a:!1,b:!true,c:!null}`, `[!"a",!"b"]`, `[!1,!2,port]`,
		`!"x"`, `!"x".y`, `!1`, `!1.50`, `!-1`, `!+1`, `!true`, `!false`, `!null`, `!nan`, `!inf`, `!TRUE`, `!{"a":1}`, `!{"a":1}.a`, `!{"a":{"b":2}}|a.b`, `![1,2,3].1`, `![1,2,3]|#`, `!"a`, `!"`, `!`, `!x`, `!truex`, `!true.x`, `!true|@tostr`, `tls.!"x"`, `tls|!"x"`, `nope|!"x"`, `users.#.!"x"`, `!{`, `![`, `!{"a":1`,
		`user\name`, `\username`, `username\`, `\\`, `\`, `a\`, `a.\b.c`, `*\`, `user*\`, `\u0061`, "user\x00name", "ünï", "😀", "username ", " username", "USERNAME", "users.#name", "users.#x", "users.x#", "users.##", "users.#.#", "users.#.", "users.#|", "users.#.|", "users.0.roles.#(\"dev\")", `users.#(name=="a\"b")`, `users.#(name=="bob"`, `users.#(name==bob).age.x`,
		"..0", "..#", "..#.port", "..0.port", "..1", "..port", "..#(port==5432).host", "..#(port==5432)#.host", "....",
	}},
	{`[{"a":1,"b":[{"c":1},{"c":2}]},{"a":2,"b":[{"c":3}]},{"a":"2","b":[]},{"b":null},5,"x",[{"a":3}],null,true]`, []string{
		"0", "0.a", "1.b.0.c", "#", "#.a", "#.b", "#.b.#.c", "#.b.#", "#.b.#.c|@flatten", "#.b.#.c.@flatten", "#.b|@flatten|#.c", "#.b.0.c", "#.0.a", "#(a)#.a", "#(a>1).b.0.c", "#(a>=1)#.b.#.c", "#(a>=1)#.b.#(c>1)#.c", "#(a>=1)#|#.b.#(c>1)|0",
		"#(b.#(c==3)).a", "#(b.#(c>=2)#)#.a", "#(b.#(c>=2)#.#>0)#.a", "#(b.0.c==1)#.a", "#(b.#==0).a", "#(b.#.c.#==2).a", "#(==5)", "#(>4)", `#(=="x")`, `#(%"?")`, "#(==true)", "#(==~null)#", "#(==~true)#", "#(==~*)#", "#(0.a==3)", "#(0.a==3)#.0.a", "*", "*.a", "-1", "9", "@reverse.0", "@values.0.a", "@keys",
		"@flatten", "@flatten.#", `@flatten:{"deep":true}|#`, "@join", `@join:{"preserve":true}`, "@group", "@tostr", "@dig:c", "@dig:a", "@dig:#.c", "@pretty", `@pretty:{"sortKeys":true,"width":12}`, "@ugly", "@this.#", "@this|#.a|#", "#.a|0", "#.a.0", "#.{a,b}", "#.[a,b.#]", "[0.a,1.a]", "{0.a,1.a}", "{x:0.a,y:#}", "#.!1", "#.@keys", "#.@this.a", "#.b.@reverse", "#.b.@reverse|#", "#.b|@reverse|1.c", "#(a==1)@this", "#(a==1).@keys", "#(a==1)#.@keys", "#(a==1)|@keys", "#(a==1)#|@keys", "#(a==1)x", "#(a==1)#x", "#(a==1)#.a.x", "#x", "x#", "#.a#", "#(a==1", "#[a==1]", "#[a==1)", "#(a[0]==1)", "#(a\\==1)",
	}},
}

// Documents for all paths: scalars, invalid JSON, and nearly valid JSON.
var documents = []string{
	``, ` `, `null`, `true`, `false`, `nullx`, `truth`, `5`, `-5`, `+5`, `1.50`, `1e3`, `1E-7`, `1e400`, `-1e400`, `-0`, `-0.0`, `0.1e1`, `.5`, `5.`, `-`, `00`, `0x1p4`, `0x1.fffffffffffffp1023`, `0x1p-1074`, `0x.8p0`, `0x1`, `1_000`, `1__0`, `nan`, `NaN`, `Inf`, `-inf`, `infinity`,
	`12345678901234567890`, `1234567890.12345678901234567890`, `9007199254740993`, `9007199254740993.5`, `123456789012345678901234567890.0`, `4.9e-324`, `2.5e-324`, `1.7976931348623159e308`, `0.1`, `1e21`, `1e-10`,
	`"text"`, `""`, `"a\"b"`, `"\u00e9\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ude00\ud83d"`, `"\ud83d\u0041"`, `"\u00"`, `"\uzzzz"`, `"\x"`, `"\`, `"\"`, `"open`, `"`, "\"a\nb\"", "\"a\\n\nb\"", "\"\xff\xfe\"", "\"<&>\u2028\x7f\"", `"{\"a\":1}"`, `"[1,2]"`, `"a":1`, `text`, `p@ss w|rd#1`, "\xff\xfe\x00", "\ufeff{\"a\":1}",
	`{}`, `[]`, `{`, `[`, `}`, `]`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":"x`, `{"a":"x\`, `{"a":[`, `{"a":[1`, `{"a":[1,`, `{"a":{"a"`, `{"a":{"a":1`, `[1`, `[1,`, `["a`, `[{"a":1`, `[[1],[2`, `{"a":1}}`, `{"a":1}x`, `{"a":1} {"a":2}`, "{\"a\":1}\n{\"a\":2}\n[3]\n4\n\"five\"\n", `[1,2]3`, `[1 2 3]`, `[1,,2]`, `[,1]`, `[1,]`, `{"a":1,}`, `{,"a":1}`, `{"a" 1}`, `{"a"::1}`, `{"a":1 "b":2}`, `{"b":0"a":1}`, `{a:1}`, `{'a':1}`, `{"a":'x'}`, `{"a":x}`, `{"a":tru}`, `{"a":nul}`, `{"a":n}`, `{"a":nan}`, `{"a":+1}`, `{"a":1-2}`, `{"a":"x":"y"}`, `(1)`, `{"a":(1}`, `{"a":[1)]}`, `[}]`, `{]}`, `// x`, `{"a":1 /* x */}`,
	`{"a":null}`, `{"a":""}`, `{"a":[]}`, `{"a":{}}`, `{"a":1,"a":2}`, `{"a":[1],"a":[1,2]}`, `{"a":{"b":1},"a":{"a":2}}`, `{"a":5,"a":{"a":2}}`, `{"\u0061":1}`, `{"\u0061":{"\u0061":[1]}}`, `{"a\u0000":1}`, `{"A":1}`, `{"":1}`, `{"":{"":2}}`, `{"a.a":1}`, `{"a":{"a":{"a":3}}}`, `{"a":[{"a":1},{"a":[2]},3]}`, `[[[["a"]]]]`, `[{"a":{"a":1}},{"a":2}]`, `[null,null]`, "\t{\r\n\"a\" :\v1 ,\f\"b\":[ 1 , 2 ] }\n", "{\"a\xff\":1}", `{"a":"\"}`, `{"a":"\\"}`, `{"a\\":1}`, `{"a\"":1}`, `{"a":"}"}`, `["]"]`, `{"a":[1,2,3,"long enough that an array of it is wider than eighty letters in a line",null]}`, `{"b":{"z":1,"a":[{"y":1,"x":2}]},"a":"\u00e9"}`, `{"k":[1,2],"l":["a","b","c"],"m":3}`,
}

// Paths for documents.
var everywhere = []string{
	"@this", "a", "a.a", "#", "0", "*", "#.a", "a.#", "#(a==1)", "#()#", "@valid", "@tostr", "@fromstr", "@pretty", "@ugly", "@keys", "@values", "@reverse", "@flatten", "@join", "@group", "@dig:a", "[a]", "{a}", "..#", "..0", "..#.a", `@pretty:{"sortKeys":true}`,
}

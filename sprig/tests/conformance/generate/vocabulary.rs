//! The vocabulary of generated templates.

/// The called functions, with the types of their arguments: see [`WORDS`].
///
/// A `*` repeats the type before it. `set` only gets maps that no other value contains: to print a map
/// that contains itself crashes Go. `keys` and `values` get maps of one entry: Go gives more in random
/// order.
pub(super) const FUNCTIONS: &str = "
and:a* or:a* not:a eq:ww* ne:ww lt:ww le:ww gt:ww ge:ww len:g index:gk index:dS slice:Kii print:a*
println:a* printf:px* html:a* js:a* urlquery:a* call:aa* default:aa empty:a coalesce:a* ternary:aab all:a*
any:a* quote:a* squote:a* cat:a* upper:s lower:s title:s untitle:s trim:s trimAll:Ss trimall:Ss trimPrefix:Ss
trimSuffix:Ss repeat:ns substr:iis nospace:s trunc:is abbrev:is abbrevboth:iis initials:s wrap:ns
wrapWith:nSs contains:Ss hasPrefix:Ss hasSuffix:Ss indent:ns nindent:ns replace:SSs plural:SSi
snakecase:s camelcase:s kebabcase:s swapcase:s regexMatch:rs regexFind:rs regexFindAll:rsi
regexReplaceAll:rsR regexReplaceAllLiteral:rsR regexSplit:rsi regexQuoteMeta:s mustRegexMatch:rs
mustRegexFind:rs mustRegexFindAll:rsi mustRegexReplaceAll:rsR mustRegexReplaceAllLiteral:rsR
mustRegexSplit:rsi toString:a toStrings:a
atoi:m int:m int64:m float64:m toDecimal:m add:m* sub:mm div:mm mod:mm mul:mm* add1:m add1f:m addf:m*
subf:mm* mulf:mm* divf:mm* max:mm* biggest:mm* min:mm* maxf:mm* minf:mm* ceil:m floor:m round:mn until:n
untilStep:iin seq:iii seq:ii join:Sl split:Ss splitList:Ss splitn:Sis sortAlpha:l list:a* tuple:a* first:l
last:l rest:l initial:l append:la push:la prepend:la concat:ll* reverse:l uniq:l without:la* has:al compact:l
chunk:nl mustFirst:l mustLast:l mustRest:l mustInitial:l mustAppend:la mustPush:la mustPrepend:la
mustReverse:l mustUniq:l mustWithout:la* mustHas:al mustCompact:l mustChunk:nl mustSlice:Kii
dict:Sa* get:dS hasKey:dS pluck:Sd* pick:dS* omit:dS* merge:ed* mergeOverwrite:ed* mustMerge:ed*
mustMergeOverwrite:ed* dig:SSad set:eSa unset:dS keys:o values:o
deepCopy:a mustDeepCopy:a deepEqual:aa b64enc:s b64dec:s b32enc:s b32dec:s toJson:a toPrettyJson:a
toRawJson:a mustToJson:a mustToPrettyJson:a mustToRawJson:a fromJson:j mustFromJson:j
typeOf:a kindOf:a typeIs:Sa kindIs:Sa typeIsLike:Sa base:P dir:P clean:P
ext:P isAbs:P osBase:P osDir:P osClean:P osExt:P osIsAbs:P sha512sum:s
sha256sum:s sha1sum:s adler32sum:s semver:v semverCompare:Vv urlParse:u urlJoin:d
date:yE date:yt dateInZone:yEz dateInZone:ytz date_in_zone:ytz htmlDate:E htmlDateInZone:tz
toDate:yY mustToDate:yY dateModify:Dt date_modify:Dt mustDateModify:Dt must_date_modify:Dt unixEpoch:t
duration:S durationRound:D fail:s hello:
decryptAES:SA buildCustomCert:ss";

/// Functions of External Secrets. PKCS#12 is in the corpora.
pub(super) const EXTERNAL: &str = "
toYaml:a toYaml:d toYaml:l toYaml:q fromYaml:Q filterPEM:LC filterCertChain:TC certSANs:C hexdec:h
jwkPublicKeyPem:J jwkPrivateKeyPem:J rsaDecrypt:NNss pkcs12key:s pkcs12cert:s pkcs12keyPass:Ss
pkcs12certPass:Ss";

/// The keys of the data.
pub(crate) const DATA: &str = r#"{"s":"héllo <b>\"q\"","e":"","sp":"  a b ","i":42,"f":3.25,"neg":-7.5,
"big":123456789012,"huge":1e22,"t":true,"n":null,"l":[1,"two",3.5,null,[1,2],{"k":"v"}],"w":["b","a","c","a"],
"m":{"a":{"z":[true]},"b":1,"c":"x"},"d":{"x":"1","y":"","z":{"p":0}},
"json":"{\"users\":[{\"name\":\"bob\",\"id\":7},{\"name\":\"eve\",\"id\":1e6}],\"db\":{\"host\":\"h\",\"port\":5432,\"tls\":null}}",
"url":"https://bob:p%40ss@db.example:5432/app?sslmode=require#x","b64":"eyJhIjp7ImIiOlsxLDIuNV19fQ==",
"rec":[{"name":"x","on":true},{"name":"y","on":false},{"on":null}],
"pem":"-----BEGIN CERTIFICATE-----\nMIICBDCCAaqgAwIBAgIUUexxUjLN+DvrlM9giedTm/Pt27UwCgYIKoZIzj0EAwIw\nEDEOMAwGA1UEAwwFaW50ZXIwIBcNMjYxMTI0MDg0NzMxWhgPMjEyNjEwMzEwODQ3\nMzFaMC8xCzAJBgNVBAYTAk5MMREwDwYDVQQKDAhFeCwgJiBDbzENMAsGA1UEAwwE\nbGVhZjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFEgj1lkY58MjbEBliYpNQID\n1GdzCOjIwqC3KpRA1HhdlAg5MYxAnunqbolOu3MHCse9RDUyrZlqMmGGlGxL7r6j\ngcAwgb0wHQYDVR0OBBYEFI8+HzaoBmIjWMqzAXJhLNAWqceVMB8GA1UdIwQYMBaA\nFF5xh0hKH08miWg95+wZ1zzbCZsOMHsGA1UdEQR0MHKCC2V4YW1wbGUuY29thwQK\nAAABgQ1hQGV4YW1wbGUuY29thhlodHRwczovL2V4YW1wbGUuY29tL3g/eT0xgg93\nd3cuZXhhbXBsZS5jb22HECABDbgAAAAAAAAAAAAAAAGHEAAAAAAAAAAAAAD//wEC\nAwQwCgYIKoZIzj0EAwIDSAAwRQIgL3Kq960E5+na0wt4rBRwe76/Yy25nnEiF0Di\nHdq+vTkCIQDSd1HBLkpH2BI5xbqb5IO6tP7Ym/sOCusJt76fRwjpTA==\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nMIIBdjCCARygAwIBAgIUKfDFS7+b69xr2OjnZPw9KZ4ldyIwCgYIKoZIzj0EAwIw\nDzENMAsGA1UEAwwEcm9vdDAgFw0yNjExMjQwODQ3MzFaGA8yMTI2MTAzMTA4NDcz\nMVowEDEOMAwGA1UEAwwFaW50ZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARR\nG/1SUCSYRbJH9zftE73ORVQX//KFJP05vKA8qo2h0ZYZXiYnBMaJ/ImRaDsrvY0+\nS6CUNMbVyjQbt++eFSrYo1MwUTAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBRe\ncYdISh9PJoloPefsGdc82wmbDjAfBgNVHSMEGDAWgBThmLL89TxmpWc0EbdJmZMM\nIE8VATAKBggqhkjOPQQDAgNIADBFAiAchyp8xlvVru2X0DIQeR5SIw4QKZu9uYa/\nh4NV44Lj5gIhAJ2R9UOn7U5ET9VM8c5hzRAD5Agqp1nfAhF1gCF4GvBl\n-----END CERTIFICATE-----\n",
"jwk":"{\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"USCPWWRjnwyNsQGWJik1AgPUZ3MI6MjCoLcqlEDUeF0\", \"y\": \"lAg5MYxAnunqbolOu3MHCse9RDUyrZlqMmGGlGxL7r4\", \"d\": \"DXGckmPTVV1XUs68ZubhAwPN3ID-5tfgkzvNGrFjXv8\"}",
"pub":"{\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"x\": \"Bf227pof5xSZpoKg_F1JOvOvre47GJBY5tcwWAWlH1I\"}"}"#;

/// Arguments of each type.
#[rustfmt::skip]
pub(super) const WORDS: &[(char, &[&str])] = &[
    ('s', &["\"hello World\"", ".s", ".e", ".sp", "\"a,b,,c\"", "\"FooBar_baz-Qux1 x\"",
        "\"é日\\xff\"", "\"line1\\nline2\\n\"", "\"YWJj\"", "`{\"a\":[1,2]}`", "\"0\"",
        "\"aaa bbb ccc ddd\"", ".url", ".b64", ".json", "(.b64 | b64dec)", "\"HTTPServer2x-日本\"",
        "\"\\u0000\\t\\u007f\"", "\"ǆ ß İ\"", "\"MFRGG===\""]),
    ('S', &["\"a\"", "\",\"", "\"\"", "\"b\"", "\"x\"", "\"l\"", "\"c\"", "\"int\"", "\"map\"",
        "\"string\"", "\"95\"", "\"é\"", "\"name\"", "\"float64\"", "\"db\"", "\"_0\""]),
    ('i', &["0", "1", "2", "3", "-1", "-2", "5", "10", "100", "(int .i)"]),
    ('E', &["0", "-1", "1577934245", "(int64 951782400)", "-2208988800", "4102444799"]),
    // Lists without spare capacity, or with as much as Go's JSON decoder leaves: the spare capacity after
    // `append` depends on the version of Go.
    ('K', &[".l", ".w", "(list)", "(list 1 2 3)", "(until 4)", "(splitList \",\" \"b,a\")", ".s", ".n",
        "(fromJson `[3,[1,2],{\"y\":null}]`)", "\"abcdef\"", "(reverse .w)", ".rec"]),
    ('n', &["0", "1", "2", "3", "5", "7", "-1"]),
    ('k', &["0", "1", "4", "5", "-1", "\"a\"", "nil", "(len .w)", "'\\x01'"]),
    ('m', &["0", "1", "-3", "2.5", ".f", ".i", ".neg", ".big", "\"12\"", "\"0x1f\"", "\"1.0\"",
        "\"x\"", "true", "nil", "1e6", "0.1", "\"3.75\"", "7", ".huge", "\"-9223372036854775808\"",
        "9223372036854775807", "(int64 5)", "\"1e2\"", "\"017\"", "\"NaN\"", "(len .s)"]),
    ('b', &["true", "false", ".t", "(eq 1 1)", "(not .e)", "(hasKey .d \"x\")"]),
    ('l', &[".l", ".w", "(list)", "(list 1 2 3)", "(list \"a\" nil 0 \"\")", "(until 4)",
        "(splitList \",\" \"b,a\")", ".n", ".s", "(fromJson .json).users", ".rec",
        "(keys .d | sortAlpha)", "(keys .m .d | sortAlpha)", "(values .d | toStrings | sortAlpha)",
        "(fromJson `[3,[1,2],\"x\",{\"y\":null}]`)", "(chunk 2 .w)", "(slice .w 1 3)",
        "(regexFindAll \"[a-z]\" .url 3)", "(pluck \"name\" (first .rec) (last .rec))"]),
    ('d', &[".m", ".d", "(dict)", "(dict \"a\" 1 \"b\" 2)", "(dict \"a\" (dict \"x\" 1))",
        "(dict \"c\" nil)", "(deepCopy .d)", "(fromJson .json)", "(fromJson .json).db",
        "(first (fromJson .json).users)", "(.b64 | b64dec | fromJson)", "(split \",\" \"x,y\")",
        "(urlParse .url)", "(pick .m \"a\" \"c\")", "(index .rec 0)", ".n",
        "(dict \"scheme\" \"http\" \"host\" \"h\" \"path\" \"/a b\")"]),
    ('e', &["(dict)", "(dict \"a\" 1 \"c\" \"\")", "(dict \"a\" (dict \"z\" nil \"q\" 1))",
        "(deepCopy .m)", "(deepCopy .d)", "(fromJson .json)", "(omit .m \"b\")"]),
    ('o', &["(dict)", "(dict \"a\" 1)", "(dict \"x\" (list 1 nil))", "(pick .d \"x\")", ".n"]),
    ('t', &["(toDate \"2006-01-02\" \"2020-02-29\")", "(toDate \"2006-01-02\" \"x\")",
        "(toDate \"2006-01-02T15:04:05Z07:00\" \"2020-01-02T03:04:05+02:00\")",
        "(toDate \"2006-01-02 15:04:05.000 MST\" \"1999-12-31 23:59:59.987 CET\")",
        "(toDate \"2006-01-02\" \"1950-06-15\")", "(toDate \"2006-01-02 15:04\" \"2021-07-01 12:00\")",
        "(toDate \"2006-01-02\" \"2020-02-29\" | dateModify \"-36h\")"]),
    ('g', &[".l", ".m", ".s", ".d", ".w", "(list 1 \"x\")", "(dict \"k\" 1)", "\"abc\"", ".n",
        "(fromJson .json)", ".rec", "3", "(until 3)", "(split \"/\" .url)"]),
    ('w', &["1", "2", "\"a\"", "\"b\"", "1.5", ".f", ".i", "true", "nil", "(int64 1)", "'a'",
        ".s", ".n", "(index .s 0)", "(semver \"1.2.3\").Minor", "(toDate \"2006\" \"2020\")", "(semver \"1.2\").IncMajor", "(semver \"1.2\")", ".l", "(len .w)"]),
    ('p', &["\"%v|\"", "\"%d %s\"", "\"%5.2f|%-5v|\"", "\"%q %x\"", "\"%T\"", "\"%+v %#v\"",
        "\"%08d|%e\"", "\"%s\"", "\"%05t %c %U\"", "\"%[2]v %[1]v\"", "\"%*d\"", "\"%!\"",
        "\"% x %X\"", "\"%+q|%#q\"", "\"%o %O %b\"", "\"%g %G\"", "\"%.3v|%8.1v\"", "\"%+d % d\"",
        "\"%#x %#o\"", "\"%-8q|\"", "\"%z %y\"", "\"%[3]d\"", "\"%.*f\"", "\"%06.2f|%+.1e\"", "\"%s:%s@%s\"",
        "\"%010s|%-010d|\"", "\"%t %d\""]),
    ('r', &["\"a\"", "\"[a-z]+\"", "\"(\\\\w+) (\\\\w+)\"", "\"\\\\d*\"", "\"\"", "\"^h.*o\"",
        "\"(?i)B\"", "\"[^a]\"", "\"(a|b)*\"", "\"\\\\bb\"", "\"(\"", "\"x{2,3}\"", "\"\\\\s+\"",
        "\"(?P<n>o)\"", "\"\\\\pL\"", "\".\"", "\"(?m)^l\"", "\"(?U)a+\"", "\"[[:alpha:]]{2}\"",
        "\"\\\\x{65e5}|é\"", "\"(?s).$\"", "\"a{,2}\"", "\"[\\\\d-z]\"", "\"://([^:]+):([^@]*)@\"",
        "\"\\\\B\"", "\"(x)?(y)?\"", "\"\\\\Q.\\\\E\"", "\"(?:a|ab)(?:c|bcd)?\""]),
    ('R', &["\"\"", "\"$1\"", "\"${1}x\"", "\"-\"", "\"$n\"", "\"$0$0\"", "\"$\"", "\"$$1\"",
        "\"${2}${n}\"", "\"$1x\"", "\"\\xff\""]),
    ('j', &["`{\"a\":1e3,\"b\":[null,true]}`", "`[1,2,{\"x\":\"y\"}]`", "`\"s\"`", "`12`", "`{`",
        "`[1,]`", "`\"\\u00e9\\n\"`", ".s", ".json", "(.b64 | b64dec)", "`{\"a\":{\"b\":{\"c\":[[]]}}}`",
        "`1e400`", "`-0.0`", "`12345678901234567890`", "` true `", "`{\"k\":1,\"k\":2}`", "`\"\\ud83d\\ude00\\ud83d\"`",
        "(toJson .d)", "\"\\\"\\xff\\\"\""]),
    ('v', &["\"1.2.3\"", "\"v2.0.0-rc.1\"", "\"1.2\"", "\"0.3.1+b\"", "\"x\"", "\"1.0.0-alpha\"",
        "\"0.0.3\"", "\"1.0.0-alpha.10\"", "\"1.02.3\"", "\"v1\"", "\"0.2\"", "\"1.2.3-\"",
        "\"99999999999999999999.0.0\""]),
    ('V', &["\">=1.0\"", "\"^1.2\"", "\"~1.2.3\"", "\"1.x\"", "\"1 - 2\"", "\"<2 || >3\"",
        "\">=1, <2\"", "\"!=1.2\"", "\"*\"", "\">1\"", "\"=1.2\"", "\">=1.0-0\"", "\"y\"",
        "\"^0.0\"", "\"^0.2.x\"", "\"~0\"", "\"<=1.2.x\"", "\">1.x\"", "\"1.2.3 - 2.0.0-rc\"",
        "\"!=1\"", "\"^v0.0.3\"", "\"~>1.0.0-alpha\"", "\">1.2 <3\"", "\"\""]),
    ('u', &["\"http://u:p@h:80/p?q=1#f\"", "\"/a/b\"", "\"mailto:x\"", "\"//h\"", "\"\"",
        "\"http://[::1]/\"", "\"%zz\"", "\"a b\"", ".url", "\"postgres://u:p%2F@[fe80::1%25en0]:1/d\"",
        "\"http://h:x/\"", "\"HTTP://H/%41%2f?a b\"", "\"x:y:z\"", "\"?q\"", "\"#é\"", "\"http://é/ü\""]),
    ('P', &["\"/a/b.c\"", "\"a//b/../c\"", "\"\"", "\"..\"", "\"/\"", "\".x.y\"", "\"a/\"",
        "\"./a\"", "\"../../a\"", "\"/..//.\"", "\"a.b/c\"", ".url", "\"//\""]),
    ('y', &["\"2006-01-02\"", "\"Jan _2 15:04:05.000 2006\"",
        "\"Mon, 02 Jan 2006 15:04:05 MST\"", "\"2006-01-02T15:04:05Z07:00\"", "\"3:04PM\"",
        "\"x\"", "\"20060102\"", "\"002 -0700\"", "\"Monday January 2 06 03:04:05pm\"",
        "\"2006-01-02 15:04:05.000 MST\"", "\"__2 .999 ,000 -07:00:00\"", "\"\"", "\"_2006 Janet\""]),
    ('Y', &["\"2020-02-29\"", "\"2020-01-02T03:04:05+02:00\"", "\"20200102\"", "\"x\"",
        "\"4:05PM\"", "\"Jan  5 01:02:03.456 2021\"", "\"2021-02-29\"", "\"1999-12-31 23:59:59.987 CET\"",
        "\"Mon, 02 Jan 2006 15:04:05 GMT+3\"", "\"060 +0130\"", "\"\""]),
    ('z', &["\"Europe/Berlin\"", "\"UTC\"", "\"America/New_York\"", "\"nope\"", "\"\"",
        "\"Asia/Kolkata\"", "\"Australia/Lord_Howe\"", "\"Local\"", "\"europe/berlin\"", "\"Asia/Tokyo\""]),
    ('D', &["\"2h10m5s\"", "\"1.5s\"", "\"x\"", "\"800h\"", "\"-3m\"", "\"100ms\"", "\"1h1\"", "\"0\"",
        "\"9000h\"", "\"+.5m\"", "\"1us\"", "\"\"", "\"2562047h47m16.854775808s\""]),
    ('A', &["\"30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDw=\"", "\"AAAA\"", "\"x\"", ".b64"]),
    // Values that printf prints. Times and pointers in lists would print addresses.
    ('x', &["1", "-42", "3.75", ".f", ".s", ".e", ".i", ".big", ".huge", ".l", ".m", ".d", "nil", ".n", ".nope", "true",
        "'é'", "(int64 7)", "(semver \"1.2.3-rc.1+b\")", "(semver \"1.2\").IncMinor", "1i", "-2.5i", "(index .s 1)",
        "(until 3)", "(fromJson .json)", "\"é日\\xff\"", "(chunk 1 .w)", "(split \",\" \"x\")", "(rest (list))", "-0.0",
        "(toDate \"2006-01-02\" \"2020-02-29\").Weekday", "((toDate \"2006\" \"2020\").Sub (toDate \"2006\" \"2019\"))",
        "1e6", "0xff", "(list nil \"a\")", "(len .s)", ".json", "(index .rec 0)"]),
    ('q', &["(list \"yes\" \"1\" \"a: b\" \" x\")", "(dict \"n\" nil \"01\" (list) \"10\" (dict) \"9\" \"\")",
        "(dict \"k\" \"line1\\nline2\\n\" \"a b\" (list (list 1) (dict \"x\" 1e6)))", "\"#\"", "\"- a\"", "\"é☃ 日\"",
        "(print (repeat 30 \"word \") \"end\")", "(dict (repeat 50 \"key\") (list \"'\" \"\\\"\"))", "\"a\\tb\"", ".json", "1e21",
        "\"2026-01-02\"", "\"12:30\"", "\"\\u0085x\"", "(list \"a\\n\" \"\\na\" \"a\\n\\n\" \" a\\nb\")", "(fromYaml \"a: [1, {b: c}]\")"]),
    ('Q', &["\"a: 1\\nb: [yes, ~, 1.5e3, 0x1F]\\n\"", "\"{x: {y: \\\"z\\\"}, 'l': [1, -2]}\"", "\"a: &x {b: 1}\\nc:\\n  <<: *x\\n  d: 2\"",
        "\"- 1\\n- 2\"", "\"text\"", "\"\"", "\"a: |\\n  l1\\n  l2\\nb: >-\\n  f1\\n  f2\"", "\"1: a\\ntrue: b\\n2.5: c\"", "\"a: 2026-01-02\\nb: 12:30\"",
        "\"# c\\na: b # d\"", "\"a: !!str 1\\nb: !!float 2\\nc: !!binary aGk=\"", "\"a:\\n- b: 1\\n  c: 2\\n- 3\"", "(toYaml .m)", "(toYaml .l)", ".json",
        "\"12\"", "\"---\\na: 1\\n---\\nb: 2\"", "\"a: 1\\na: 2\""]),
    ('C', &[".pem", ".s", "\"\"", "(print \"x\\n\" .pem)", "(print .pem \"x\")", "(trunc 900 .pem)", "(filterPEM \"CERTIFICATE\" .pem)",
        "(filterCertChain \"intermediate\" .pem)", "(filterCertChain \"leaf\" .pem)", "(replace \"CERTIFICATE\" \"X\" .pem)", "(jwkPrivateKeyPem .jwk)"]),
    ('L', &["\"CERTIFICATE\"", "\"certificate\"", "\"PRIVATE KEY\"", "\"\"", "\"X\""]),
    ('T', &["\"leaf\"", "\"intermediate\"", "\"root\"", "\"x\""]),
    ('h', &["\"68656c6c6f\"", "\"\"", "\"FFff00\"", "\"6\"", "\"zz\"", "(sha1sum .s)"]),
    ('J', &[".jwk", ".pub", ".s", "\"{}\"", "`{\"kty\":\"RSA\",\"n\":\"sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri\",\"e\":\"AQAB\"}`",
        "(set (fromJson .jwk) \"crv\" \"P-384\" | toJson)", "(unset (fromJson .jwk) \"d\" | toJson)"]),
    ('N', &["\"None\"", "\"RSA-OAEP\"", "\"SHA1\"", "\"\""]),
    // Of any type, and seldom met.
    ('?', &[".nope", ".m.a.z", ".d.z.p", ".m.nope", "nil", "1e21", "1e-7", "'x'", "1i", ".rec",
        "(semver \"v1.2.3-rc.1+b\")", "(semver \"v1.2\").IncMajor.Original", "(semver \"1.2.3\").Major",
        "(toDate \"2006-01-02\" \"2020-02-29\")", "(toDate \"2006-01-02\" \"2020-02-29\").Weekday",
        "((toDate \"2006-01-02\" \"2020-02-29\").Format \"Jan 2\")", "(fromJson .json)", "(dict).x",
        "(index .s 1)", "(list nil)", "(first (list))", "(fromJson \"{\")", "(chunk 1 .w)",
        "(split \",\" \"x,y\")", "(int64 7)", "(until 3)", "(rest (list))", "-0.0", "0x1p-3"]),
];

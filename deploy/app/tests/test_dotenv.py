"""The app parses dotenv files like `mtk-seal`."""

import pytest

from app.dotenv import DotenvError, parse

from .conftest import ROOT

GOOD = [
    ("", {}),
    ("\n  \n# A=1\n", {}),
    ("A=1", {"A": "1"}),
    ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
    ("  export  A = 1  \nexport=x", {"A": "1", "export": "x"}),
    ("A=", {"A": ""}),
    ("A=\nB=1", {"A": "", "B": "1"}),
    ("A= # nothing", {"A": ""}),
    ("A=#1", {"A": "#1"}),
    ("A=a#b # c", {"A": "a#b"}),
    ("A=pa$$word # c", {"A": "pa$$word"}),
    ("A=`id` $HOME ${B}", {"A": "`id` $HOME ${B}"}),
    ("A==b=", {"A": "=b="}),
    ("A=it's", {"A": "it's"}),
    ("A='it is # \\n $x' # c", {"A": "it is # \\n $x"}),
    ("A='1\r\n2\n3'\nB=1", {"A": "1\n2\n3", "B": "1"}),
    (r'A="\n\r\t\\\"\$"', {"A": '\n\r\t\\"$'}),
    ('A="1\r\n2"', {"A": "1\n2"}),
    ("A=''\nB=\"\"", {"A": "", "B": ""}),
    ("a.b-C_1=ü", {"a.b-C_1": "ü"}),
]
BAD = [
    ("A=1\nmarker", "line 2 has no `=`"),
    ("mar ker=1", "line 1 does not begin with a name"),
    ("=marker", "line 1 does not begin with a name"),
    ("A=1\nA=marker", "line 2 sets A again"),
    ("\nA='marker", "line 2 is not closed"),
    ('A="marker\\"', "line 1 is not closed"),
    ("A='1'marker", "unexpected text after the closing quote of line 1"),
    ("A='1'#marker", "unexpected text after the closing quote of line 1"),
    ('A="1" marker', "unexpected text after the closing quote of line 1"),
    ('A="1\n2"\nB="\\marker"', "the value of line 3 has an unknown escape"),
]


@pytest.mark.parametrize(("text", "values"), GOOD)
def test_valid_text_is_parsed(text: str, values: dict[str, str]) -> None:
    assert parse(text) == values


@pytest.mark.parametrize(("text", "problem"), BAD)
def test_invalid_text_is_rejected_without_a_value(text: str, problem: str) -> None:
    with pytest.raises(DotenvError) as caught:
        parse(text)
    assert problem in str(caught.value)
    assert "marker" not in str(caught.value)


def test_example_file_is_parsed() -> None:
    values = parse((ROOT / "secrets.env.example").read_text())
    assert values["SECRET_KEY"] == "dummy-w1th-$igns-that-a-shell-would-expand-8f2k"
    assert values["DB_PASSWORD"] == "dummy correct horse battery staple"
    assert len(values) == 6

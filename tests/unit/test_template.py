"""Go templates: what docker's own examples use, the rules of text/template, and clear errors for the rest."""

from __future__ import annotations

from typing import Any

import pytest

from dockview.commands.template import Row, compile_template, labelled
from dockview.engine.errors import InvalidRequest

FOUND: dict[str, Any] = {
    "Id": "abc",
    "Name": "/web",
    "State": {"Running": True, "Pid": 42, "ExitCode": 0, "Health": None},
    "Config": {"Env": ["A=1", "B=2"], "Labels": {"com.x/team": "blue"}, "Entrypoint": None, "Volumes": None},
    "Mounts": [],
    "NetworkSettings": {
        "Networks": {"b": {"IPAddress": "10.0.0.2"}, "a": {"IPAddress": "10.0.0.1"}},
        "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "81/tcp": None},
    },
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        # Docker's documentation: inspect, formatting
        ("{{range .NetworkSettings.Networks}}{{.IPAddress}};{{end}}", "10.0.0.1;10.0.0.2;"),
        ("{{range $p, $c := .NetworkSettings.Ports}} {{$p}} -> {{if $c}}{{(index $c 0).HostPort}}{{end}} {{end}}",
         " 80/tcp -> 8080  81/tcp ->  "),
        ('{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', "8080"),
        ("{{json .Config}}", '{"Env":["A=1","B=2"],"Labels":{"com.x/team":"blue"},"Entrypoint":null,"Volumes":null}'),
        ('{{join .Config.Env " , "}}', "A=1 , B=2"),
        ('{{index .Config.Labels "com.x/team"}}', "blue"),
        ('{{index .Config.Labels "nobody"}}|', "|"),
        ('{{split .Name "/"}}', "[ web]"),
        ('{{lower "ABC"}}{{upper .Id}}{{title "once upon"}}{{len .Config.Env}}', "abcABCOnce Upon2"),
        ("{{pad .Id 2 3}}|{{truncate .Name 2}}", "  abc   |/w"),
        ("{{println .Id}}", "abc\n"),
        ("{{range .Config.Env}}{{println .}}{{end}}", "A=1\nB=2\n"),
        # text/template
        ('{{"\\"output\\""}}{{`raw "x"`}}', '"output"raw "x"'),
        ('{{printf "%q|%s|%5d|%-4s|%v|%t|%%" "out put" .Id 7 "ab" .Config.Env true}}',
         '"out put"|abc|    7|ab  |[A=1 B=2]|true|%'),
        ('{{"put" | printf "%s%s" "out" | printf "%q"}}', '"output"'),
        ("{{with $x := .Id | upper}}{{$x}} {{.}}{{end}}", "ABC ABC"),
        ("{{with .State.Health}}{{.Status}}{{else}}none{{end}}", "none"),
        ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
        ('{{if eq .Id "x"}}1{{else if and .State.Running (gt .State.Pid 41)}}2{{else}}3{{end}}', "2"),
        ('{{if eq .Id "x"}}1{{else if eq .Id "y"}}2{{else if eq .Id "z"}}3{{else}}4{{end}}5', "45"),
        ("{{if not .Mounts}}none{{end}}{{if or .Mounts .Id}}some{{end}}", "nonesome"),
        ('{{if eq .Id "q" "abc"}}in{{end}}{{if ne .State.Pid 1}}ne{{end}}{{if le 1 1}}le{{end}}', "innele"),
        ("{{range .Mounts}}x{{else}}empty{{end}}", "empty"),
        ("{{range $i, $e := .Config.Env}}{{if $i}}, {{end}}{{$i}}={{$e}}{{end}}", "0=A=1, 1=B=2"),
        ('{{range .Config.Env}}{{if eq . "B=2"}}{{break}}{{end}}{{.}}{{end}}', "A=1"),
        ('{{range .Config.Env}}{{if eq . "A=1"}}{{continue}}{{end}}{{.}}{{end}}', "B=2"),
        ("{{range .Config.Env}}{{$.Id}}{{end}}", "abcabc"),
        ('{{$x := 1}}{{range .Config.Env}}{{$x = "last"}}{{end}}{{$x}}', "last"),
        ("a  {{- .Id -}}  b {{/* nothing }} */}}c", "aabcb c"),
        (r"{{.Id}}\t{{.Name}}\n", "abc\t/web\n"),
        ("{{slice .Id 1 2}}{{print 1 2 .Id}}{{html `<a>`}}{{urlquery `a b`}}", "b1 2abc&lt;a&gt;a+b"),
        # Go's zero values
        ("{{.Config.Entrypoint}} {{.Config.Volumes}} {{.State.Health}}", "[] map[] <nil>"),
        ("{{.State.ExitCode}} {{.State.Running}} {{.Config.Labels}}", "0 true map[com.x/team:blue]"),
    ],
)  # fmt: skip
def test_fills(template: str, text: str) -> None:
    assert compile_template(template)(FOUND) == text


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{.Id", "unclosed action"),
        ('{{"a}}', "unclosed action"),
        ("{{}}", "missing value for command"),
        ("{{if .Id}}x", "unexpected EOF"),
        ("{{end}}", "unexpected {{end}}"),
        ("{{else}}", "unexpected {{else}}"),
        ("{{if .Id}}{{else}}{{else}}{{end}}", "unexpected {{else}}"),
        ("{{range .Mounts}}{{else if .Id}}{{end}}", "after else"),
        ("{{break}}", "outside"),
        ("{{(.Id}}", "unclosed left paren"),
        ("{{.Id ; .Name}}", "unexpected ';'"),
        ('{{define "x"}}{{end}}', "not in this version"),
        ("{{frobnicate .Id}}", 'function "frobnicate" not defined'),
        ("{{upper}}", "args for upper"),
        ("{{$nobody}}", "undefined variable"),
        ("{{.Nobody}}", 'no field "Nobody"'),
        ("{{.Id.X}}", "has no fields"),
        ("{{.State.Health.Status}}", "nil pointer"),
        ("{{.Id 1}}", "can't give argument"),
        ("{{range .Id}}x{{end}}", "can't iterate"),
        ("{{index .Config.Env 7}}", "out of range"),
        ("{{index .Id `x`}}", "cannot index"),
        ("{{lt .Id 1}}", "incompatible types"),
        ("{{len 3}}", "len of"),
        ("{{slice .Id 2 9}}", "out of range"),
    ],
)
def test_refuses(template: str, why: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        compile_template(template)(FOUND)
    assert why in caught.value.message


def test_rows__labels_by_key_and_json_in_order() -> None:
    row = labelled({"Names": "web", "ID": "1"}, {"com.x": "blue"})
    assert compile_template('{{.Label "com.x"}}{{.Label "none"}}{{json .}}')(row) == 'blue{"ID":"1","Names":"web"}'
    with pytest.raises(InvalidRequest):
        compile_template("{{.Label}}")(row)


def test_headers__keep_their_words_through_functions() -> None:
    head = Row({"Names": "NAMES", "State": "STATE"})
    template = '{{lower .Names}} {{.State | upper}} {{truncate .State 2}} {{join .Names ", "}}'
    render = compile_template(template, is_header=True)
    assert render(head) == "NAMES STATE STATE NAMES"


def test_output_is_bounded() -> None:
    with pytest.raises(InvalidRequest, match="too long"):
        compile_template('{{range 100000}}{{printf "%9999d" 1}}{{end}}')({})

"""Every language gets every verdict; those that the sandbox image lacks are skipped (`sandbox/build --languages all`)."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sdpo_tts.errors import UserError
from sdpo_tts.judge import Judge
from sdpo_tts.judge.containers.engine import connect, find_image
from sdpo_tts.judge.feedback.text import render
from sdpo_tts.policy.prompts import student_text
from sdpo_tts.problem import Limits
from sdpo_tts.problem.language import language_of, languages
from tests.conftest import ROOT
from tests.test_judge import FUNCTION, MIB, RIGHT, SUM

PYTHON = {
    "AC": RIGHT,
    "CE": "print(",
    "RE": "raise ValueError('no')",
    "TLE": "while True: pass",
    "MLE": "x = bytearray(b'1') * (600 << 20)\nprint(len(x))",
    "WA": "print(5)",
}
C = "#include <stdio.h>\n#include <stdlib.h>\nint main(void){long long a,b;if(scanf(\"%lld %lld\",&a,&b)!=2)return 1;"
CPP = "#include <cstdlib>\n#include <iostream>\nint main(){long long a,b;std::cin>>a>>b;"
NATIVE = {
    "RE": "abort();}",
    "TLE": "for(volatile int i=0;;)i=i+1;}",
    "MLE": "volatile char*p=(volatile char*)malloc(600u<<20);for(size_t i=0;i<600u<<20;i+=4096)p[i]=1;}",
}
RUST = "use std::io::Read;\nfn main(){let mut s=String::new();std::io::stdin().read_to_string(&mut s).unwrap();" \
    "let v:Vec<i64>=s.split_whitespace().map(|x|x.parse().unwrap()).collect();"  # fmt: skip
JAVA = "package p;\n/* once\n public class Old {} */\nimport java.util.*;\nclass Helper {}\npublic class Sum {\n  static int f(int n){return n==0?0:1+f(n-1);}\n" \
    "  public static void main(String[] args){Scanner in=new Scanner(System.in);long a=in.nextLong(),b=in.nextLong();"  # fmt: skip
GO = "package main\nimport \"fmt\"\nfunc main(){var a,b int64;fmt.Scan(&a,&b);"

PROGRAMS = {
    "python3": PYTHON,
    "pypy3": PYTHON,
    "c": {"AC": C + 'printf("%lld",a+b);}', "CE": C + "return c;}", "WA": C + "}"} | {v: C + end for v, end in NATIVE.items()},
    "cpp20": {"AC": CPP + "std::cout<<a+b;}", "CE": CPP + "return c;}", "WA": CPP + "}"} | {v: CPP + end for v, end in NATIVE.items()},
    "rust": {
        "AC": RUST + 'println!("{}",v[0]+v[1]);}', "CE": RUST + "v.no()}", "WA": RUST + "println!(\"{}\",v[0]);}",
        "RE": RUST + "println!(\"{}\",v[5]);}", "TLE": RUST + "let mut i=0u64;loop{unsafe{std::ptr::write_volatile(&mut i,v[0] as u64)}}}",
        "MLE": RUST + 'let w=vec![v[0] as u8;600<<20];println!("{}",w[v[1] as usize+5]);}',
    },
    "java": {
        "AC": JAVA + "f(100000);System.out.println(a+b);}}", "CE": JAVA + "c++;}}", "WA": JAVA + "System.out.println(a);}}",
        "RE": JAVA + "throw new RuntimeException();}}", "TLE": JAVA + "while(true)a++;}}",
        "MLE": JAVA + "List<long[]> l=new ArrayList<>();while(true)l.add(new long[1<<20]);}}",
    },
    "go": {
        "AC": GO + "fmt.Println(a+b)}", "CE": GO + "fmt.Println(c)}", "WA": GO + "fmt.Println(a)}", "RE": GO + 'panic("no")}',
        "TLE": GO + "for{a++}}", "MLE": GO + "x:=make([]byte,600<<20);for i:=range x{x[i]=1};fmt.Println(x[5])}",
    },
}  # fmt: skip
PROGRAMS |= {"cpp17": PROGRAMS["cpp20"], "cpp23": PROGRAMS["cpp20"]}
ROOMY = replace(SUM, limits=Limits(time_s=2.0, memory_bytes=256 * MIB))


@pytest.fixture(scope="module")
def judges(engine: None) -> Iterator[dict[str, Judge]]:
    """One judge for each language that some image has."""
    client = connect()
    here = [key for key in languages() if find_image(client, {key})]
    client.close()
    with Judge(ROOMY, languages=here) as judge:
        yield dict.fromkeys(here, judge)


def test_there_are_programs_in_every_language() -> None:
    assert PROGRAMS.keys() == languages().keys()


@pytest.mark.parametrize("key", list(languages()))
def test_every_verdict(judges: dict[str, Judge], key: str) -> None:
    if key not in judges:
        pytest.skip(f"no sandbox image has {key}: sandbox/build --languages default,{key}")
    judgements = judges[key].judge_many(list(PROGRAMS[key].values()), key)
    got = {expected: str(judgement.verdict) for expected, judgement in zip(PROGRAMS[key], judgements, strict=True)}
    details = [judgement.compile_output or judgement.outcomes[0].detail for judgement in judgements]
    assert got == {verdict: verdict for verdict in PROGRAMS[key]}, details
    assert judgements[0].solved


def test_function_mode_in_pypy(judges: dict[str, Judge]) -> None:
    if "pypy3" not in judges:
        pytest.skip("no sandbox image has pypy3: sandbox/build --languages default,pypy3")
    with Judge(replace(FUNCTION, language="pypy3")) as judge:
        sources = ["def add(xs, y):\n    yield from xs\n    yield y", "def add(xs): pass", "def add("]
        assert [str(judgement.verdict) for judgement in judge.judge_many(sources)] == ["AC", "RE", "CE"]


@pytest.mark.parametrize(("key", "option"), [("cpp17", "201703"), ("cpp20", "202002"), ("cpp23", "202")])
def test_the_standard_is_the_one_that_is_asked_for(judges: dict[str, Judge], key: str, option: str) -> None:
    shown = judges[key].judge("#include <cstdio>\nint main(){std::printf(\"%ld\",__cplusplus);}", key).outcomes[0]
    assert shown.stdout.startswith(option.encode())
    assert (key == "cpp23") == (shown.stdout > b"202002")


def test_versions_and_flags_are_recorded(judges: dict[str, Judge]) -> None:
    used = judges["python3"].versions()["languages"]
    assert used["python3"]["version"].startswith("Python 3.")
    assert "solution.py" in used["python3"]["run"] and "compile" not in used["python3"]
    assert used["cpp20"]["version"].startswith("g++") and "-std=gnu++20 -O2" in used["cpp20"]["compile"]
    assert all(entry["version"] for entry in used.values())


@pytest.mark.parametrize("key", ["cpp17", "cpp20", "cpp23"])
def test_candidates_of_the_library_do_not_hide_the_next_error(judges: dict[str, Judge], key: str) -> None:
    program = "#include <iostream>\n#include <vector>\nint main(){std::vector<int> v;\nstd::cin>>v;\nlater(v);}"
    judgement = judges[key].judge(program, key)
    assert "candidate" in judgement.compile_output[:1000] and "later" not in judgement.compile_output[:1000]
    text = render(judgement, SUM).text
    assert "error: no match for" in text and "later" in text and "candidate" not in text


def test_equal_programs_are_compiled_once(engine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with Judge(SUM) as judge:
        first = [judge.judge(PROGRAMS["c"][verdict], "c").verdict for verdict in ("AC", "CE")]
        monkeypatch.setattr(judge._resources.compiler, "_compile", lambda *_: pytest.fail("compiled again"))
        assert [judge.judge(PROGRAMS["c"][verdict], "c").verdict for verdict in ("AC", "CE")] == first == ["AC", "CE"]


def test_a_language_that_the_image_lacks_is_refused(engine: None) -> None:
    name = subprocess.run([ROOT / "sandbox" / "build"], check=True, capture_output=True, text=True).stdout.strip()
    client = connect()
    smallest = find_image(client, {"python3"})
    client.close()
    with Judge(SUM) as judge:
        assert judge.versions()["image"] == smallest
        if smallest == name:
            with pytest.raises(UserError, match=r"the sandbox image lacks language 'rust' \(hint"):
                judge.judge(RIGHT, "rust")
        with pytest.raises(UserError, match=r"the sandbox image lacks language 'cobol'$"):
            judge.judge(RIGHT, "cobol")


def test_prompts_and_file_names_come_from_the_same_table() -> None:
    for key, known in languages().items():
        text = student_text(replace(SUM, language=key))
        assert f"Write a {known.title} program" in text and f"one ```{known.tag} block" in text
    assert [language_of(f"x.{end}") for end in ("py", "cc", "c", "rs", "java", "go", "txt")] == ["python3", "cpp20", "c", "rust", "java", "go", None]
    assert Path(languages()["java"].source).suffix == ".java"


def test_a_class_in_a_comment_names_no_file() -> None:
    spec = importlib.util.spec_from_file_location("javac", ROOT / "sandbox" / "javac.py")
    assert spec and spec.loader
    spec.loader.exec_module(javac := importlib.util.module_from_spec(spec))
    text = 'String s = "/*";\n// public class A\n/*\n public class B {} */\n  public final class C { char c = \'"\'; }'
    assert javac.public_class(text) == "C" and javac.public_class("class D {}") is None

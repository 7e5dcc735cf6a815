"""What `seamline-lab` says of a command line that is wrong: one line, which names what is wanted instead.

usage.py SEAMLINE-LAB
"""
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import checks  # noqa: E402 (it stands beside)

# Arguments, exit status, and what the one line on stderr must have.
ROWS = (
    (["upp"], 2, "\"upp\" is no command; did you mean \"up\"?"),
    (["up", "x"], 2, 'up: want no operand, got "x"'),
    (["up", "--nodez", "3"], 2, "there is no option --nodez; did you mean --nodes?"),
    (["up", "--nodes"], 2, "--nodes wants a value"),
    (["up", "--nodes", "33"], 2, "--nodes 33: want a number from 1 to 32"),
    (["up", "--ingress=yes"], 2, "--ingress takes no value"),
    (["up", "--proxy", "lc"], 2, "no lc without IPVS"),
    (["up", "--kubernetes", "1.19"], 2, "want 1.20 to 1.36"),
    (["up", "--pods", "3"], 2, "--pods is no option of up"),
    (["static", "--pods", "201"], 2, "want a number from 1 to 200"),
    (["static", "--vip", "x"], 2, "want an IP address"),
    (["down", "--nodes", "3"], 2, "--nodes is no option of down"),
    (["kill"], 2, "kill: want one operand, POD"),
    (["kill", "pod", "--signal", "HUP"], 2, "want TERM or KILL"),
    (["exec", "n1"], 2, "exec: want NAME -- COMMAND"),
    (["exec", "n1", "--"], 2, "a command is missing"),
    (["exec", "--dir", "NONE", "n1", "--", "ls", "-l"], 3, "no lab is up in NONE"),
    (["fault"], 2, "such as freeze POD 2s"),
    (["status", "--dir", "NONE"], 3, "no lab is up in NONE"),
)


def asked(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def wrong(lab, folder, arguments, status, words):
    code, _, said = asked([lab, *(word.replace("NONE", folder) for word in arguments)])
    if code != status:
        yield f"exit status {code}, want {status}"
    if words.replace("NONE", folder) not in said or said.count("\n") != 1:
        yield said


def help_wrong(lab):
    shown = [asked([lab, *words])[:2] for words in (["--help"], ["help"], ["up", "--help"], ["exec", "-h"])]
    if any(one != shown[0] or one[0] != 0 for one in shown):
        yield str(shown)
    if not asked([lab, "--version"])[1].startswith("seamline-lab "):
        yield "no version"


def main():
    lab = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        found = [(" ".join(arguments), list(wrong(lab, folder, arguments, status, words)))
                 for arguments, status, words in ROWS]
    found.append(("help and version", list(help_wrong(lab))))
    return 0 if checks.tell(found) else 1


if __name__ == "__main__":
    sys.exit(main())

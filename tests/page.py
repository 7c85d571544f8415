"""Runs the commands of a documentation page and compares what they print.

    page.py [--write] console PAGE URL      the ```console blocks, in one bash
    page.py [--write] python  PAGE URL      the ```python blocks, in one process

The convention, which GitHub shows as ordinary code:

  ```console            a line that starts with "$ " is a command; it goes on
                        while the line before ends in a backslash or a single
                        quote is open. The lines below it, up to the next "$ ",
                        are what it prints, errors included.
  ```python             a piece of one program; what it prints is in the
                        ```text block that follows it, if one does.
  ```python file=NAME   is saved as NAME in the working directory.
  ```sh and others      are not run.

A printed line "..." stands for any lines. JSON is compared as JSON, and the
values of the members in VOLATILE are not compared. The page says
127.0.0.1:8000; URL takes its place. A command that fails must be shown
failing: with "An error occurred", or with a line that starts with "stator:".

--write puts what was printed into the page instead of comparing it, except
where the page says "...".
"""

import contextlib
import difflib
import io
import json
import os
import re
import subprocess
import sys
import threading
import traceback

ADDRESS = "127.0.0.1:8000"
VOLATILE = {
    "CreationDateTime", "TableId", "LastUpdateToPayPerRequestDateTime",
    "RequestId", "Date",
    "BackupArn", "BackupCreationDateTime", "TableCreationDateTime", "SourceBackupArn", "RestoreDateTime",
    "EarliestRestorableDateTime", "LatestRestorableDateTime",
}
COMMAND_SECONDS = 300  # a command that takes longer hangs
FENCE = re.compile(r"^```(\w*)[ ]?(.*)$")


class Block:
    """A fenced block: its language, its attributes, and where its lines are."""

    def __init__(self, language, attributes, start, lines):
        self.language, self.attributes, self.start, self.lines = language, attributes, start, lines


def blocks(lines):
    found, i = [], 0
    while i < len(lines):
        fence = FENCE.match(lines[i])
        i += 1
        if not fence:
            continue
        start = i
        while lines[i] != "```":
            i += 1
        found.append(Block(fence[1], fence[2], start, lines[start:i]))
        i += 1
    return found


def commands(block):
    """Yields (line number, command, printed lines) of a console block."""
    i = 0
    while i < len(block.lines):
        if not block.lines[i].startswith("$ "):
            raise SystemExit(f"line {block.start + i + 1}: a console block starts with a command")
        at, command = i, [block.lines[i][2:]]
        while command[-1].endswith("\\") or "\n".join(command).count("'") % 2 == 1:
            i += 1
            command.append(block.lines[i])
        i += 1
        first = i
        while i < len(block.lines) and not block.lines[i].startswith("$ "):
            i += 1
        yield block.start + at + 1, "\n".join(command), block.lines[first:i]


def mask(value):
    if isinstance(value, dict):
        return {k: "*" if k in VOLATILE else mask(v) for k, v in value.items()}
    if isinstance(value, list):
        return [mask(v) for v in value]
    return value


def normal(lines):
    """Returns printed lines in the form in which they are compared."""
    text = "\n".join(lines).strip("\n")
    try:
        return json.dumps(mask(json.loads(text)), indent=4, sort_keys=True).splitlines()
    except ValueError:
        # Versions of the CLI differ in what they put before the error.
        return re.sub(r"(?m)^.*(?=An error occurred \()", "", text).strip("\n").splitlines()


def same(want, got):
    want, got = normal(want), normal(got)
    if "..." not in want:
        return want == got
    pattern = "".join("(?:.*\n)*" if line == "..." else re.escape(line) + "\n" for line in want)
    return re.fullmatch(pattern, "".join(line + "\n" for line in got)) is not None


class Page:
    """A page being checked or rewritten."""

    def __init__(self, path, write):
        with open(path, encoding="utf-8") as f:
            self.lines = f.read().split("\n")
        self.path, self.write, self.edits, self.wrong, self.checked = path, write, [], 0, 0

    def check(self, line, what, want, got, start):
        """Compares want, which is at index start, with got."""
        self.checked += 1
        if self.write and "..." not in want:
            self.edits.append((start, start + len(want), got))
            return
        if same(want, got):
            return
        self.wrong += 1
        print(f"{self.path}:{line}: {what}\nprints something else than the page shows:")
        diff = difflib.unified_diff(normal(want), normal(got), "the page", "this run", lineterm="", n=3)
        print("\n".join("    " + d for d in diff))

    def finish(self):
        for start, end, got in sorted(self.edits, reverse=True):
            self.lines[start:end] = got
        if self.edits:
            with open(self.path, "w", encoding="utf-8") as f:
                f.write("\n".join(self.lines))
        if self.checked == 0:
            print(f"{self.path}: nothing to run")
            return 1
        print(f"{self.path}: {self.checked} run, {self.wrong} different")
        return 1 if self.wrong else 0


class Bash:
    """One bash in which commands run one after another."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, bufsize=1)

    def run(self, command):
        """Returns what command printed and its exit status."""
        end = "--end-of-command--"
        self.process.stdin.write(f"{{ {command}\n}} </dev/null 2>&1; echo; echo {end} $?\n")
        self.process.stdin.flush()
        printed = []
        watchdog = threading.Timer(COMMAND_SECONDS, self.process.kill)
        watchdog.start()
        for line in self.process.stdout:
            if line.startswith(end):
                watchdog.cancel()
                return printed, int(line.split()[1])
            printed.append(line.rstrip("\n"))
        raise SystemExit(f"bash ended in: {command}")

    def close(self):
        """Ends bash and what it still runs in the background."""
        self.process.communicate("kill $(jobs -p) 2>/dev/null\nexit\n")


def trimmed(lines):
    while lines and lines[-1].strip() == "":
        lines = lines[:-1]
    while lines and lines[0].strip() == "":
        lines = lines[1:]
    return lines


def save(block):
    name = re.search(r"\bfile=(\S+)", block.attributes)
    if name:
        with open(name[1], "w", encoding="utf-8") as f:
            f.write("\n".join(block.lines) + "\n")
    return bool(name)


def run_console(page, address):
    bash = Bash()
    try:
        run_blocks(page, address, bash)
    finally:
        bash.close()


def run_blocks(page, address, bash):
    for block in blocks(page.lines):
        if save(block) or block.language != "console":
            continue
        for line, command, want in commands(block):
            printed, status = bash.run(command.replace(ADDRESS, address))
            printed = [p.replace(address, ADDRESS) for p in trimmed(printed)]
            failing = any(p.startswith("stator:") or "An error occurred (" in p for p in printed)
            if status != 0 and not failing:
                print("\n".join(printed))
                raise SystemExit(f"{page.path}:{line}: exit status {status}: {command}")
            page.check(line, "$ " + command, want, printed, line + command.count("\n"))


def run_python(page, address):
    sys.path.insert(0, os.getcwd())
    names = {"__name__": "tutorial"}
    found = blocks(page.lines)
    for i, block in enumerate(found):
        if save(block) or block.language != "python":
            continue
        source = "\n".join(block.lines).replace(ADDRESS, address)
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile("\n" * block.start + source, page.path, "exec"), names)
        except Exception:
            traceback.print_exc()
            raise SystemExit(f"{page.path}:{block.start + 1}: the block failed")
        got = trimmed(printed.getvalue().replace(address, ADDRESS).split("\n"))
        shown = found[i + 1] if i + 1 < len(found) and found[i + 1].language == "text" else None
        if shown is None:
            shown = Block("text", "", block.start + len(block.lines), [])
            if page.write and got:
                raise SystemExit(f"{page.path}:{block.start + 1}: prints, but no text block follows it")
        page.check(block.start + 1, "the Python block", shown.lines, got, shown.start)


def main(args):
    write = "--write" in args
    kind, path, url = [a for a in args if a != "--write"]
    page = Page(path, write)
    address = url.removeprefix("http://")
    {"console": run_console, "python": run_python}[kind](page, address)
    return page.finish()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Tests the tests: breaks the product on purpose and requires a check to notice.

  scripts/mutate.py            runs every mutation, two at a time (half an hour and more)
  scripts/mutate.py NAME...    runs the named mutations
  scripts/mutate.py --check    only verifies that every mutation fits the tree (seconds)

A mutation is a file scripts/mutations/NAME.toml:

  # What it breaks, in one sentence.
  test = "TestLogin_SetsCookieByteForByte"    # the Go test that must fail, in whatever package it is
  check = "make lint-spec"               # or instead of test: the shell command that must fail
  says = '; Path=/; Max-Age=86400'       # words that the failing check must print

  [[edit]]                               # one or more, applied in order
  file = "api/openapi.yaml"              # optional: path or glob
  after = "  /auth/login:"               # optional: text in front of old
  old = "HttpOnly: true, "               # text to replace
  new = ""                               # what replaces it

old must match exactly once in the files. With after, after must match exactly once, and the edit
replaces the first old behind it. Without file, the search covers every tracked file except tests,
documentation, generated code and scripts: code may move and the mutation still fits. Keep old and
after short, and free of comments and descriptions.

The check runs in a copy of the tree: it must pass without the edits, and fail with them in the
words of says. docs/testing.md lists what else makes a mutation INVALID.
"""

import collections
import concurrent.futures
import fnmatch
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOT_SEARCHED = re.compile(r"_test\.go$|\.test\.tsx?$|(^|/)testdata/|^gen/|^docs/|\.md$|^scripts/")
Mutation = collections.namedtuple("Mutation", "name check says edited")
running, stopping = set(), threading.Event()


class Tree:
    """The files that git does not ignore: their text, and the Go tests by folder."""

    def __init__(self):
        command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        files = [f for f in sorted(set(listed.split("\0"))) if f and (ROOT / f).is_file()]
        self.texts = {f: (ROOT / f).read_bytes().decode(errors="replace") for f in files}
        self.tests = collections.defaultdict(set)
        for file in fnmatch.filter(files, "*_test.go"):
            self.tests[os.path.dirname(file)].update(re.findall(r"^func ((?:Test|Fuzz)\w+)\(", self.texts[file], re.M))

    def apply(self, edits):
        """Returns the new text of each file that the edits change."""
        edited = {}
        for edit in edits:
            old, after, pattern = edit["old"], edit.get("after"), edit.get("file")
            wanted, found = after or old, []
            for file, text in (self.texts | edited).items():
                if fnmatch.fnmatch(file, pattern) if pattern else not NOT_SEARCHED.search(file):
                    found += [(file, match.end()) for match in re.finditer(re.escape(wanted), text)]
            if len(found) != 1:
                where = ", ".join(sorted({file for file, _ in found})) or pattern or "the tree"
                raise ValueError(f"{wanted!r} matches {len(found)} times, not once, in {where}")
            file, end = found[0]
            text = edited.get(file) or self.texts[file]
            at = text.find(old, end) if after else end - len(old)
            if at < 0:
                raise ValueError(f"{old!r} is not in {file} behind {after!r}")
            edited[file] = text[:at] + edit["new"] + text[at + len(old) :]
        return edited

    def command(self, test, check):
        """Returns the shell command of a check. What it runs must exist."""
        if test:
            folders = [folder for folder, names in self.tests.items() if test in names]
            if len(folders) != 1:
                raise ValueError(f"{test} is a test in {len(folders)} packages, not in one")
            return f"go test -count=1 ./{folders[0]} -run '^{test}$'"
        for folder, pattern in re.findall(r"go test .*?\./(\S+) -run '([^'/]+)", check):
            if not any(re.search(pattern, name) for name in self.tests[folder]):
                raise ValueError(f"no test of {folder} matches {pattern}")
        for script, target in re.findall(r"(scripts/\S+)|\bmake (\S+)", check):
            if script not in self.texts and f"\n{target}:" not in self.texts["Makefile"]:
                raise ValueError(f"{script or target} does not exist")
        return check

    def load(self, name):
        """Returns the mutation of that name, which fits the tree."""
        fields = tomllib.loads((ROOT / f"scripts/mutations/{name}.toml").read_text())
        if set(fields) not in ({"test", "says", "edit"}, {"check", "says", "edit"}) or not fields["says"]:
            raise ValueError("it must have says, edit, and either test or check, and nothing else")
        for edit in fields["edit"]:
            if not {"old", "new"} <= set(edit) <= {"file", "after", "old", "new"} or edit["old"] in ("", edit["new"]):
                raise ValueError("an edit must have old and a different new, may have file and after, and nothing else")
        check, says = self.command(fields.get("test"), fields.get("check")), fields["says"]
        if says in check:
            raise ValueError(f'"{says}" is part of its check, so that any failure may print it')
        return Mutation(name, check, says, self.apply(fields["edit"]))


def run(command, copy):
    """Returns the exit status and the output of a command, which gets a process group of its own."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    process = subprocess.Popen(["bash", "-c", command], cwd=copy, start_new_session=True, **pipes)
    running.add(process)
    output, _ = process.communicate()
    running.discard(process)
    return process.returncode, output


def make_copy(tree, folder):
    """Copies the tree into a repository of its own, with links to what npm has installed."""
    copy = pathlib.Path(tempfile.mkdtemp(dir=folder))
    for file in tree.texts:
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, copy / file, follow_symlinks=False)
    for installed in filter(os.path.isdir, (ROOT / "tools/node_modules", ROOT / "scripts/generators/node_modules")):
        (copy / installed.relative_to(ROOT)).symlink_to(installed)
    subprocess.run("git init -q && git add -A", shell=True, cwd=copy, check=True)
    return copy


def try_mutation(mutation, baseline, copy):
    """Returns the line for the report. The baseline is how the check went without the mutation."""
    status, output = baseline
    if status:
        return f"INVALID: its check fails without it: {mutation.check}\n{output[-2000:]}"
    if "no tests to run" in output or mutation.says in output:
        return f'INVALID: without it, its check runs no test or prints "{mutation.says}"\n{output[-2000:]}'
    started = time.monotonic()
    for file, text in mutation.edited.items():
        (copy / file).write_bytes(text.encode())
    status, output = run(mutation.check, copy)
    subprocess.run("git checkout -q . && git clean -qfd", shell=True, cwd=copy, check=True)
    if status == 0:
        return f"SURVIVED {mutation.check}"
    if mutation.says not in output:
        return f'INVALID: "{mutation.check}" failed without printing "{mutation.says}"\n{output[-2000:]}'
    return f"caught: {mutation.says} ({time.monotonic() - started:.0f} s)"


def try_group(check, mutations, copies, report):
    """Runs a check once without and once with each of its mutations, in a copy that no other worker uses."""
    copy = copies.get()
    try:
        baseline = run(check, copy)
        while mutations and not stopping.is_set():
            mutation = mutations.pop()
            report(mutation.name, try_mutation(mutation, baseline, copy))
    finally:
        copies.put(copy)


def main(arguments):
    only_check = arguments == ["--check"]
    every = sorted(path.stem for path in ROOT.glob("scripts/mutations/*.toml"))
    names = every if only_check or not arguments else arguments
    tree, groups, failed = Tree(), collections.defaultdict(list), []

    def report(name, line):
        if not line.startswith("caught"):
            failed.append(name)
        print(f"{name:<40} {line}\n", end="", flush=True)

    for name in names:
        try:
            mutation = tree.load(name)
            groups[mutation.check].append(mutation)
        except (OSError, ValueError) as problem:
            report(name, f"INVALID: {problem}")
    if not only_check:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            copies, workers = queue.Queue(), concurrent.futures.ThreadPoolExecutor(2)
            try:
                for _ in range(2):
                    copies.put(make_copy(tree, folder))
                for done in [workers.submit(try_group, check, group, copies, report) for check, group in groups.items()]:
                    done.result()
            finally:
                stopping.set()
                for process in list(running):
                    if process.poll() is None:
                        os.killpg(process.pid, signal.SIGKILL)
                workers.shutdown(cancel_futures=True)
    print(f"{len(names)} mutations, {len(failed)} {'do not fit the tree' if only_check else 'invalid or survived'}")
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))

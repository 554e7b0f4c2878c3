"""The users that send the requests: their accounts, passwords and tokens.

The test (cmd/techtreks/fuzz_test.go) provides accounts that are logged in, and the tokens that
the server sends by email. The contract defines what the role may call.
"""

import os
import re
import threading
from urllib.parse import urljoin

import requests
from schemathesis.generation.meta import TestPhase

ROLE = os.environ["FUZZ_ROLE"]  # anonymous, user or admin
ACCOUNT_SOURCE = os.environ["FUZZ_ACCOUNTS"]
COOKIE = "session"


http = requests.Session()  # keeps its connection, because there are thousands of requests


def fetch(what, **parameters):
    answer = http.get(f"{ACCOUNT_SOURCE}/{what}", params=parameters, timeout=60)
    answer.raise_for_status()
    return answer.json()


def requires_session(operation):
    security = operation.definition.raw.get("security")
    return bool(security) and {} not in security


def may_call(operation):
    """Reports whether the contract allows the role to call the operation."""
    if not requires_session(operation):
        return True
    return ROLE != "anonymous" and ROLE in operation.definition.raw.get("x-roles", [ROLE])


def takes_cursor(operation):
    return any(parameter.name == "cursor" for parameter in operation.query)


def fits(case):
    """Reports whether the request was generated as a valid one."""
    return case.meta is not None and case.meta.generation.mode.is_positive


def in_chain(case):
    return case.meta is not None and case.meta.phase.name == TestPhase.STATEFUL


class Accounts:
    """One account for each thread, and a new one when its session has ended.

    Requests log out, change passwords, delete accounts and end sessions. The requests after them
    need a session that works.
    """

    def __init__(self):
        self.local = threading.local()
        self.issued = set()

    def current(self):
        if getattr(self.local, "account", None) is None:
            self.local.account = fetch("account", role="user" if ROLE == "anonymous" else ROLE)
            self.issued.add(self.local.account["cookie"])
        return self.local.account

    def has_issued(self, case):
        return (case.cookies or {}).get(COOKIE) in self.issued

    def note_registered(self, case, response):
        """Stores the credentials for a login later in the chain: a link cannot name members of a body."""
        if response.status_code == 201 and isinstance(case.body, dict) and {"username", "password"} <= case.body.keys():
            self.local.registered = {name: case.body[name] for name in ("username", "password")}

    def login_credentials(self):
        """Returns the credentials that were registered last, once; then those of the current account."""
        registered, self.local.registered = getattr(self.local, "registered", None), None
        return registered or {name: self.current()[name] for name in ("username", "password")}

    def forget(self, case):
        account = getattr(self.local, "account", None)
        if account is not None and (case.cookies or {}).get(COOKIE) == account["cookie"]:
            self.local.account = None


accounts = Accounts()


def know_secrets(case):
    """Uses a correct password or token in half of the requests.

    Random ones never get past the first check.
    """
    for values in (case.path_parameters, case.body):
        if not isinstance(values, dict):
            continue
        if len(values.get("token", "")) % 2:
            values["token"] = fetch("token", operation=case.operation.definition.raw["operationId"])["token"]
        if values.keys() == {"username", "password"} and len(values["username"]) % 2:
            values.update(accounts.login_credentials())
        if requires_session(case.operation):
            for name in {"password", "current_password"} & values.keys():
                if len(values[name] or "") % 2:  # null where the schema allows it
                    values[name] = accounts.current()["password"]


class Cursors:
    """Uses cursors as clients do: the next page has the filters of the page before. In half of the
    requests a cursor that the server did not create is removed."""

    def __init__(self):
        self.filters = {}

    def note(self, case, response):
        if case.method == "GET" and response.status_code == 200 and b'"next_cursor":"' in response.content:
            self.filters[response.json()["next_cursor"]] = {k: v for k, v in case.query.items() if k not in ("cursor", "limit")}

    def use(self, case):
        cursor = (case.query or {}).get("cursor", "")
        if cursor in self.filters:
            kept = {k: v for k, v in case.query.items() if k in ("cursor", "limit")}
            case.query = {**self.filters[cursor], **kept}
        elif len(cursor) % 2:
            del case.query["cursor"]
        # Short pages, so that lists have several and chains can go from page to page.
        if in_chain(case) and takes_cursor(case.operation):
            case.query = {**(case.query or {}), "limit": 1}


cursors = Cursors()


def follow_page(case):
    """Takes an existing path parameter from the HTML page above in half of the requests: only that
    page lists the emails."""
    above, _, name = case.operation.path.partition("/{")
    page = case.operation.schema.raw_schema["paths"].get(above, {}).get("get", {}).get("responses", {}).get("200", {})
    name = name.removesuffix("}")
    if not name or "text/html" not in page.get("content", {}) or len(str(case.path_parameters[name])) % 2 == 0:
        return
    html = requests.get(case.operation.base_url + above, timeout=60).text
    links = [urljoin(above, link) for link in re.findall(r'href="([^"]+)"', html)]
    there = [link.removeprefix(above + "/") for link in links if link.startswith(above + "/")]
    if there:
        case.path_parameters[name] = there[0]


class OtherUsers:
    """Another user, without rights, requests an object before the owner does.

    If the owner's request then succeeds, the object existed: checks.py checks the response to the
    other user. This is done until it was the case three times for each operation.
    """

    def __init__(self):
        self.local = threading.local()
        self.statuses = {}  # the status, by the id of the owner's case
        self.rejections = {}  # the number of rejections by operation

    def applies_to(self, operation):
        return requires_session(operation) and may_call(operation) and "{" in operation.path

    def send_first(self, case):
        operation = case.operation
        if not self.applies_to(operation) or self.rejections.get(operation.label, 0) >= 3:
            return
        if getattr(self.local, "account", None) is None:
            self.local.account = fetch("account", role="user")
        request = case.as_transport_kwargs(base_url=operation.base_url)
        request["cookies"] = {COOKIE: self.local.account["cookie"]}
        status = requests.request(**request, timeout=60).status_code
        if status == 401:  # an administrator has ended that session
            self.local.account = None
            return
        self.statuses[case.id] = status


other_users = OtherUsers()

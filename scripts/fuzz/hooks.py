"""What Schemathesis has to be told to fuzz this server.

Everything comes from the contract or from the answers: there is no list of
operations here. The test that runs this (cmd/techtreks/fuzz_test.go) says
through the environment who is logged in, and makes the accounts.
"""

import os
import threading

import requests
import schemathesis
from hypothesis import strategies as st

# Where to get a new session, {"cookie": …, "password": …}; empty for nobody.
SESSIONS = os.environ["FUZZ_SESSIONS"]
COOKIE = "session"


# ---- who is logged in --------------------------------------------------------


class Accounts:
    """One account for each thread, and another one when its session is gone.

    Requests log out, change passwords, delete accounts and end sessions, as they
    should. What follows must not go on with a session that is none any more.
    """

    def __init__(self):
        self.local = threading.local()
        self.issued = set()

    def current(self):
        if getattr(self.local, "account", None) is None:
            self.local.account = requests.get(SESSIONS, timeout=60).json()
            self.issued.add(self.local.account["cookie"])
        return self.local.account

    def forget(self, cookie):
        account = getattr(self.local, "account", None)
        if account is not None and account["cookie"] == cookie:
            self.local.account = None


accounts = Accounts()


class Session:
    def get(self, case, context):
        return accounts.current()["cookie"]

    def set(self, case, cookie, context):
        case.cookies = {**(case.cookies or {}), COOKIE: cookie}


if SESSIONS:
    schemathesis.auth(refresh_interval=None)(Session)


def issued_cookie(case):
    cookie = (case.cookies or {}).get(COOKIE)
    return cookie if cookie in accounts.issued else None


@schemathesis.hook
def before_call(context, case, kwargs):
    # The case may have been made before its session ended.
    if issued_cookie(case):
        case.cookies[COOKIE] = accounts.current()["cookie"]


@schemathesis.hook
def after_call(context, case, response):
    # A new token, a cleared one, or a session that another request has ended.
    if "set-cookie" in response.headers or response.status_code == 401:
        accounts.forget(issued_cookie(case))


@schemathesis.hook
def map_body(context, body):
    """Gives the right name and password where they are asked for, half of the time.

    Made-up ones never get past the first check of these operations.
    """
    if not SESSIONS or not isinstance(body, dict):
        return body
    if body.keys() == {"username", "password"} and all(isinstance(v, str) and 1 <= len(v) <= 30 for v in body.values()):
        return {name: accounts.current()[name] for name in body} if len(body["username"]) % 2 else body
    given = body.get("current_password")
    if isinstance(given, str) and 1 <= len(given) <= 1024 and len(given) % 2:
        return {**body, "current_password": accounts.current()["password"]}
    return body


# ---- values ------------------------------------------------------------------

# A password by the rules; among random strings there is hardly ever one.
schemathesis.openapi.format(
    "password",
    st.builds(
        lambda parts, rest: "".join(parts) + rest,
        st.permutations(["A", "b", "3", "-", "travel"]),
        st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=3, max_size=40),
    ),
)


# ---- answers that are not JSON -----------------------------------------------


@schemathesis.deserializer("text/html", "text/css", "text/javascript", "text/plain")
def text(context, response):
    """The contract describes these bodies as text, not as what is written in it."""
    return response.text


@schemathesis.deserializer("image/png")
def image(context, response):
    return response.content.decode("latin-1")


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A body in YAML is described as text too, and Schemathesis insists on parsing it.

    The server compares this text with the contract itself (VERIFY_RESPONSES).
    """
    is_yaml = any(value.startswith("application/yaml") for value in response.headers.get("content-type", []))
    return not (is_yaml and type(failure).__name__ == "JsonSchemaError")


# ---- checks ------------------------------------------------------------------


def codes_of(schema):
    """The codes that faults of a request's shape have: those of the keywords and every x-code.

    Not "invalid": a cursor that fits and that the server has not made is called that too.
    """
    found = {"required", "type", "too_short", "too_long", "pattern", "format", "unknown_field"}
    stack = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if isinstance(node.get("x-code"), str):
                found.add(node["x-code"])
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    return found


@schemathesis.check
def valid_request_is_not_called_malformed(ctx, response, case):
    """Stands in for positive_data_acceptance, see schemathesis.toml."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in (400, 413, 415):
        return
    # An inferred link has carried on the null of an account that is nobody's, which fits no path.
    if "None" in map(str, (case.path_parameters or {}).values()):
        return
    if response.status_code == 413 and len(response.request.body or b"") > 64 << 10:
        return
    answer = response.json()
    if response.status_code == 400 and answer["code"] not in ("malformed_body", "missing_fields", "invalid_fields"):
        return
    faults = [field["code"] for field in answer.get("fields", [])]
    shape = codes_of(case.operation.schema.raw_schema)
    if faults and not any(code in shape for code in faults):
        return
    raise AssertionError(f"a request that fits the contract is refused as malformed: {answer}")


@schemathesis.check
def errors_have_one_shape(ctx, response, case):
    """Whatever fails, also on a path or a method that is not there, it says so in the same words."""
    if response.status_code < 400 or case.method == "HEAD":
        return
    answer = response.json()
    assert answer["ok"] is False and answer["error"] and answer["code"], answer
    assert response.headers["x-request-id"] == [answer["request_id"]], "another request id in the header"

"""Hooks of Schemathesis for this server.

They read everything from the contract and the responses; no operation is listed here.
"""

import gc
import hashlib

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.media_types import YAML_MEDIA_TYPES
from schemathesis.engine import Status
from schemathesis.engine.run.stateful import _executor as chains
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import UseAfterFree

import checks  # noqa: F401 (registers them)
from people import COOKIE, ROLE, accounts, cursors, fits, follow_page, know_secrets, other_users

# Generating requests makes much garbage, but few cycles. Collecting those less often saves time.
# The modules loaded so far stay in memory and are excluded from collection.
gc.freeze()
gc.set_threshold(1_000_000)


class Session:
    def get(self, case, context):
        return accounts.current()["cookie"]

    def set(self, case, cookie, context):
        case.cookies = {**(case.cookies or {}), COOKIE: cookie}


if ROLE != "anonymous":
    schemathesis.auth(refresh_interval=None)(Session)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Drops use_after_free where the path does not end in a parameter: such a request deletes the
    entries of a list, and the list can still be requested."""
    return not (isinstance(failure, UseAfterFree) and not failure.operation.endswith("}"))


@schemathesis.hook
def before_call(context, case, kwargs):
    # The session may have ended after the case was generated.
    if accounts.has_issued(case):
        case.cookies[COOKIE] = accounts.current()["cookie"]
    if fits(case):
        know_secrets(case)
        lengthen_email(case)
        cursors.use(case)
        follow_page(case)
        other_users.send_first(case)


@schemathesis.hook
def after_call(context, case, response):
    # A new cookie, a cleared cookie, or a session that another request has ended.
    if "set-cookie" in response.headers or response.status_code == 401:
        accounts.forget(case)
    cursors.note(case, response)
    accounts.note_registered(case, response)


# A strategy for a format does not get the bounds of the length: Schemathesis draws up to 500 times
# until the length fits, and then gives up. So both strategies sometimes draw exactly the longest
# value, one character less or one more. bounds_are_reached in checks.py requires that.


# A password that satisfies the policy, which random strings hardly ever do.
def password(parts, rest, length):
    text = "".join(parts)
    return text + rest if length is None else (text * length)[:length]


schemathesis.openapi.format(
    "password",
    st.builds(
        password,
        st.permutations(["A", "b", "3", "-", "travel"]),
        st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=3, max_size=40),
        st.sampled_from([None] * 15 + [1, 2, 1023, 1024, 1025]),
    ),
)


# A local part of 64 characters, and a domain with labels of the longest allowed length.
def long_address(local, length):
    domain = f"{'b' * 63}.{'c' * 63}."
    return f"{local}@{domain}".ljust(length - len(".com"), "d") + ".com"


# A plausible email address: the server rejects most of the addresses that the standards allow, and
# then checks nothing else in the request. Most of the long ones have the longest allowed length,
# because the other phases generate none of that length.
schemathesis.openapi.format(
    "email",
    st.one_of(
        st.emails(),
        st.from_regex(r"[a-z]{2,10}[0-9]{1,6}@example\.(com|org)", fullmatch=True),
        st.builds(long_address, st.from_regex(r"[a-z]{64}", fullmatch=True), st.sampled_from([253, *[254] * 6, 255])),
    ),
)


def lengthen_email(case):
    """Uses an email address of the longest allowed length in a quarter of the valid requests. Hypothesis
    hardly ever draws one in some runs."""
    email = case.body.get("email") if isinstance(case.body, dict) else None
    if isinstance(email, str) and len(email) % 4 == 0 and case.meta.phase.name != TestPhase.EXAMPLES:
        case.body["email"] = long_address(hashlib.sha256(email.encode()).hexdigest(), 254)


# The contract describes these bodies as plain text. The server's own tests check their content.
@schemathesis.deserializer("text/html", "text/css", "text/javascript", "text/plain", *YAML_MEDIA_TYPES)
def text(context, response):
    return response.text


@schemathesis.deserializer("image/png")
def image(context, response):
    return response.content.decode("latin-1")


def go_on(*, ctx, engine, state, classify=chains._classify_flaky):
    """Continues with another seed until the requested number of chains has run.

    Hypothesis expects the same steps to get the same responses. A server has state, so Hypothesis
    gives up after a few chains; Schemathesis then ends the phase and reports success.
    """
    status, again, found = classify(ctx=ctx, engine=engine, state=state)
    wanted = engine.config.generation_for(phase="stateful").max_examples
    return status, again or (status is Status.SUCCESS and ctx.completed_scenarios < wanted), found


chains._classify_flaky = go_on

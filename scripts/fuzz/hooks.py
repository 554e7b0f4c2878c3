"""What Schemathesis has to be told to fuzz this server.

Everything comes from the contract or from the answers: there is no list of
operations here.
"""

import gc

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.media_types import YAML_MEDIA_TYPES
from schemathesis.engine import Status
from schemathesis.engine.run.stateful import _executor as chains
from schemathesis.openapi.checks import UseAfterFree

import checks  # noqa: F401 (it registers them)
from people import COOKIE, ROLE, accounts, cursors, fits, follow_page, know_secrets, strangers

# Drawing cases makes much garbage, little of it in cycles: looking for those as often as usual
# takes more time than it saves memory.
# What was loaded until here stays for good, and is not looked at again.
gc.freeze()
gc.set_threshold(1_000_000)


class Session:
    def get(self, case, context):
        return accounts.current()["cookie"]

    def set(self, case, cookie, context):
        case.cookies = {**(case.cookies or {}), COOKIE: cookie}


if ROLE != "nobody":
    schemathesis.auth(refresh_interval=None)(Session)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whose sessions have been ended has none, and the list of them says so: what was deleted
    is what was in the list. Only where a path ends in a parameter is it the thing itself."""
    return not (isinstance(failure, UseAfterFree) and not failure.operation.endswith("}"))


@schemathesis.hook
def before_call(context, case, kwargs):
    # The case may have been made before its session ended.
    if accounts.has_issued(case):
        case.cookies[COOKIE] = accounts.current()["cookie"]
    if fits(case):
        know_secrets(case)
        cursors.use(case)
        follow_page(case)
        strangers.ask_first(case)


@schemathesis.hook
def after_call(context, case, response):
    # A new token, a cleared one, or a session that another request has ended.
    if "set-cookie" in response.headers or response.status_code == 401:
        accounts.forget(case)
    cursors.note(case, response)
    accounts.note_registered(case, response)


# What a format makes is not told how long it must be: Schemathesis draws until the length is right,
# half a thousand times, and then does without. So both of these make now and then what is just as long
# as the contract allows, a character shorter, or one too long (checks.py requires that they do).


# A password by the rules; among random strings there is hardly ever one.
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


# 64 characters, and a domain whose labels are as long as they may be.
def long_address(local, length):
    domain = f"{'b' * 63}.{'c' * 63}."
    return f"{local}@{domain}".ljust(length - len(".com"), "d") + ".com"


# An address that somebody could have. Most of those that the standards allow nobody takes,
# and where the address is refused nothing else of the request is looked at.
# Of the longest that fits, the other phases make none: most of the long ones are that long.
schemathesis.openapi.format(
    "email",
    st.one_of(
        st.emails(),
        st.from_regex(r"[a-z]{2,10}[0-9]{1,6}@example\.(com|org)", fullmatch=True),
        st.builds(long_address, st.from_regex(r"[a-z]{64}", fullmatch=True), st.sampled_from([253, *[254] * 6, 255])),
    ),
)


# The contract describes these bodies as text, not as what is written in it. That the
# served contract is the contract is for the server's own tests to say.
@schemathesis.deserializer("text/html", "text/css", "text/javascript", "text/plain", *YAML_MEDIA_TYPES)
def text(context, response):
    return response.text


@schemathesis.deserializer("image/png")
def image(context, response):
    return response.content.decode("latin-1")


def go_on(*, ctx, engine, state, classify=chains._classify_flaky):
    """Goes on with another seed until there have been as many chains as were asked for.

    Hypothesis wants the same steps to get the same answers. A server has a memory, so it
    gives up after a few; Schemathesis then ends the phase, and calls that a success.
    """
    status, again, found = classify(ctx=ctx, engine=engine, state=state)
    wanted = engine.config.generation_for(phase="stateful").max_examples
    return status, again or (status is Status.SUCCESS and ctx.completed_scenarios < wanted), found


chains._classify_flaky = go_on

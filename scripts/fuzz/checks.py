"""Additional checks. Those with state are classes; Schemathesis creates one instance for a run."""

import schemathesis
from schemathesis.core.result import Ok
from schemathesis.core.transforms import UNRESOLVABLE
from schemathesis.generation.stateful.state_machine import StepOutput
from schemathesis.specs.openapi.stateful.links import OpenApiLink

from people import COOKIE, accounts, cursors, fits, in_chain, may_call, other_users, requires_session


def succeeded(response):
    return 200 <= response.status_code < 300


def operations(schema):
    return [found.ok() for found in schema.get_all_operations()]


def codes_of(schema):
    """Returns the codes of schema violations: those of the keywords, and every x-code.

    Without "invalid", which the server also uses for a well-formed cursor that it did not create.
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
class valid_requests_are_not_called_malformed:
    """Replaces positive_data_acceptance, see schemathesis.toml."""

    def __init__(self):
        self.shape = None

    def after_response(self, ctx, response, case):
        if not fits(case) or response.status_code not in (400, 413, 415):
            return
        # An inferred link has passed on a null, which fits no path parameter.
        if "None" in map(str, (case.path_parameters or {}).values()):
            return
        if response.status_code == 413 and len(response.request.body or b"") > 64 << 10:
            return
        answer = response.json()
        if response.status_code == 400 and answer["code"] not in ("malformed_body", "missing_fields", "invalid_fields"):
            return
        if self.shape is None:
            self.shape = codes_of(case.operation.schema.raw_schema)
        faults = [field["code"] for field in answer.get("fields", []) if not required_by_state(case, field)]
        if answer.get("fields") and not faults:
            return
        if faults and not self.shape.intersection(faults):
            return
        raise AssertionError(f"a valid request is rejected as malformed: {answer}")


def required_by_state(case, field):
    """Reports whether a missing field is optional in the schema: the server requires it of some accounts,
    such as the current password of those that have one."""
    bodies = [body.resolved_schema for body in case.operation.body]
    return field["code"] == "required" and any(
        field["field"] in body.get("properties", {}) and field["field"] not in body.get("required", []) for body in bodies
    )


@schemathesis.check
def errors_have_one_shape(ctx, response, case):
    """Every error has the same members, including those for unknown paths and methods."""
    if response.status_code < 400 or case.method == "HEAD":
        return
    answer = response.json()
    assert answer["ok"] is False and answer["error"] and answer["code"], answer
    assert response.headers["x-request-id"] == [answer["request_id"]], "another request id in the header"


@schemathesis.check
class bounds_are_reached:
    """The longest allowed value was sent in a valid request, and a value that is one character longer
    in an invalid one (see the formats in hooks.py). That the server accepts the first is checked by
    valid_requests_are_not_called_malformed."""

    def __init__(self):
        self.missing = {("password", 1024, True), ("password", 1025, False), ("email", 254, True), ("email", 255, False)}

    def after_response(self, ctx, response, case):
        if self.missing and isinstance(case.body, dict):
            sent = {(name, len(value), fits(case)) for name, value in case.body.items() if isinstance(value, str)}
            self.missing -= sent

    def after_run(self, ctx):
        assert not self.missing, f"(name, length, valid) that no request had: {sorted(self.missing)}"


@schemathesis.check
class other_users_are_rejected:
    """Replaces object_level_authorization, see schemathesis.toml: right before a successful request
    for an object, the same request of another user without rights got 403 or 404."""

    def __init__(self):
        self.schema = None

    def after_response(self, ctx, response, case):
        self.schema = case.operation.schema
        check_other_user(response, case)

    def after_run(self, ctx):
        objects = [o.label for o in operations(self.schema) if other_users.applies_to(o)]
        untried = [label for label in objects if label not in other_users.rejections]
        assert not untried, f"no other user has requested an existing object: {untried}"


def check_other_user(response, case):
    status = other_users.statuses.pop(case.id, None)
    if status is None or not succeeded(response):
        return
    label = case.operation.label
    assert status in (403, 404), f"another user got {status} from {label}"
    other_users.rejections[label] = other_users.rejections.get(label, 0) + 1


@schemathesis.check
class links_can_be_followed:
    """Follows each link of the contract that the role may follow once, to a success.

    The chains of Schemathesis also follow inferred links, and need not take the values that a link
    of the contract names.
    """

    def __init__(self):
        self.links = None
        self.followed = set()

    def after_response(self, ctx, response, case):
        if self.links is None:
            self.links = declared_links(case.operation.schema)
        for link in self.links:
            wanted = link.source.label == case.operation.label and link.status_code == str(response.status_code)
            # A chain may still use what it has created, so do not delete it.
            wanted = wanted and not (in_chain(case) and link.target.method.upper() == "DELETE")
            if wanted and fits(case) and link.full_name not in self.followed:
                self.follow(link, response, case)

    def follow(self, link, response, case):
        step = linked_request(link, response, case)
        if step is None:
            return
        if requires_session(link.target):
            step.cookies = {COOKIE: accounts.current()["cookie"]}
        cursors.use(step)
        other_users.send_first(step)
        answer = step.operation.schema.transport.send(step, base_url=step.operation.base_url, timeout=60)
        if answer.status_code in (401, 403):  # the session has ended, or is too old
            accounts.forget(step)
            return
        assert succeeded(answer), f"{link.full_name} leads to {answer.status_code}: {answer.text}"
        check_other_user(answer, step)
        self.followed.add(link.full_name)

    def after_run(self, ctx):
        missing = {link.full_name for link in self.links} - self.followed
        assert not missing, f"links that could not be followed: {sorted(missing)}"


def declared_links(schema):
    """Returns the links of the contract, without those that Schemathesis infers."""
    links = [
        OpenApiLink(name, status, definition, source)
        for source in operations(schema)
        for status, answer in source.responses.items()
        for name, definition in answer.iter_links()
    ]
    return [link for link in links if not link.is_inferred and may_call(link.source) and may_call(link.target)]


def linked_request(link, response, case):
    """Returns the request that a link leads to, or None if the response lacks a value for it."""
    transition = link.extract(StepOutput(response, case))
    parts = {
        container: {name: extracted.value.ok() for name, extracted in parameters.items() if isinstance(extracted.value, Ok)}
        for container, parameters in transition.parameters.items()
    }
    if any(value in (None, UNRESOLVABLE) for part in parts.values() for value in part.values()):
        return None
    # A link cannot name the members of a body (openapi-generator rejects that): reuse those that were sent.
    for body in link.target.body:
        members = body.resolved_schema["properties"]
        parts |= {"body": {k: v for k, v in case.body.items() if k in members}, "media_type": body.media_type}
    return link.target.Case(**parts)

"""The rows of RSGI: what granian's own interface has no place for. `granian --interface asgi` shows most of it."""

from __future__ import annotations

from tests.contract.deviation import OWN_COMMAND, Deviation

RSGI = ("granian-rsgi",)

ASCII_ONLY = "granian hands header fields on to RSGI as text, and leaves out those that are not ASCII."
BARE_HANDSHAKE = "RSGI accepts a handshake without a subprotocol and without fields."
BARE_DENIAL = "RSGI takes only a status to deny a handshake."
BARE_CLOSE = "RSGI takes no code for a close, and tells none."
NO_LINE = "granian is the one that logs, if it is told to: `granian --access-log`. " + OWN_COMMAND
CLOSED_WITH = "the client sees the code and the reason with which a websocket is closed"


def _denials() -> list[Deviation]:
    cases = (
        "test_a_hook_that_refuses",
        "test_a_handler_that_refuses[text-503-not now]",
        "test_a_handler_that_refuses[raise-403-members only]",
        "test_a_handler_that_refuses[error-500-500 Internal Server Error]",
        "test_a_streamed_refusal_is_whole_and_closed_once",
        "test_websockets_of_parts[group]",
        "test_websockets_of_parts[part]",
        "test_faulty_input_is_answered_before_the_handshake",
    )
    expected, instead = "a handshake that is refused gets the whole response", "it gets the status alone"
    return [Deviation(case, RSGI, expected, instead, BARE_DENIAL) for case in cases]


def _closes() -> list[Deviation]:
    cases = (
        "test_the_sessions_code_and_reason",
        "test_a_session_that_returns_closes_with_1000",
        "test_a_session_that_fails_closes_with_1011",
        "test_a_message_that_is_too_large_closes_with_1009",
        "test_a_message_of_the_wrong_kind_is_1003",
        "test_json",
        "test_an_idle_websocket_is_closed",
        "test_a_session_at_work_is_not_idle",
        "test_a_websocket_that_the_application_closes",
        "test_stalled_members_do_not_delay_the_others",
    )
    return [Deviation(case, RSGI, CLOSED_WITH, "1005: a close without a code", BARE_CLOSE) for case in cases]


def _subprotocols() -> list[Deviation]:
    offered = [f"test_subprotocols[offered{row}]" for row in ("0-v1", "1-v2", "2-v1")]
    cases = (*offered, "test_a_handler_that_opens_a_websocket_itself", "test_websocket")
    expected = "the client learns the subprotocol that is agreed to"
    instead = "it is left out; a browser that has offered some then closes the websocket"
    return [Deviation(case, RSGI, expected, instead, BARE_HANDSHAKE) for case in cases]


def _access_lines() -> list[Deviation]:
    cases = (
        "test_one_access_line_per_request",
        "test_one_access_line_for_what_breaks_off",
        "test_one_access_line_for_a_websocket",
        "test_the_access_line_shows_the_client_behind_the_proxy",
    )
    return [Deviation(case, RSGI, "one access line, in one format", "none", NO_LINE) for case in cases]


DEVIATIONS_OF_RSGI: tuple[Deviation, ...] = (
    Deviation(
        "test_undecodable_paths_match_nothing[/item/%zz]",
        RSGI,
        "a path with a malformed percent-encoding is 404",
        "`%zz` is the text `%zz`, as `%25zz` is",
        "RSGI tells only the decoded path, which shows both as the same.",
    ),
    Deviation(
        "test_a_prefix_that_a_proxy_has_left_on",
        RSGI,
        'with `root_path="/api"`, both `/echo` and `/api/echo` reach the route `/echo`',
        "there is no such prefix: only `/echo` does, and URLs lack `/api`",
        f"granian does not tell `--url-path-prefix` by RSGI. {OWN_COMMAND}",
    ),
    Deviation("test_latin1_headers", RSGI, "header fields have the bytes that were sent", "they are lost", ASCII_ONLY),
    Deviation(
        "test_cookies_that_scripts_have_set",
        RSGI,
        "cookies may be UTF-8 or Latin-1",
        "one such cookie, and all others of its field are lost",
        ASCII_ONLY,
    ),
    Deviation(
        "test_latin1_in_an_answer",
        RSGI,
        "a header field of a response is sent in Latin-1",
        "it is sent in UTF-8",
        "RSGI takes header fields as text, and granian encodes it so.",
    ),
    Deviation(
        "test_trailers_are_no_headers",
        RSGI,
        "a chunked body may have trailer fields",
        "400, as for a body that breaks off",
        "granian tells RSGI of trailer fields and of a broken body by the same empty chunk, and a body that breaks "
        "off must never look complete.",
    ),
    Deviation(
        "test_the_clients_code",
        RSGI,
        "a session sees the code with which its client has closed",
        "1005",
        BARE_CLOSE,
    ),
    *_subprotocols(),
    *_denials(),
    *_closes(),
    *_access_lines(),
)

"""The table of deviations: where a server forces another answer than the others give.

A case that is named here is still run, and has to fail: when a server changes, the row has to go. The documentation
publishes the table (`docs/deviations.md`, written by `python -m tests.contract.deviations`).
"""

from __future__ import annotations

from pathlib import Path

from tests.contract.deviation import LOST_BODY, NO_RAW_PATH, OWN_COMMAND, Deviation
from tests.contract.deviations_of_rsgi import DEVIATIONS_OF_RSGI

PAGE = Path(__file__).parents[2] / "docs" / "deviations.md"


DEVIATIONS: tuple[Deviation, ...] = (
    Deviation(
        "test_an_encoded_slash_stays_in_its_segment",
        ("scripted", "granian-rsgi"),
        "`/item/a%20b%2Fc` gives the parameter `a b/c`",
        "404: the slash divides two segments",
        NO_RAW_PATH,
    ),
    Deviation(
        "test_every_other_path_is_a_404[css%2Fsite.css]",
        ("scripted",),
        "`/static/css%2Fsite.css` is no file of a directory",
        "it is that of `css/site.css`; nothing outside the directory is found there either",
        NO_RAW_PATH,
    ),
    Deviation(
        "test_undecodable_paths_match_nothing",
        ("scripted",),
        "a path with bytes that are not UTF-8 is 404",
        "they arrive as U+FFFD and match a text parameter",
        NO_RAW_PATH,
    ),
    Deviation(
        "test_a_prefix_that_a_proxy_has_left_on",
        ("uvicorn-h11",),
        'with `root_path="/api"`, both `/echo` and `/api/echo` reach the route `/echo`',
        "only `/echo` does",
        "uvicorn puts `root_path` before whatever path was sent, so that `/api/echo` arrives as `/api/api/echo`. "
        + OWN_COMMAND,
    ),
    Deviation(
        "test_streams_come_to_their_end_when_the_server_stops",
        ("hypercorn-command",),
        "at SIGTERM `app.stopping` is set, and streams that wait for it come to their end, as event streams do",
        "they are broken off after the graceful timeout",
        f"hypercorn's workers are processes that get no signal. {OWN_COMMAND}",
    ),
    Deviation(
        "test_a_server_that_stops_closes_with_1012",
        ("hypercorn-command", "granian-command", "granian-rsgi"),
        "at SIGTERM websockets are closed with 1012, and their sessions may end in their own time",
        "under hypercorn they are closed with 1011 after the graceful timeout, under granian the session is cut off",
        OWN_COMMAND,
    ),
    Deviation(
        "test_a_session_that_does_not_end_is_cancelled",
        ("granian-command",),
        "a websocket session that does not end is cancelled after the graceful timeout",
        "the process ends without a word to it",
        OWN_COMMAND,
    ),
    Deviation(
        "test_the_clients_code",
        ("hypercorn",),
        "a session sees the code with which its client has closed",
        "1006",
        "hypercorn answers the close, and tells the application only that the connection has ended.",
    ),
    Deviation(
        "test_the_clients_reason",
        ("hypercorn", "granian", "granian-rsgi"),
        "a session sees the reason with which its client has closed",
        "it is empty",
        "hypercorn tells nothing of the close, granian by ASGI only its code, and by RSGI only that there was one.",
    ),
    Deviation(
        "test_a_client_that_closes_without_a_code",
        ("hypercorn", "granian"),
        "a close without a code is 1005",
        "1006",
        "hypercorn tells nothing of the close; granian says the same of it as of a connection that has broken off.",
    ),
    Deviation(
        "test_headers_of_the_handshakes_answer",
        ("granian", "granian-rsgi"),
        "a handler's `WebSocketResponse` may have headers",
        "they are left out",
        "granian takes the subprotocol of an acceptance, and not its headers.",
    ),
    Deviation(
        "test_a_handshake_that_changes_its_session",
        ("granian", "granian-rsgi"),
        "the handshake of a websocket may change its session",
        "without `Sessions(store=)` the change is lost: it would be in the cookie",
        "granian takes the subprotocol of an acceptance, and not its headers.",
    ),
    Deviation(
        "test_middleware_sees_the_handshake",
        ("granian", "granian-rsgi"),
        "middleware may add headers to the handshake's answer",
        "they are left out",
        "granian takes the subprotocol of an acceptance, and not its headers.",
    ),
    Deviation(
        "test_the_body_behind_an_upgrade_that_is_not_taken",
        ("uvicorn-command",),
        "the body of a request arrives, although the request asks for an upgrade that is not taken (`Upgrade: h2c`)",
        "the request is refused: 400, and the connection is closed",
        f"{LOST_BODY} {OWN_COMMAND}",
    ),
    Deviation(
        "test_the_body_is_no_request",
        ("uvicorn-command",),
        "behind such a request, its body is read as its body, and the next request as the next one",
        "a body that comes later than its head is read as a request, if the connection is still open",
        f"{LOST_BODY} {OWN_COMMAND}",
    ),
    Deviation(
        "test_the_request_behind_one_without_a_body",
        ("uvicorn-command",),
        "a request that comes in one piece with one that asks for an upgrade is answered, too",
        "it is never answered",
        f"{LOST_BODY} {OWN_COMMAND}",
    ),
    Deviation(
        "test_an_empty_body_of_unknown_size",
        (
            *("uvicorn-httptools", "uvicorn-h11", "uvicorn-command"),
            *("hypercorn", "hypercorn-command", "granian", "granian-command"),
        ),
        "a chunked body without a byte may belong to a request with an `Upgrade` field",
        "400, once a handler reads it",
        "From an application, it looks like a body that uvicorn has lost.",
    ),
    Deviation(
        "test_the_exit_code_is_zero",
        ("uvicorn-h11",),
        "the exit code after SIGTERM is 0",
        "the process ends by the signal (-15)",
        f"uvicorn raises the signal again once it has stopped. {OWN_COMMAND}",
    ),
    Deviation(
        "test_http_1_0_is_answered_and_closed[/stream/2]",
        ("uvicorn-httptools",),
        "a stream for an HTTP/1.0 client is delimited by the end of the connection",
        "it is chunked",
        "uvicorn with httptools frames the body without looking at the version; framing is the server's.",
    ),
    Deviation(
        "test_a_stream_that_fails_halfway_is_reset_for_http_1_0",
        ("uvicorn-h11", "hypercorn", "granian"),
        "a stream that is broken off is ended by a reset where, for an HTTP/1.0 client, nothing else shows it",
        "the connection is closed in order, and the body looks complete",
        "The error is raised to the server; how it then ends the connection is its own. Let proxies ask by HTTP/1.1 "
        "(nginx: `proxy_http_version 1.1`).",
    ),
    Deviation(
        "test_an_unread_body_costs_no_later_request",
        ("hypercorn",),
        "an answer to a request whose body is still on its way keeps the connection, or announces that it ends",
        "the connection is closed without an announcement; what is sent behind the body is lost",
        "hypercorn closes a connection whose request is not complete when its answer is, and does not write "
        "`Connection: close`. A handler that reads the body first avoids it.",
    ),
    Deviation(
        "test_the_host_is_checked[none]",
        ("granian",),
        "HTTP/1.1 without a Host field is 400",
        "200, with an empty host",
        "granian adds an empty Host field, which is a valid one, where there is none.",
    ),
    Deviation(
        "test_pipelined_requests_end_with_their_client",
        ("uvicorn-httptools", "hypercorn", "granian", "granian-rsgi"),
        "a client that has sent several requests at once and leaves is noticed while the first is handled",
        "it is noticed once that is answered",
        "These servers read nothing while a request waits behind the one that is handled; so they miss the end, too.",
    ),
    Deviation(
        "test_trailers_are_no_headers",
        ("uvicorn-httptools",),
        "trailer fields are not among the headers",
        "they are appended to the headers once the body is read",
        "uvicorn with httptools appends them to the list of headers it has handed out; they cannot be told apart.",
    ),
    Deviation(
        "test_an_answer_has_one_server_field",
        ("uvicorn-h11",),
        "the Server field of the application is the only one",
        "uvicorn's own comes before it",
        f"`uvicorn --no-server-header` turns that off. {OWN_COMMAND}",
    ),
    Deviation(
        "test_one_access_line_per_request",
        ("uvicorn-h11",),
        "one access line, in one format",
        "uvicorn's own line",
        OWN_COMMAND,
    ),
    Deviation(
        "test_the_access_line_shows_the_client_behind_the_proxy",
        ("uvicorn-h11",),
        "one access line, in one format, with the client that `ProxyHeaders` has found",
        "uvicorn's own line",
        OWN_COMMAND,
    ),
    Deviation(
        "test_no_proxy_is_believed_unless_it_is_named",
        ("uvicorn-h11",),
        "only the application's `ProxyHeaders` reads the fields of proxies",
        "they are believed from the loopback, before the application sees anything",
        f"`uvicorn --no-proxy-headers` turns that off. {OWN_COMMAND}",
    ),
    Deviation(
        "test_one_access_line_for_a_websocket",
        ("uvicorn-h11",),
        "one access line also for a websocket, when it has ended",
        "uvicorn's own lines, when it begins",
        OWN_COMMAND,
    ),
    Deviation(
        "test_one_access_line_for_what_breaks_off",
        ("uvicorn-h11",),
        "one access line also for what breaks off",
        "uvicorn's own line, with a status that says nothing of it",
        OWN_COMMAND,
    ),
    Deviation(
        "test_a_stopping_server_waits_as_long_as_it_may[too-long]",
        ("uvicorn-h11", "hypercorn-command", "granian-command", "granian-rsgi"),
        "background tasks get what is left of `shutdown_timeout`, and are cancelled then",
        "they get 20 seconds; granian ends the process at its own timeout, without cancelling them",
        "These servers do not tell an application how long it may take. `app.stopping.set(seconds)` in an "
        f"`on_shutdown` hook makes it less. {OWN_COMMAND}",
    ),
    Deviation(
        "test_a_handler_that_is_cut_off_when_the_server_stops",
        ("granian-command", "granian-rsgi"),
        "a handler that runs on at the end of the grace period is cancelled, and its exchange is reported",
        "the process ends without a word to it",
        f"granian ends its workers at its own timeout, without cancelling what runs. {OWN_COMMAND}",
    ),
    Deviation(
        "test_a_handler_that_is_cut_off_when_the_server_stops",
        ("hypercorn-command",),
        "a request that is cancelled at the end of the grace period gets a 503",
        "it gets a 500",
        "hypercorn's workers are processes that get no signal, so the application does not know of the stop. "
        f"{OWN_COMMAND}",
    ),
    Deviation(
        "test_a_websocket_that_its_client_closes",
        ("hypercorn",),
        "a websocket that its client closes has not broken off: `Outcome.disconnected` is False",
        "it is True",
        "hypercorn answers the close, and tells the application only that the connection has ended.",
    ),
    Deviation(
        "test_a_request_knows_its_session",
        ("uvicorn-httptools", "hypercorn", "granian"),
        "`request.tls` has the version, the cipher and the client's certificate",
        "over TLS it is a `TLSInfo` in which everything is None",
        "No server offers the `tls` extension of ASGI, by which an application would be told. The client's certificate "
        "is verified all the same.",
    ),
    Deviation(
        "test_a_new_certificate_is_taken_without_losing_a_connection",
        ("granian",),
        "at SIGUSR1 the files of the certificate are read anew, and no connection is lost",
        "the old certificate stays until the process is replaced",
        "granian reads the files when it starts, and keeps them in its own TLS library.",
    ),
    Deviation(
        "test_http_without_tls_is_a_400",
        ("uvicorn-httptools", "hypercorn", "granian"),
        "a request without TLS to a port with TLS is answered 400, with a text that says so",
        "the connection is closed",
        "The TLS library of these servers gets the bytes first, and ends the connection.",
    ),
    Deviation(
        "test_a_failed_handshake_is_a_line",
        ("granian",),
        "a failed TLS handshake is a line of the log, at most one every ten seconds",
        "there is none",
        "granian does not tell of it.",
    ),
    *DEVIATIONS_OF_RSGI,
)


def find(case: str, transport: str) -> Deviation | None:
    """The deviation of a case in a transport."""
    return next((row for row in DEVIATIONS if row.case == case and transport in row.transports), None)


def render() -> str:
    """The page of the documentation."""
    lines = [
        "# Deviations",
        "",
        "One suite of tests runs the same application through every way it can be served, and expects the same",
        "answers. Where a server makes that impossible, the case stands here with its reason. Each is still run:",
        "when the server changes, the test fails and the row goes.",
        "",
        "| where | expected everywhere | there | reason |",
        "|---|---|---|---|",
    ]
    for row in DEVIATIONS:
        lines.append(f"| {', '.join(row.transports)} | {row.expected} | {row.instead} | {row.reason} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.write_text(render())

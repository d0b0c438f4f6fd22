"""`redirect`, the answer after a form and the answer to `next=`."""

from __future__ import annotations

from sketch.checks import check_flags
from sketch.exceptions import HTTPBadRequest
from sketch.http.locations import Location, is_local
from sketch.response import HeadersArgument, RedirectResponse


def redirect(
    location: Location, *, status: int = 303, headers: HeadersArgument = None, local: bool = False
) -> RedirectResponse:
    """Make a redirect, by default with 303: the browser asks for the location by GET, also after a POST.

    So a reload does not send the form again. `RedirectResponse` has 307 as its default, which repeats the method.

    Args:
        location: a URL or a path, a `str` or `yarl.URL`; see `RedirectResponse`.
        status: 300, 301, 302, 303, 307 or 308.
        headers: further fields.
        local: refuse what is no path of this origin: a scheme, `//`, a backslash, a control character. For a location
            that a client has chosen: `redirect(request.query.get("next", "/"), local=True)`. With anything else, a
            link to this site could lead its visitor to another one.

    Raises:
        HTTPBadRequest: with `local`, for a location that is no path of this origin.
        TypeError: for a location that is neither `str` nor a `yarl.URL`, and a `local` that is no bool.
        ValueError: for another status, and header fields that cannot be sent.
    """
    check_flags(local=local)
    response = RedirectResponse(location, status=status, headers=headers)
    if local and not is_local(location):
        raise HTTPBadRequest(f"expected a path of this site, got {str(location)!r:.200}")
    return response

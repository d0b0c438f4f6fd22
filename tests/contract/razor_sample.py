"""The sample application of razor, with nothing but its import lines changed: every form of route, a view, events."""

# ruff: noqa: RET503
from sketch import (
    Application,
    Response,
    TextResponse,
    View,
    current_app as current_application,
    current_request as request,
)

app = Application("razor sample")
started = []


@app.route("/index/")
async def index():
    return TextResponse("Hello Razor")


@app.route("/users/{username}")
async def user(username):
    return TextResponse(f"user {username} of {current_application.name}")


@app.route("/orders/{order_id:int}")
async def order(order_id):
    return TextResponse(f"order {order_id + 1}")


@app.route(r"/codes/{code:\d{3}}", methods=["GET", "POST"])
async def code(code):
    return TextResponse(f"{request.method} code {code}")


@app.re_route("/regexp/\\w{3}-\\d{2}/?")
async def regexp():
    return TextResponse(request.path)


async def doc():
    return TextResponse("doc")


class Example(View):
    async def get(self, request):
        return TextResponse("view get")

    async def post(self, request):
        data = await request.json()
        return TextResponse(f"view post {data['name']}")


app.add_routes(("/help/", "/doc/", doc), ("/test/", Example.as_view()))


@app.route("/fail/")
async def fail():
    raise ZeroDivisionError("on purpose")


@app.on_startup
async def startup():
    started.append("startup")


@app.on_before_request
async def before_request():
    if request.headers.get("X-Blocked"):
        return TextResponse("blocked", status=403)


@app.on_after_request
async def after_request(response):
    response.headers["X-Started"] = ",".join(started)
    return response


@app.on_exception
async def exception(exc):
    if isinstance(exc, ZeroDivisionError):
        return Response(f"handled {exc}", status=500)


if __name__ == "__main__":
    app.run()

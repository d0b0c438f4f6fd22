"""The smallest application: `sketch run hello:app`, then open http://127.0.0.1:8080/hello/Ada."""

from sketch import Application, Response, run_app

app = Application()


@app.get("/hello/{name}")
async def hello(name: str) -> Response:
    return Response(f"Hello, {name}!")


if __name__ == "__main__":
    run_app(app)

"""The contestants: each module makes an application that does the work of `benchmarks.work`, and serves it.

Each application is written as the framework's documentation does it, with its fast options on: one process, one thread
for Python, uvloop and orjson where it supports them, no access log.

    make(variant)                   # the application; ASGI where the framework supports that
    serve(variant, port, server)    # serve it on 127.0.0.1 until SIGTERM
"""

"""The contestants: each module makes an application that does the work of `benchmarks.work`, and serves it.

Each is written as its own documentation would, with what makes it fast switched on: one process, one thread for
Python, uvloop where it takes that, orjson where it takes that, no access log.

    make(variant)                   # the application; ASGI where the framework knows that
    serve(variant, port, server)    # serve it on 127.0.0.1 until SIGTERM
"""

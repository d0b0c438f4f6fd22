"""Restarts when the code changes: the parent looks at the files, and the one worker imports the application.

The parent never imports the application. It holds the listening socket, so that requests wait while the old worker has
ended and the new one is not ready. A worker that cannot start the application serves a page that says why.
"""

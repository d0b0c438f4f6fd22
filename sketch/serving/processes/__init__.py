"""Worker processes: the parent that watches them, and what runs in each of them.

The parent owns the sockets, the signals and the table of workers, and never imports the application. Each worker is a
new interpreter that gets its sockets and its options from the parent, and is connected to it by a pipe.
"""

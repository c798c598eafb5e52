"""Provinces, districts, centers, services and fees: data that officers keep as CSV files.

`cells` says what one cell may hold, `layouts` which columns a file has, `files` turns a folder
into a Registry or into all its problems, `references` checks what one row says of another,
`loading` puts it into the database. Queries and dataclasses are in `app.storage.registry`.
"""
